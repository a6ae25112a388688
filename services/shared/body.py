"""The body of a request as one JSON object, or a clear refusal."""

from __future__ import annotations

import json
from typing import Never

from flask import request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from observability import Problem
from services.shared.fields import SHOWN, kind

LARGEST = 64 * 1024
"""Bytes. A larger body is refused, unread where it says its length."""


def json_object() -> dict[str, object]:
    """
    The JSON object (RFC 8259, strictly: no NaN, no name twice, no lone surrogate) that the current request carries.

    :raises Problem: ``unsupported_media_type``, ``too_large`` or ``invalid``.
    """
    if request.mimetype != "application/json":
        raise Problem("unsupported_media_type", "Send JSON, with the header Content-Type: application/json.")
    # one byte more than allowed, because werkzeug cuts a chunked body off at its limit without a word
    request.max_content_length = LARGEST + 1
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raw = None
    except ClientDisconnected:
        raise Problem("invalid", "The body ended before its announced length.") from None
    if raw is None or len(raw) > LARGEST:
        raise Problem("too_large", f"The body is larger than {LARGEST} bytes.")
    return parse_object(raw)


def parse_object(raw: bytes) -> dict[str, object]:
    """
    *raw* as a JSON object.

    :raises Problem: ``invalid``, with a sentence that says what is wrong and where, and never repeats a value.
    """
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_name_twice, parse_constant=_not_a_number)
        # what cannot be written again cannot be stored, logged or passed on
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem("invalid", f"The body is not UTF-8: byte {error.start} does not fit.") from None
    except UnicodeEncodeError:
        raise Problem("invalid", "The body has a string with a lone surrogate, which is no character.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem("invalid", f"The body is not JSON: {error.msg} at {where}.") from None
    except RecursionError:
        raise Problem("invalid", "The body is nested too deeply.") from None
    except ValueError:  # more than 4300 digits, or beyond the largest float
        raise Problem("invalid", "The body has a number that is too large.") from None
    if not isinstance(value, dict):
        raise Problem("invalid", f"The body must be a JSON object, not {kind(value)}.")
    return value


def _no_name_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, value in pairs:
        if name in values:
            shown = name[:SHOWN].encode("utf-8", "replace").decode("utf-8")
            raise Problem("invalid", f"The body has the name {shown!r} twice in one object.")
        values[name] = value
    return values


def _not_a_number(word: str) -> Never:
    raise Problem("invalid", f"The body is not JSON: {word} is no JSON number.")
