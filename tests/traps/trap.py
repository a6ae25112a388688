"""What a trap is: something that telemetry set up as in tutorials gets wrong, and a check that says whether it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

S = TypeVar("S", contravariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap(Generic[S]):
    """
    :param name: ends the name of the tests that show it closed here, and open on the tutorial's app.
    :param wrong: what happens with the packages as tutorials set them up.
    :param promise: what happens here.
    :param check: does what springs the trap and raises AssertionError when it does.
    :param tutorial: how the tutorial's app differs from its defaults, where the trap is in a usual addition to them.
    """

    name: str
    wrong: str
    promise: str
    check: Callable[[S], None]
    tutorial: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name
