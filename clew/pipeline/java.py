"""What the Java half of Logstash makes of values: texts, JSON, and the order of a HashMap."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal

from clew.pipeline.timestamp import Timestamp

_ESCAPED = re.compile(r'[\x00-\x1f"\\]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text_of(value: object) -> str:
    """`toString()` of a value; floats as ``1.0E8``, hashes as ``{k=1}``, lists as ``[a, b]``."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return double(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={text_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(text_of(item) for item in value) + "]"
    return str(value)


def double(value: float) -> str:
    """`Double.toString` (JDK 19 and later, which prints the shortest digits that read back the same)."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        plain = format(Decimal(repr(value)), "f")
        return plain if "." in plain else plain + ".0"
    return scientific(value, "E")


def scientific(value: float, mark: str) -> str:
    """Digits, point, digits, *mark* and the exponent without padding: ``1.5E-7``."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)  # finite
    text = "".join(map(str, digits)).rstrip("0") or "0"
    power = exponent + len(digits) - 1
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}{mark}{power}"


def joined(items: list[object]) -> str:
    """A list inside a text: elements with commas between, nested lists flattened, null as nothing."""
    return ",".join("" if item is None else joined(item) if isinstance(item, list) else text_of(item) for item in items)


def to_json(value: object) -> str:
    """Jackson's JSON of a value, keys in the order in which a HashMap of theirs is walked."""
    if isinstance(value, dict):
        size = len(value)
        capacity = 1 << max(0, size - 1).bit_length()
        keys = _walked(list(value), capacity)
        return "{" + ",".join(f"{to_json(key)}:{to_json(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(to_json(item) for item in value) + "]"
    if isinstance(value, float):
        return double(value) if math.isfinite(value) else f'"{double(value)}"'
    if isinstance(value, Timestamp):
        return f'"{value}"'
    if isinstance(value, str):
        return f'"{_ESCAPED.sub(_escape, value)}"'
    return "null" if value is None else text_of(value)


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    return _SHORT.get(char) or f"\\u{ord(char):04X}"


def hash_order(mapping: Mapping[str, object]) -> dict[str, object]:
    """*mapping* in the order in which a `java.util.HashMap` filled with it is walked; nested hashes too."""
    return {key: _ordered(mapping[key]) for key in _walked(list(mapping), 16)}


def _ordered(value: object) -> object:
    if isinstance(value, dict):
        return hash_order(value)
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _walked(keys: list[str], capacity: int) -> list[str]:
    while len(keys) > 0.75 * capacity:
        capacity *= 2
    return sorted(keys, key=lambda key: _spread(key) & (capacity - 1))


def _spread(key: str) -> int:
    """`HashMap.hash` of `String.hashCode`, which runs over UTF-16 code units."""
    code = 0
    units = key.encode("utf-16-be", "surrogatepass")
    for index in range(0, len(units), 2):
        code = (31 * code + (units[index] << 8 | units[index + 1])) & 0xFFFFFFFF
    return code ^ (code >> 16)
