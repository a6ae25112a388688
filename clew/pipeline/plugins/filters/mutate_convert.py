"""`mutate { convert }`: what each type makes of a value. Converters raise EventError for what they cannot read."""

from __future__ import annotations

import re
from collections.abc import Callable

from clew.pipeline import ruby
from clew.pipeline.fields import EventError
from clew.pipeline.timestamp import Timestamp

_TRUE = re.compile(r"^(?:true|t|yes|y|1|1.0)$", re.IGNORECASE | re.MULTILINE)
_FALSE = re.compile(r"^(?:false|f|no|n|0|0.0)$", re.IGNORECASE | re.MULTILINE)
_EU = str.maketrans(",.", ".,")


def _boolean(value: object) -> object:
    """What is neither yes nor no stays."""
    text = ruby.text_of(value)
    if _TRUE.search(text):
        return True
    if text == "" or _FALSE.search(text):
        return False
    return value


def _integer(value: object) -> object:
    """The number at the beginning of a text, else 0; but a text with an ``e`` in it must be a number throughout."""
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        return ruby.integer_of(value)
    text = _cleaned(value)
    hexadecimal = ruby.hex_of(text)
    if hexadecimal is not None:
        return int(hexadecimal) if "." in text else int(text, 16)
    return ruby.big_decimal_to_i(text) if "e" in text else ruby.to_i(text)


def _float(value: object) -> object:
    if isinstance(value, (bool, int, float)):
        return float(value)
    if isinstance(value, Timestamp):
        return value.ns / 1_000_000_000
    if not isinstance(value, str):
        raise EventError(f"{ruby.inspect(value)} has no float")
    text = _cleaned(value)
    hexadecimal = ruby.hex_of(text)
    return ruby.float_of(text) if hexadecimal is None else hexadecimal


def _cleaned(text: str) -> str:
    return ruby.downcase(text.strip(ruby.STRIPPED).replace(",", ""))


def _european(convert: Callable[[object], object]) -> Callable[[object], object]:
    """The same, with comma and point having changed places."""
    return lambda value: convert(value.translate(_EU) if isinstance(value, str) else value)


CONVERTERS: dict[str, Callable[[object], object]] = {
    "string": ruby.text_of,
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
    "integer_eu": _european(_integer),
    "float_eu": _european(_float),
}
