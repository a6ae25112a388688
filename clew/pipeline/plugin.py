"""What a plugin is to the pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from clew.pipeline.event import Event
from clew.pipeline.model import ElasticsearchOutput, FileInput, RawLine
from clew.pipeline.options import Option, Options
from clew.pipeline.sprintf import Template

Built = TypeVar("Built")

Filter = Callable[[Event], "list[Event] | None"]
"""
Changes the event in place (`Event.cancel` drops it) and gives None, or gives the events that go on in its stead. An
EventError is what would stop the real engine: the event goes on, tagged ``_<plugin>_exception``.
"""
Decode = Callable[["str | bytes"], "list[Event]"]
"""The events of one raw line. Never raises."""
Decorate = Callable[[Event, RawLine], None]
"""What an input adds to an event. Raises EventError if the event does not let it."""


@dataclass(frozen=True, slots=True)
class Tools:
    """
    What plugins get from outside.

    :param clock_ns: nanoseconds since the epoch.
    :param new_id: a fresh UUID as text.
    :param random: a number in [0, 1).
    :param ecs: the pipeline's ECS mode, ``v8`` or ``disabled``; an option `ecs_compatibility` overrides it.
    """

    clock_ns: Callable[[], int]
    new_id: Callable[[], str]
    random: Callable[[], float]
    ecs: str


@dataclass(frozen=True, slots=True)
class Plugin(Generic[Built]):
    """
    One plugin: its name, its own options (those that all of its kind have are added), and how to make one of it.

    `build` raises OptionError for values that only make sense together or not at all.
    """

    name: str
    options: tuple[Option, ...]
    build: Callable[[Options, Tools], Built]


@dataclass(frozen=True, slots=True)
class FilterPlugin:
    """
    As `Plugin`. `build` also gets *matched*: to be called with each event the filter succeeded on; it does what
    `add_field`, `remove_field`, `add_tag` and `remove_tag` ask for.
    """

    name: str
    options: tuple[Option, ...]
    build: Callable[[Options, Tools, Callable[[Event], None]], Filter]


@dataclass(frozen=True, slots=True)
class BuiltInput:
    """*description* has no codec options yet: whoever resolves the codec adds them."""

    description: FileInput
    decorate: Decorate


@dataclass(frozen=True, slots=True)
class BuiltOutput:
    """Index and document id of an event; *document_id* is None if the configuration sets none."""

    description: ElasticsearchOutput
    index: Template
    document_id: Template | None
