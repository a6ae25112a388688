"""A configuration text to a `Pipeline`, or to everything that is wrong with it."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from clew.pipeline.conditions import Condition, Refused, compile_condition
from clew.pipeline.errors import Complaint, ConfigError, Place
from clew.pipeline.fields import EventError
from clew.pipeline.language import parse
from clew.pipeline.language.ast import Arm, Branch, Config, PluginBlock, Statement
from clew.pipeline.model import ElasticsearchOutput
from clew.pipeline.options import Option, OptionError, Options, resolve
from clew.pipeline.pipeline import Pipeline, Source
from clew.pipeline.plugin import Decode, Plugin, Tools
from clew.pipeline.plugins.common import EVERY_CODEC, EVERY_FILTER, EVERY_INPUT, EVERY_OUTPUT, on_match
from clew.pipeline.registry import CODECS, FILTERS, INPUTS, OUTPUTS
from clew.pipeline.stages import CONDITION, Counter, Step, branch_step, filter_step, output_step

T = TypeVar("T")


def compile_pipeline(
    text: str,
    *,
    filename: str,
    environment: Mapping[str, str],
    escapes: bool = False,
    ecs: str = "v8",
    clock_ns: Callable[[], int] = time.time_ns,
    new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    chance: Callable[[], float] = random.random,
) -> Pipeline:
    """
    *text*, a Logstash configuration, ready to run.

    :param filename: for messages.
    :param environment: what ``${VAR}`` in quoted strings means.
    :param escapes: Logstash's setting `config.support_escapes`.
    :param ecs: Logstash's setting `pipeline.ecs_compatibility`: ``v8`` or ``disabled``.
    :param clock_ns: nanoseconds since the epoch; *new_id* makes UUIDs, *chance* numbers in [0, 1).
    :raises ConfigError: with all complaints of the file; one alone, if it is not in the language.
    """
    config = parse(text, file=filename, escapes=escapes)
    return _Compiler(environment, Tools(clock_ns, new_id, chance, ecs)).pipeline(config)


class _Compiler:
    def __init__(self, environment: Mapping[str, str], tools: Tools) -> None:
        self._environment = environment
        self._tools = tools
        self._complaints: list[Complaint] = []
        self._counters: list[Counter] = []
        self._ids: dict[str, Place] = {}
        self._outputs: list[ElasticsearchOutput] = []

    def pipeline(self, config: Config) -> Pipeline:
        self._complaints.extend(config.complaints)
        sources = [source for statement in config.statements("input") for source in self._source(statement)]
        filters = self._steps(config.statements("filter"), self._filter)
        outputs = self._steps(config.statements("output"), self._output)
        if self._complaints:
            raise ConfigError(self._complaints)
        return Pipeline(sources, filters, outputs, self._outputs, self._counters, self._tools.clock_ns)

    def _complain(self, place: Place, message: str) -> None:
        self._complaints.append(Complaint.at(place, message))

    def _steps(self, statements: Sequence[Statement], plugin: Callable[[PluginBlock], Step | None]) -> list[Step]:
        made = [
            self._branch(statement.arms, statement.otherwise, plugin)
            if isinstance(statement, Branch)
            else plugin(statement)
            for statement in statements
        ]
        return [step for step in made if step is not None]

    def _branch(
        self, arms: Sequence[Arm], otherwise: Sequence[Statement], plugin: Callable[[PluginBlock], Step | None]
    ) -> Step | None:
        """``else if`` is an ``if`` inside ``else``."""
        arm = arms[0]
        condition = self._condition(arm)
        counter = self._counter(f"if_{arm.place.line}_{arm.place.column}", CONDITION, "if", arm.place)
        then = self._steps(arm.body, plugin)
        if len(arms) > 1:
            inner = self._branch(arms[1:], otherwise, plugin)
            rest = [] if inner is None else [inner]
        else:
            rest = self._steps(otherwise, plugin)
        return None if condition is None else branch_step(condition, then, rest, counter)

    def _condition(self, arm: Arm) -> Condition | None:
        try:
            return compile_condition(arm.condition, self._environment)
        except Refused as refused:
            self._complain(refused.place, refused.message)
            return None

    def _counter(self, stage_id: str, kind: str, plugin: str, place: Place, *, shown: bool = True) -> Counter:
        counter = Counter(stage_id, kind, plugin, place.line)
        if shown:
            self._counters.append(counter)
        return counter

    def _known(self, block: PluginBlock, plugins: Mapping[str, T], kind: str) -> T | None:
        plugin = plugins.get(block.name)
        if plugin is None:
            supported = ", ".join(sorted(plugins))
            message = f"the embedded stack does not support the {kind} '{block.name}'; supported: {supported}."
            self._complain(block.place, message)
        return plugin

    def _options(
        self, block: PluginBlock, own: Sequence[Option], common: Sequence[Option], kind: str
    ) -> Options | None:
        options, complaints = resolve(block, (*own, *common), self._environment, kind)
        self._complaints.extend(complaints)
        return None if complaints else options

    def _id(self, block: PluginBlock, options: Options) -> Options:
        """The options with an id: the one given, which no other plugin may have, or one made of name and place."""
        given = options.text("id")
        if given:
            place = options.place_of("id")
            if given in self._ids:
                self._complain(place, f"the id '{given}' is taken by the plugin at {self._ids[given]}.")
            self._ids[given] = place
            return options
        return options.with_text("id", f"{block.name}_{block.place.line}_{block.place.column}")

    def _build(self, options: Options, build: Callable[[], T]) -> T | None:
        try:
            return build()
        except OptionError as wrong:
            self._complain(options.place_of(wrong.option), f"the option '{wrong.option}' {wrong}.")
        except EventError as wrong:
            self._complain(options.place, f"{wrong}.")
        return None

    def _source(self, statement: Statement) -> list[Source]:
        if isinstance(statement, Branch):
            self._complain(statement.place, "inputs cannot stand in conditions.")
            return []
        plugin = self._known(statement, INPUTS, "input")
        if plugin is None:
            return []
        options = self._options(statement, plugin.options, EVERY_INPUT, "input")
        if options is None:
            return []
        options = self._id(statement, options)
        ready = options
        built = self._build(ready, lambda: plugin.build(ready, self._tools))
        codec = self._codec(options.codec("codec"))
        if built is None or codec is None:
            return []
        decode, settings = codec
        description = replace(built.description, codec=(built.description.codec[0], settings))
        counter = self._plugin_counter(options, "input", statement)
        return [Source(description, decode, built.decorate, counter)]

    def _codec(self, block: PluginBlock) -> tuple[Decode, dict[str, object]] | None:
        plugin: Plugin[Decode] | None = self._known(block, CODECS, "codec")
        if plugin is None:
            return None
        options = self._options(block, plugin.options, EVERY_CODEC, "codec")
        if options is None:
            return None
        ready = options
        decode = self._build(ready, lambda: plugin.build(ready, self._tools))
        return None if decode is None else (decode, options.given())

    def _plugin_counter(self, options: Options, kind: str, block: PluginBlock) -> Counter:
        return self._counter(
            options.text("id"), kind, block.name, block.place, shown=options.flag("enable_metric")
        )

    def _filter(self, block: PluginBlock) -> Step | None:
        plugin = self._known(block, FILTERS, "filter")
        if plugin is None:
            return None
        options = self._options(block, plugin.options, EVERY_FILTER, "filter")
        if options is None:
            return None
        ready = self._id(block, options)
        apply = self._build(ready, lambda: plugin.build(ready, self._tools, on_match(ready)))
        return None if apply is None else filter_step(apply, self._plugin_counter(ready, "filter", block))

    def _output(self, block: PluginBlock) -> Step | None:
        plugin = self._known(block, OUTPUTS, "output")
        if plugin is None:
            return None
        options = self._options(block, plugin.options, EVERY_OUTPUT, "output")
        if options is None:
            return None
        ready = self._id(block, options)
        built = self._build(ready, lambda: plugin.build(ready, self._tools))
        if built is None:
            return None
        self._outputs.append(built.description)
        counter = self._plugin_counter(ready, "output", block)
        return output_step(built, self._tools.new_id, self._tools.clock_ns, counter)
