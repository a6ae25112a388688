"""
JSON text to values, as Jackson (codec `json`) and JrJackson (filter `json`) read it.

orjson reads what is plain; what it reads otherwise (integers over 64 bits, numbers too large, lone surrogates, text
after the value) goes through the standard library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final, NoReturn

import orjson

MAX_DEPTH: Final = 200  # Jackson stops at 1000, Python's own stack before that
MAX_NUMBER_LENGTH: Final = 1000  # Jackson's

_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_BIG = b"0" * 20  # with fewer digits an integer fits into 64 bits
_MARKS = re.compile(rb'"(?:\\.|[^"\\])*+(?:"|\Z)?|[\[{\]}]', re.DOTALL)  # strings and brackets, in linear time
_BLANK = re.compile(r"[ \t\n\r]*")
_NEGATIVE_ZERO = re.compile(r"-0(?:\.0+)?(?:[eE]|[^0-9.]|\Z)")


class JsonError(ValueError):
    """Not JSON, or nested too deeply."""


class _NoValue:
    """The type of NO_VALUE."""


NO_VALUE: Final = _NoValue()


def first_value(raw: bytes) -> object:
    """
    The first value in *raw*, valid UTF-8; what follows it is ignored, as Jackson does. Lone surrogates become ``?``.

    :raises JsonError: there is none.
    """
    _check_depth(raw)
    if not _has_big_number(raw):
        try:
            return orjson.loads(raw)
        except ValueError:  # what orjson cannot read is read below, more slowly
            return _first(raw.decode("utf-8"))
    return _first(raw.decode("utf-8"))


def last_value(text: str) -> object:
    """
    The last of the values that stand in *text* one after the other; NO_VALUE if it is blank. A byte order mark is
    passed over, negative zero loses its sign, lone surrogates are left out.

    :raises JsonError: something that is no JSON stands there.
    """
    text = text.removeprefix("\ufeff")
    raw = text.encode("utf-8", "surrogatepass")
    _check_depth(raw)
    if not _has_big_number(raw) and not _NEGATIVE_ZERO.search(text):
        try:
            return orjson.loads(raw)
        except ValueError:  # what orjson cannot read is read below, more slowly
            return _last(text)
    return _last(text)


def _first(text: str) -> object:
    value, _ = _next(_decoder(float), text, _skip(text, 0))
    return _without_surrogates(value, "?")


def _last(text: str) -> object:
    decoder = _decoder(lambda digits: float(digits) + 0.0)
    value: object = NO_VALUE
    at = _skip(text, 0)
    while at < len(text):
        value, at = _next(decoder, text, at)
        at = _skip(text, at)
    return _without_surrogates(value, "")


def _has_big_number(raw: bytes) -> bool:
    return _BIG in raw.translate(_DIGITS_AS_ZEROS)


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    assert match is not None  # it matches the empty string
    return match.end()


def _decoder(parse_float: Callable[[str], float]) -> json.JSONDecoder:
    return json.JSONDecoder(parse_constant=_refuse, parse_int=_integer, parse_float=_sized(parse_float))


def _next(decoder: json.JSONDecoder, text: str, at: int) -> tuple[object, int]:
    try:
        value, end = decoder.raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        raise JsonError(str(error)) from error
    if isinstance(value, (int, float)) and text[end : end + 1].strip(" \t\n\r"):
        raise JsonError("a number must be followed by a blank")
    return value, end


def _check_depth(raw: bytes) -> None:
    """:raises JsonError: brackets nest too deeply. Those inside strings do not count."""
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return
    depth = 0
    for mark in _MARKS.findall(raw):
        depth += (mark in b"[{") - (mark in b"]}")
        if depth > MAX_DEPTH:
            raise JsonError(f"nested deeper than {MAX_DEPTH}")


def _refuse(constant: str) -> NoReturn:
    raise JsonError(f"{constant} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise JsonError("a number is too long")
    return int(digits)


def _sized(convert: Callable[[str], float]) -> Callable[[str], float]:
    def number(digits: str) -> float:
        if len(digits) > MAX_NUMBER_LENGTH:
            raise JsonError("a number is too long")
        return convert(digits)

    return number


def _without_surrogates(value: object, replacement: str) -> object:
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", replacement, value)
    if isinstance(value, list):
        return [_without_surrogates(item, replacement) for item in value]
    if isinstance(value, dict):
        return {
            str(_without_surrogates(key, replacement)): _without_surrogates(item, replacement)
            for key, item in value.items()
        }
    return value
