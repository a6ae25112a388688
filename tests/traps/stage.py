"""Where a trap is sprung in this process: the same app, observed by us, or set up as tutorials do it."""

from __future__ import annotations

import json
import logging
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from logging.handlers import SocketHandler
from pathlib import Path
from typing import Any

from flask import Flask
from flask.logging import default_handler
from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from pythonjsonlogger.json import JsonFormatter

from observability import Settings, Telemetry, carry_context, observe
from observability.testing import OPENMETRICS, Capture, SpanList, capture
from tests.shapes import tutorial

DURATION = "flask_http_request_duration_seconds"


class Stage(ABC):
    """
    An instrumentation, ready to be put around apps, and everything it said about them.
    """

    @abstractmethod
    def observe(self, app: Flask) -> Flask:
        """*app*, instrumented; its routes are added afterwards."""

    @abstractmethod
    def tracer(self) -> trace.Tracer:
        """One that records."""

    @abstractmethod
    def carry(self, function: Callable[[], None]) -> Callable[[], None]:
        """What a thread is given to run, if its lines are to belong to the request."""

    @property
    @abstractmethod
    def spans(self) -> list[ReadableSpan]: ...

    @property
    @abstractmethod
    def written(self) -> str:
        """The lines as they were written."""

    @property
    @abstractmethod
    def exposition(self) -> str:
        """What a scrape gets that asks for OpenMetrics."""

    @abstractmethod
    def read_later(self, messages: list[str], folder: Path) -> list[str]:
        """Log *messages* while whoever reads the lines is down, then start that, and say what it got."""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written.splitlines()]

    @property
    def samples(self) -> list[Sample]:
        families = text_string_to_metric_families(self.exposition)
        return [sample for family in families for sample in family.samples]

    @property
    def everything(self) -> str:
        """All that was said, as text."""
        return "\n".join([*(span.to_json(indent=None) for span in self.spans), self.written, self.exposition])

    def count(self, **labels: str) -> float:
        """Requests in the duration histogram."""
        counts = (s for s in self.samples if s.name == f"{DURATION}_count")
        return sum(sample.value for sample in counts if labels.items() <= sample.labels.items())

    def line(self, message: str) -> dict[str, Any]:
        found = [line for line in self.lines if line["message"] == message]
        assert len(found) == 1, f"{message!r} stands on {len(found)} lines"
        return found[0]


def trace_of(line: dict[str, Any]) -> str:
    """Wherever it stands; empty if nowhere."""
    return str(line.get("trace_id") or line.get("trace", {}).get("id", ""))


class Ours(Stage):
    def __init__(self, seen: Capture) -> None:
        self._seen = seen

    def observe(self, app: Flask) -> Flask:
        return observe(app, self._seen.telemetry.start())

    def tracer(self) -> trace.Tracer:
        return trace.get_tracer("shop")

    def carry(self, function: Callable[[], None]) -> Callable[[], None]:
        return carry_context(function)

    @property
    def spans(self) -> list[ReadableSpan]:
        return self._seen.spans

    @property
    def written(self) -> str:
        return b"\n".join(self._seen.raw_lines).decode()

    @property
    def exposition(self) -> str:
        return self._seen.exposition

    def read_later(self, messages: list[str], folder: Path) -> list[str]:
        telemetry = Telemetry(Settings(service_name="shop", log_dir=folder, log_stdout=False)).start()
        for message in messages:
            logging.getLogger("shop").info(message)
        telemetry.stop()
        text = "".join(file.read_text() for file in folder.glob("*.jsonl"))
        read = [json.loads(line) for line in text.splitlines()]
        return [line["message"] for line in read if line["log"]["logger"] == "shop"]


class Tutorial(Stage):
    """
    :param options: of `tests.shapes.tutorial.instrument`.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        self._file = folder / "lines"
        self._options = options
        self._spans = SpanList()
        self._registry = CollectorRegistry()
        self._provider: trace.TracerProvider = trace.NoOpTracerProvider()

    def observe(self, app: Flask) -> Flask:
        self._provider = tutorial.instrument(
            app, lines=self._file, spans=self._spans, registry=self._registry, **self._options
        )
        return app

    def tracer(self) -> trace.Tracer:
        return self._provider.get_tracer("shop")

    def carry(self, function: Callable[[], None]) -> Callable[[], None]:
        return function

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._spans.spans)

    @property
    def written(self) -> str:
        return self._file.read_text()

    @property
    def exposition(self) -> str:
        encode, _content_type = choose_encoder(OPENMETRICS)
        return encode(self._registry).decode()

    def read_later(self, messages: list[str], folder: Path) -> list[str]:
        """Logstash's tcp input, and a handler for it as python-logstash has one."""

        class ToLogstash(SocketHandler):
            def makePickle(self, record: logging.LogRecord) -> bytes:  # noqa: N802 (the library's name)
                return self.format(record).encode() + b"\n"

        with socket.socket() as logstash:
            logstash.bind(("127.0.0.1", 0))
            handler = ToLogstash("127.0.0.1", logstash.getsockname()[1])
            handler.setFormatter(JsonFormatter())
            logger = logging.getLogger("to-logstash")
            logger.addHandler(handler)
            for message in messages:
                logger.warning(message)
            logstash.listen()
            logstash.settimeout(0.05)
            try:
                with logstash.accept()[0] as connection:
                    return [json.loads(line)["message"] for line in connection.makefile()]
            except TimeoutError:
                return []
            finally:
                logger.removeHandler(handler)
                handler.close()


@contextmanager
def stage(kind: str, folder: Path, options: Mapping[str, object]) -> Iterator[Stage]:
    with a_process_of_its_own(), ExitStack() as stack:
        if kind == "ours":
            yield Ours(stack.enter_context(capture(Settings(service_name="shop"), start=False)))
        else:
            yield Tutorial(folder, options)


@contextmanager
def a_process_of_its_own() -> Iterator[None]:
    """Nobody has set up logging yet; nothing of it is left afterwards."""
    root = logging.getLogger()
    before = list(root.handlers), list(root.filters), root.level
    root.handlers[:], root.filters[:] = [], []
    token = otel.attach(otel.Context())
    try:
        yield
    finally:
        otel.detach(token)
        for handler in root.handlers:
            if handler not in before[0]:
                handler.close()
        root.handlers[:], root.filters[:] = before[0], before[1]
        root.setLevel(before[2])
        for logger in list(logging.Logger.manager.loggerDict.values()):
            if isinstance(logger, logging.Logger):
                logger.removeHandler(default_handler)
