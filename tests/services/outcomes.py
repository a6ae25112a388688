"""What a call gave, or the problem it raised: for rules that hold either way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from observability import Problem

T = TypeVar("T")


def outcome(call: Callable[[], T]) -> T | Problem:
    try:
        return call()
    except Problem as problem:
        return problem
