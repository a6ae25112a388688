"""
The input `file` (logstash-input-file 4.4): lines of files that grow.

Reading is done elsewhere, by the description made here (`clew.pipeline.model.FileInput`); here a line's events get
what the input adds to them.
"""

from __future__ import annotations

from clew.pipeline.event import Event
from clew.pipeline.fields import EventError, FieldReference, reference
from clew.pipeline.model import FileInput, RawLine
from clew.pipeline.options import Option, OptionError, Options
from clew.pipeline.plugin import BuiltInput, Decorate, Plugin, Tools
from clew.pipeline.plugins.common import Action, add_fields, add_tags, ecs_mode

_DEFAULT_OPEN_FILES = 4095


def _build(options: Options, tools: Tools) -> BuiltInput:
    paths = options.texts("path")
    for path in paths:
        if not path.startswith("/"):
            raise OptionError("path", f"must be absolute; '{path}' is not")
    if not paths:
        raise OptionError("path", "must name at least one file")
    if not options.text("delimiter"):
        raise OptionError("delimiter", "must have at least one character")
    ecs = ecs_mode(options, tools.ecs)
    stat_interval = options.number("stat_interval")
    codec = options.codec("codec")
    description = FileInput(
        id=options.text("id"),
        paths=tuple(paths),
        exclude=tuple(options.texts("exclude")),
        codec=(codec.name, {}),
        start_position=options.text("start_position"),
        mode=options.text("mode"),
        delimiter=options.text("delimiter"),
        sincedb_path=options.text("sincedb_path"),
        stat_interval_s=stat_interval,
        discover_interval_s=options.number("discover_interval") * stat_interval,
        close_older_s=options.number("close_older"),
        ignore_older_s=options.optional_number("ignore_older"),
        max_open_files=int(options.number("max_open_files")),
        type=options.text("type"),
        tags=tuple(options.texts("tags")),
        add_field=options.mapping("add_field"),
        ecs_compatibility="v8" if ecs else "disabled",
    )
    return BuiltInput(description, _decoration(options, ecs=ecs))


def _decoration(options: Options, *, ecs: bool) -> Decorate:
    host_field = reference("[host][name]" if ecs else "host")
    path_field = reference("[log][file][path]" if ecs else "path")
    kind = options.text("type")
    actions: list[Action] = []
    if options.mapping("add_field"):
        actions.append(add_fields(options.mapping("add_field")))
    if options.items("tags"):
        actions.append(add_tags(options.texts("tags")))

    def decorate(event: Event, line: RawLine) -> None:
        event.metadata["path"] = line.path
        event.metadata["host"] = line.host
        _set_if_absent(event, host_field, line.host)
        _set_if_absent(event, path_field, line.path)
        if kind and "type" not in event.data:
            event.data["type"] = kind
        for action in actions:
            action(event)

    return decorate


def _set_if_absent(event: Event, field: FieldReference, value: str) -> None:
    try:
        if not event.includes(field):
            event.set(field, value)
    except EventError:
        return  # the field would lie below a scalar: the event goes without it, as in Logstash


PLUGIN: Plugin[BuiltInput] = Plugin(
    "file",
    (
        Option("path", "list", required=True),
        Option("exclude", "list"),
        Option("start_position", default="end", choices=("beginning", "end")),
        Option("mode", default="tail", choices=("tail",)),
        Option("delimiter", default="\n"),
        Option("sincedb_path"),
        Option("stat_interval", "duration", 1.0),
        Option("discover_interval", "number", 15),
        Option("close_older", "duration", 3600.0),
        Option("ignore_older", "duration"),
        Option("max_open_files", "number", _DEFAULT_OPEN_FILES),
    ),
    _build,
)
