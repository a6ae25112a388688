"""The files that make up the real stack, read as plain data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.env import values

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
OURS = "${CLEW_IMAGE:?run make env}"

_REFERENCE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?P<otherwise>[^}]*)\})")


def references(text: str) -> set[tuple[str, str]]:
    """(variable, what follows its name) of every reference in a compose file; `$$` is none."""
    found = {(match["name"], match["otherwise"]) for match in _REFERENCE.finditer(uncommented(text)) if match["name"]}
    assert "$" not in _REFERENCE.sub("", uncommented(text)), "a variable without braces"
    return found


def uncommented(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def interpolated(text: str, environ: Mapping[str, str]) -> str:
    """What compose reads when *environ* is .env."""
    return _REFERENCE.sub(lambda match: environ[match["name"]] if match["name"] else "$", uncommented(text))


def as_run(text: str) -> dict[str, Any]:
    """The file as compose reads it after `make env`."""
    environ = {name: value or "0" * 40 for name, value in values(EXAMPLE).items()}
    loaded = yaml.safe_load(interpolated(text, environ))
    assert isinstance(loaded, dict)
    return loaded


def services(text: str) -> dict[str, dict[str, Any]]:
    """Service by name, with references as they are written."""
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
    return loaded


def strings(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, text) of everything below *value*."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from strings(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, path)
    else:
        yield path, str(value)
