"""
The log line's schema, and a check of lines against it.

The schema is `log-line.schema.json` (JSON Schema 2020-12); documentation is generated from its descriptions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator


def schema() -> dict[str, Any]:
    """
    The schema, a fresh copy that the caller owns.
    """
    document: dict[str, Any] = json.loads(_text())
    return document


def validate_line(line: bytes | str) -> list[str]:
    """
    What is wrong with *line* (with or without its newline), one sentence each; empty when nothing is.

    Beyond the schema: it is one line of UTF-8 without a key twice, ``@timestamp`` is the first key and a real moment,
    and ``event.id`` is made of ``service.node.name`` and ``event.sequence``.

    :raises RuntimeError: when jsonschema is not installed; the message has the command.
    """
    validator = _validator()
    try:
        text = line.decode("utf-8") if isinstance(line, bytes) else line
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        return [f"The line is not UTF-8: {error.reason} at byte {error.start}."]
    except ValueError as error:
        return [f"The line is not JSON: {error}."]
    text = text.removesuffix("\n")
    complaints = ["The line is broken by a newline."] if "\n" in text or "\r" in text else []
    complaints += [_sentence(error) for error in validator.iter_errors(document)]
    return complaints or list(_beyond(document))


def _beyond(document: dict[str, Any]) -> Iterator[str]:
    """What JSON Schema cannot say, of a document that fits it."""
    if next(iter(document)) != "@timestamp":
        yield f"@timestamp is not the first key, {next(iter(document))} is."
    try:
        datetime.fromisoformat(document["@timestamp"])
    except ValueError as error:
        yield f"@timestamp: {error}."
    event, node = document["event"], document["service"]["node"]["name"]
    if event["id"] != f"{node}-{event['sequence']}":
        yield f"event.id is {event['id']}, not service.node.name and event.sequence ({node}-{event['sequence']})."


def _sentence(error: ValidationError) -> str:
    where = ".".join(str(part) for part in error.absolute_path) or "The line"
    if error.validator == "not":
        return f"{where} {'must be one line' if error.validator_value else 'does not belong on this line'}."
    return f"{where}: {error.message}."


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} stands in it twice")
    return document


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


@cache
def _text() -> str:
    return files("observability").joinpath("log-line.schema.json").read_text("utf-8")


@cache
def _validator() -> Validator:
    try:
        from jsonschema import Draft202012Validator
    except ImportError as missing:
        raise RuntimeError("Checking log lines needs jsonschema. Run: pip install 'jsonschema>=4.26'") from missing
    return Draft202012Validator(schema())
