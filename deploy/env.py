"""
``make env``: make .env from .env.example, with random passwords where the example has none.

What stands in .env already is never changed: Elasticsearch and Postgres keep the password of their first start, and
would not know a new one. Lines that the example has gained since are added.
"""

from __future__ import annotations

import os
import re
import secrets
import string
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_ASSIGNMENT = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")
_ALPHABET = string.ascii_letters + string.digits

RENEW = (
    "To renew the passwords, remove the data that belongs to them, too: "
    "docker compose down --volumes && rm .env && make env"
)


def random_password() -> str:
    """40 letters and digits (238 bits): nothing that a URL, a shell or a YAML file would read in its own way."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(40))


def values(text: str) -> dict[str, str]:
    """The assignments of a .env file, in order."""
    return {match[1]: match[2] for match in map(_ASSIGNMENT.fullmatch, text.splitlines()) if match}


def filled(lines: list[str], password: Callable[[], str]) -> list[str]:
    """*lines* with a password after every ``NAME=`` that has nothing."""
    return [line + password() if (m := _ASSIGNMENT.fullmatch(line)) and not m[2] else line for line in lines]


def missing(example: str, present: str) -> list[str]:
    """The lines of *example* whose variables *present* lacks or leaves empty, each with the comment above it."""
    there = {name for name, value in values(present).items() if value}
    found: list[str] = []
    comment: list[str] = []
    for line in example.splitlines():
        assignment = _ASSIGNMENT.fullmatch(line)
        if assignment and assignment[1] not in there:
            found += [*comment, line]
        comment = [*comment, line] if line.startswith("#") else []
    return found


def write(root: Path, *, password: Callable[[], str] = random_password) -> str:
    """
    Make or complete ``.env`` in *root*, readable by its owner only; what was done, in a sentence or two.
    """
    example, target = (root / ".env.example").read_text("utf-8"), root / ".env"
    try:
        present = target.read_text("utf-8")
    except FileNotFoundError:
        _write(target, "\n".join(filled(example.splitlines(), password)) + "\n", os.O_EXCL)
        return "Wrote .env with new random passwords. Next: docker compose up --detach"
    target.chmod(0o600)
    new = missing(example, present)
    if not new:
        return f".env is there and complete; nothing was changed. {RENEW}"
    _write(target, "\n".join(["", *filled(new, password)]) + "\n", os.O_APPEND)
    names = ", ".join(values("\n".join(new)))
    return f".env was there; added what it lacked: {names}. Nothing else was changed. {RENEW}"


def _write(path: Path, text: str, how: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    sys.stdout.write(write(ROOT) + "\n")
