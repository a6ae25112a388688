"""`mutate`'s operations on text, as Ruby's String and Array do them."""

from __future__ import annotations

import re
from functools import lru_cache

from clew.pipeline import regex, ruby
from clew.pipeline.event import Event
from clew.pipeline.fields import EventError, FieldReference
from clew.pipeline.plugins.common import Action
from clew.pipeline.sprintf import template

_BACKSLASHED = re.compile(r"\\(?:k<([^>]*)>|(.))", re.DOTALL)
_AWK_BLANKS = re.compile(r"[\x00\t\n\v\f\r ]+")


def capitalize(text: str) -> str:
    return text[:1].title() + ruby.downcase(text[1:])


def strip(text: str) -> str:
    return text.strip(ruby.STRIPPED)


def split(text: str, separator: object) -> list[str]:
    """`String#split`: empty pieces at the end are left out; one blank splits at any run of blanks."""
    if not isinstance(separator, str):
        raise EventError(f"{ruby.inspect(separator)} is not a string")
    if text == "":
        return []
    if separator == " ":
        pieces = _AWK_BLANKS.split(text.lstrip(ruby.STRIPPED))
    else:
        pieces = text.split(separator) if separator else list(text)
    while pieces and pieces[-1] == "":
        pieces.pop()
    return pieces


def join(items: list[object], separator: object) -> str:
    """`Array#join`: nested lists are flattened."""
    if not isinstance(separator, str):
        raise EventError(f"{ruby.inspect(separator)} is not a string")
    return separator.join(join(item, separator) if isinstance(item, list) else ruby.text_of(item) for item in items)


def gsub(field: FieldReference, needle: str, replacement: str) -> Action:
    """Replaces every match in a string, and in the strings of a list. Both texts may have places for fields."""
    pattern_text, replacement_text = template(needle), template(replacement)
    fixed = None if "%{" in needle else regex.compiled(needle)

    def replaced(event: Event, text: str) -> str:
        try:
            pattern = fixed or regex.compiled(pattern_text(event))
        except regex.RegexError as wrong:
            raise EventError(str(wrong)) from wrong
        parts = _parts(replacement_text(event))
        return pattern.sub(lambda match: "".join(_part(part, match) for part in parts), text)

    def apply(event: Event) -> None:
        value = event.value(field)
        if isinstance(value, str):
            event.set(field, replaced(event, value))
        elif isinstance(value, list):
            event.set(field, [replaced(event, item) if isinstance(item, str) else item for item in value])

    return apply


@lru_cache(maxsize=256)
def _parts(replacement: str) -> tuple[tuple[str, str], ...]:
    """What a replacement is made of: ("text", …), ("group", number or name), ("before" or "after", "")."""
    parts: list[tuple[str, str]] = []
    at = 0
    for match in _BACKSLASHED.finditer(replacement):
        parts.append(("text", replacement[at : match.start()]))
        at = match.end()
        name, char = match.groups()
        if name is not None or char.isdigit() or char == "&":
            parts.append(("group", "0" if char == "&" else name or char))
        elif char in "`'":
            parts.append(("before" if char == "`" else "after", ""))
        else:
            parts.append(("text", "\\" if char == "\\" else match.group()))
    parts.append(("text", replacement[at:]))
    return tuple(parts)


def _part(part: tuple[str, str], match: re.Match[str]) -> str:
    kind, value = part
    if kind == "text":
        return value
    if kind == "before":
        return match.string[: match.start()]
    if kind == "after":
        return match.string[match.end() :]
    try:
        return match[int(value) if value.isdigit() else value] or ""
    except IndexError as unknown:
        if value.isdigit():
            return ""
        raise EventError(f"the pattern has no group '{value}'") from unknown
