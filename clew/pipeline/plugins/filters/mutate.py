"""
The filter `mutate` (logstash-filter-mutate 3.5): renames, replaces, converts and cuts fields.

Operations run in the order below, whatever the order written. The first that fails ends the filter: what was done
stays done, the event is tagged, and nothing is added or removed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from clew.pipeline import regex, ruby
from clew.pipeline.event import Event, cloned
from clew.pipeline.fields import MISSING, EventError, FieldReference, reference
from clew.pipeline.options import Option, OptionError, Options
from clew.pipeline.plugin import Filter, FilterPlugin, Tools
from clew.pipeline.plugins.common import Action, array
from clew.pipeline.plugins.filters import mutate_convert, mutate_text
from clew.pipeline.sprintf import template


def _build(options: Options, tools: Tools, matched: Callable[[Event], None]) -> Filter:
    actions = [
        action
        for name, operation in _OPERATIONS.items()
        for action in (operation(options, name) if options.items_or_mapping(name) else [])
    ]
    tag = options.text("tag_on_failure")

    def apply(event: Event) -> None:
        try:
            for action in actions:
                action(event)
            matched(event)
        except EventError:
            event.tag(tag)

    return apply


def _on(name: str, make: Callable[[FieldReference], Action]) -> Action:
    """The action on a field; one that fails, if *name* is no field reference: Logstash only finds out then, too."""
    try:
        return make(reference(name))
    except EventError as wrong:
        message = str(wrong)

    def fail(event: Event) -> None:
        raise EventError(message)

    return fail


def _field(name: str) -> Callable[[Event], FieldReference]:
    """The field that a name with places (``%{…}``) stands for in an event."""
    named = template(name)
    return lambda event: reference(named(event))


def _coerce(options: Options, name: str) -> list[Action]:
    def action(field: FieldReference, default: str) -> Action:
        value = template(default)

        def coerce(event: Event) -> None:
            if event.get(field) is None:
                event.set(field, value(event))

        return coerce

    return [
        _on(field, partial(action, default=ruby.text_of(default))) for field, default in options.mapping(name).items()
    ]


def _rename(options: Options, name: str) -> list[Action]:
    def action(old: str, new: str) -> Action:
        source, target = _field(old), _field(new)

        def rename(event: Event) -> None:
            field, renamed = source(event), target(event)
            value = event.get(field)
            if value is not MISSING:
                event.remove(field)
                event.set(renamed, value)

        return rename

    return [action(old, ruby.text_of(new)) for old, new in options.mapping(name).items()]


def _replace(options: Options, name: str) -> list[Action]:
    only_present = name == "update"

    def action(field: FieldReference, text: str) -> Action:
        value = template(text)

        def replace(event: Event) -> None:
            if not only_present or event.includes(field):
                event.set(field, value(event))

        return replace

    return [_on(field, partial(action, text=ruby.text_of(text))) for field, text in options.mapping(name).items()]


def _convert(options: Options, name: str) -> list[Action]:
    def action(field: FieldReference, kind: str) -> Action:
        converter = mutate_convert.CONVERTERS.get(kind)
        if converter is None:
            raise OptionError(name, f"knows {', '.join(mutate_convert.CONVERTERS)}; not '{kind}'")

        def convert(event: Event) -> None:
            value = event.get(field)
            if isinstance(value, list):
                event.set(field, [None if item is None else converter(item) for item in value])
            elif value is not None and value is not MISSING and not isinstance(value, dict):
                event.set(field, converter(value))

        return convert

    return [_on(field, partial(action, kind=ruby.text_of(kind))) for field, kind in options.mapping(name).items()]


def _gsub(options: Options, name: str) -> list[Action]:
    texts = options.texts(name)
    if len(texts) % 3:
        raise OptionError(name, "must be a list of threes: field, pattern, replacement")
    actions: list[Action] = []
    for field, needle, replacement in zip(texts[::3], texts[1::3], texts[2::3], strict=True):
        try:
            if "%{" not in needle:
                regex.compiled(needle)
        except regex.RegexError as wrong:
            raise OptionError(name, f"cannot be used: {wrong}") from wrong
        actions.append(_on(field, partial(mutate_text.gsub, needle=needle, replacement=replacement)))
    return actions


def _each_text(change: Callable[[str], str], *, strict: bool = False) -> Callable[[Options, str], list[Action]]:
    """An operation on strings and strings in lists; what else a list holds stays, or fails if *strict*."""

    def item(value: object) -> object:
        if isinstance(value, str):
            return change(value)
        if strict:
            raise EventError(f"{ruby.inspect(value)} is not a string")
        return value

    def action(field: FieldReference) -> Action:
        def apply(event: Event) -> None:
            value = event.value(field)
            if isinstance(value, str):
                event.set(field, change(value))
            elif isinstance(value, list):
                event.set(field, [item(held) for held in value])
            elif value is not None and not strict:
                event.set(field, value)  # as Logstash does; it fails where even that is not allowed

        return apply

    return lambda options, name: [_on(field, action) for field in options.texts(name)]


def _split(options: Options, name: str) -> list[Action]:
    def action(field: FieldReference, separator: object) -> Action:
        def split(event: Event) -> None:
            value = event.value(field)
            if isinstance(value, str):
                event.set(field, list(mutate_text.split(value, separator)))

        return split

    return [_on(field, partial(action, separator=separator)) for field, separator in options.mapping(name).items()]


def _join(options: Options, name: str) -> list[Action]:
    def action(field: FieldReference, separator: object) -> Action:
        def join(event: Event) -> None:
            value = event.value(field)
            if isinstance(value, list):
                event.set(field, mutate_text.join(value, separator))

        return join

    return [_on(field, partial(action, separator=separator)) for field, separator in options.mapping(name).items()]


def _merge(options: Options, name: str) -> list[Action]:
    def action(target: FieldReference, names: list[str]) -> Action:
        sources = [reference(source) for source in names]

        def merge(event: Event) -> None:
            held = event.value(target)
            for source in sources:
                added = cloned(event.value(source))
                if isinstance(held, dict) and isinstance(added, dict):
                    held = {**held, **added}
                    event.set(target, held)
                elif not isinstance(held, dict) and not isinstance(added, dict):
                    merged = [*array(held), *array(added)]
                    held = merged if isinstance(held, list) else held
                    event.set(target, merged)

        return merge

    return [
        _on(target, partial(action, names=[ruby.text_of(source) for source in array(sources)]))
        for target, sources in options.mapping(name).items()
    ]


def _copy(options: Options, name: str) -> list[Action]:
    def action(source: FieldReference, copy: str) -> Action:
        target = reference(copy)

        def copy_field(event: Event) -> None:
            value = event.value(source)
            if value is not None:
                event.set(target, cloned(value))

        return copy_field

    return [_on(source, partial(action, copy=ruby.text_of(target))) for source, target in options.mapping(name).items()]


_OPERATIONS: dict[str, Callable[[Options, str], list[Action]]] = {
    "coerce": _coerce,
    "rename": _rename,
    "update": _replace,
    "replace": _replace,
    "convert": _convert,
    "gsub": _gsub,
    "uppercase": _each_text(str.upper),
    "capitalize": _each_text(mutate_text.capitalize),
    "lowercase": _each_text(ruby.downcase),
    "strip": _each_text(mutate_text.strip, strict=True),
    "split": _split,
    "join": _join,
    "merge": _merge,
    "copy": _copy,
}
_LISTS = ("gsub", "uppercase", "capitalize", "lowercase", "strip")

PLUGIN = FilterPlugin(
    "mutate",
    (
        *(Option(name, "list" if name in _LISTS else "hash") for name in _OPERATIONS),
        Option("tag_on_failure", default="_mutate_error"),
    ),
    _build,
)
