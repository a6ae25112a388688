"""What the Ruby half of Logstash makes of values: texts, numbers from text, `inspect`."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from clew.pipeline.fields import EventError
from clew.pipeline.java import scientific
from clew.pipeline.timestamp import Timestamp

_INTEGER_PREFIX = re.compile(r"\s*([+-]?[0-9]+(?:_[0-9]+)*)", re.ASCII)
_FLOAT = re.compile(r"([+-]?)((?:\d+(?:_\d+)*)?(?:\.\d+(?:_\d+)*)?)(?:[eE]([+-]?(?:\d+(?:_\d+)*)?))?", re.ASCII)
_HEX_FLOAT = re.compile(r"0x[0-9a-f]+(?:\.[0-9a-f]+)?(?:p[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_BIG_DECIMAL = re.compile(r"[+-]?\d*(?:\.\d+)?(?:[ed][+-]?\d+)?", re.ASCII | re.IGNORECASE)
_MAX_EXPONENT = 4000  # BigDecimal("1e999999999").to_i would be a gigabyte of digits
_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 27: "\\e", 34: '\\"', 92: "\\\\"}
STRIPPED = "\x00\t\n\v\f\r "


def text_of(value: object) -> str:
    """`to_s`: floats as ``1.0e+20``, nil as nothing, hashes and arrays as `inspect`."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    return inspect(value) if isinstance(value, (dict, list)) else str(value)


def float_text(value: float) -> str:
    """`Float#to_s`."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-4 <= abs(value) < 1e16:
        plain = format(Decimal(repr(value)), "f")
        return plain if "." in plain else plain + ".0"
    mantissa, _, power = scientific(value, "e").partition("e")
    return f"{mantissa}e{'-' if power.startswith('-') else '+'}{power.lstrip('-'):0>2}"


def inspect(value: object) -> str:
    """`inspect`, as Ruby 3.1 (Logstash 9.2) writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inspect(key)}=>{inspect(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inspect(item) for item in value) + "]"
    if isinstance(value, str):
        return f'"{inspect_bytes(value.encode("utf-8", "surrogatepass"))}"'
    return "nil" if value is None else text_of(value)


def inspect_bytes(raw: bytes) -> str:
    """What Ruby's `inspect` of these bytes has between the quotes: ``\\xE9`` for a byte that is no UTF-8."""
    parts: list[str] = []
    text = raw.decode("utf-8", "surrogateescape")
    for index, char in enumerate(text):
        code = ord(char)
        if 0xDC80 <= code <= 0xDCFF:
            parts.append(f"\\x{code - 0xDC00:02X}")
        elif code in _ESCAPES:
            parts.append(_ESCAPES[code])
        elif char == "#" and text[index + 1 : index + 2] in ("{", "$", "@"):
            parts.append("\\#")
        elif char.isprintable():
            parts.append(char)
        elif code < 0x20 or code == 0x7F:
            parts.append(f"\\x{code:02X}" if code == 0x7F else f"\\u{code:04X}")
        else:
            parts.append(f"\\u{code:04X}" if code < 0x10000 else f"\\u{{{code:X}}}")
    return "".join(parts)


def to_i(text: str) -> int:
    """`String#to_i`: the number at the beginning, else 0."""
    match = _INTEGER_PREFIX.match(text)
    return int(match.group(1)) if match else 0


def float_of(text: str) -> float:
    """`Float(text)`, JRuby's. :raises EventError: it is not a number from end to end."""
    match = _FLOAT.fullmatch(text.strip(STRIPPED))
    if match is None or not match[2] or match[3] == "":
        raise EventError(f"'{text}' is not a number")
    exponent = "0" if match[3] in (None, "+", "-") else match[3]
    return float(f"{match[1]}{match[2]}e{exponent}".replace("_", ""))


def hex_of(text: str) -> float | None:
    """The value of a text like ``-0x1A``, None if it does not begin so. :raises EventError: it does, and goes wrong."""
    unsigned = text.lstrip("+-") if text[:1] in ("+", "-") and text[1:2] not in ("+", "-") else text
    if not unsigned.lower().startswith("0x"):
        return None
    if not _HEX_FLOAT.fullmatch(unsigned):
        raise EventError(f"'{text}' is not a hexadecimal number")
    return math.copysign(float.fromhex(unsigned), -1.0 if text.startswith("-") else 1.0)


def big_decimal_to_i(text: str) -> int:
    """`BigDecimal(text).to_i`. :raises EventError: it is not a number, or has more than 4,000 digits."""
    if text.startswith("_"):
        return 0
    if not _BIG_DECIMAL.fullmatch(plain := re.sub(r"_(?=\d|\Z)", "", text)):
        raise EventError(f"'{text}' is not a number")
    try:
        number = Decimal(plain.lower().replace("d", "e"))
    except InvalidOperation as invalid:
        raise EventError(f"'{text}' is not a number") from invalid
    if number.adjusted() > _MAX_EXPONENT:
        raise EventError(f"'{text}' has too many digits")
    return int(number)


def integer_of(number: object) -> int:
    """`Integer(number)` of what is no text. :raises EventError: it has no integer."""
    if isinstance(number, Timestamp):
        return number.ns // 1_000_000_000
    if isinstance(number, float) and math.isfinite(number):
        return int(number)
    if isinstance(number, int):
        return int(number)
    raise EventError(f"{inspect(number)} has no integer")


@lru_cache(maxsize=1024)
def downcase(text: str) -> str:
    """`String#downcase`: letter by letter, without the final sigma."""
    return text.lower() if "Σ" not in text else "".join(char.lower() for char in text)
