"""
A view as JSON: what `/….json` answers and what ``--json`` prints, from the same dataclass and by the same function.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import orjson


def encode(view: object) -> bytes:
    """
    *view* (dataclasses, tuples, mappings, plain values) as UTF-8 JSON. Names of fields are names of members and carry
    their unit (``duration_ms``); tuples are arrays; a number that JSON cannot say (NaN, infinity) is null. Text that is
    no valid Unicode and integers beyond 64 bits, which a store may hold, are kept as Python's own encoder writes them.
    """
    plain = as_document(view)
    try:
        return orjson.dumps(plain)
    except TypeError:
        return json.dumps(plain, ensure_ascii=True, allow_nan=False).encode()


def as_document(value: object) -> Any:
    """
    *value* in terms of dict, list, str, int, float, bool and None.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value):
        return {field.name: as_document(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_document(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_document(entry) for entry in value]
    raise TypeError(f"a view holds a {type(value).__name__}, which JSON does not know")
