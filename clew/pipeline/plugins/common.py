"""
The options that all plugins of a kind have, and what filters and inputs do with them.

Source: logstash-core's `plugin.rb`, `inputs/base.rb`, `filters/base.rb`, `util/decorators.rb` (9.x).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from clew.pipeline import ruby
from clew.pipeline.event import TAGS, Event
from clew.pipeline.fields import reference
from clew.pipeline.options import Option, Options
from clew.pipeline.sprintf import Template, template

ECS_MODES: Final = ("disabled", "v1", "v8")
EVERY_PLUGIN: Final = (Option("id"), Option("enable_metric", "boolean", True))
EVERY_CODEC: Final = (*EVERY_PLUGIN, Option("ecs_compatibility", choices=ECS_MODES))
EVERY_INPUT: Final = (
    *EVERY_CODEC,
    Option("codec", "codec", "plain"),
    Option("type"),
    Option("tags", "list"),
    Option("add_field", "hash"),
)
EVERY_OUTPUT: Final = EVERY_CODEC
EVERY_FILTER: Final = (
    *EVERY_CODEC,
    Option("add_field", "hash"),
    Option("remove_field", "list"),
    Option("add_tag", "list"),
    Option("remove_tag", "list"),
    Option("periodic_flush", "boolean", False),
)

Action = Callable[[Event], None]


def ecs_mode(options: Options, pipeline_mode: str) -> bool:
    """Whether fields are to be named as ECS has them."""
    return (options.text("ecs_compatibility") or pipeline_mode) != "disabled"


def on_match(options: Options) -> Action:
    """What a filter does to an event that it succeeded on, in Logstash's order."""
    actions: list[Action] = []
    if options.mapping("add_field"):
        actions.append(add_fields(options.mapping("add_field")))
    if options.items("remove_field"):
        actions.append(_remove_fields(options.texts("remove_field")))
    if options.items("add_tag"):
        actions.append(add_tags(options.texts("add_tag")))
    if options.items("remove_tag"):
        actions.append(_remove_tags(options.texts("remove_tag")))
    if len(actions) == 1:
        return actions[0]

    def matched(event: Event) -> None:
        for action in actions:
            action(event)

    return matched


def templates(value: object) -> list[Template]:
    """One template per value of a field that is to be added."""
    return [template(ruby.text_of(item)) for item in array(value)]


def array(value: object) -> list[object]:
    """Ruby's `Array(value)`, a new list: nothing of null, pairs of a hash, one element of anything else."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [[key, item] for key, item in value.items()]
    return list(value) if isinstance(value, list) else [value]


def add_fields(fields: Mapping[str, object]) -> Action:
    """Sets each field, or appends to what it holds."""
    prepared = [(template(name), templates(value)) for name, value in fields.items()]

    def add(event: Event) -> None:
        for name, values in prepared:
            field = reference(name(event))
            for value in values:
                text = value(event)
                event.set(field, [*array(event.value(field)), text] if event.includes(field) else text)

    return add


def add_tags(tags: Sequence[str]) -> Action:
    prepared = [template(tag) for tag in tags]

    def add(event: Event) -> None:
        event.set(TAGS, [*array(event.value(TAGS)), *(tag(event) for tag in prepared)])

    return add


def _remove_fields(names: Sequence[str]) -> Action:
    prepared = [template(name) for name in names]

    def remove(event: Event) -> None:
        for name in prepared:
            event.remove(reference(name(event)))

    return remove


def _remove_tags(tags: Sequence[str]) -> Action:
    prepared = [template(tag) for tag in tags]

    def remove(event: Event) -> None:
        if event.value(TAGS) is None:
            return
        left = array(event.value(TAGS))
        for tag in prepared:
            if not left:
                break
            unwanted = tag(event)
            left = [held for held in left if held != unwanted]
        event.set(TAGS, left)

    return remove
