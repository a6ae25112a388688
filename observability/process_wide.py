"""
What exists once per process, installed by `Telemetry.start` and undone by `stop`: the root log handler, the hooks for
uncaught exceptions and warnings, the global tracer provider, an orderly exit at SIGTERM.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable
from functools import cache
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from opentelemetry import trace

from observability.context import raised_in
from observability.provider import DispatchingProvider

if TYPE_CHECKING:
    from observability.telemetry import Telemetry

SERVER_LOGGERS = ("gunicorn.error", "gunicorn.access", "py.warnings")

_installed: ProcessWide | None = None  # made by the first start, undone by the last stop


def install(telemetry: Telemetry) -> Callable[[], None]:
    """
    Join *telemetry* to what is process-wide, which the first one installs. Returns what leaves it again.
    """
    global _installed
    if _installed is None:
        _installed = ProcessWide(telemetry.settings.log_level)
    wide = _installed
    wide.provider.started.append(telemetry)

    def leave() -> None:
        global _installed
        wide.provider.started.remove(telemetry)
        if not wide.provider.started:
            wide.undo()
            _installed = None

    return leave


def adopt_server_loggers() -> None:
    """
    Again, for a server that set its loggers up after `install` (gunicorn without preloading does).
    """
    for name in SERVER_LOGGERS:
        _adopt(name)


class ProcessWide:
    def __init__(self, log_level: str) -> None:
        self.provider = _global_provider()
        self._undo = [_root(RootHandler(self.provider), log_level), *map(_adopt, SERVER_LOGGERS)]
        logging.captureWarnings(True)
        self._undo += [lambda: logging.captureWarnings(False), _exceptions(self.provider), _sigterm()]

    def undo(self) -> None:
        for step in reversed(self._undo):
            step()


@cache
def _global_provider() -> DispatchingProvider:
    """
    Set at the first start and for good: OpenTelemetry allows it once. A provider that somebody set before stays. Asking
    for the present one first would load whatever OTEL_PYTHON_TRACER_PROVIDER names.
    """
    provider = DispatchingProvider()
    trace.set_tracer_provider(provider)
    return provider


class RootHandler(logging.Handler):
    """
    Writes every record as a line of the telemetry it belongs to: the active request's, else the one started last.
    """

    def __init__(self, provider: DispatchingProvider) -> None:
        super().__init__()
        self._provider = provider

    def emit(self, record: logging.LogRecord) -> None:
        telemetry = self._provider.telemetry()
        if telemetry is None:
            return
        try:
            telemetry.instance.log(record)
        except Exception:  # noqa: BLE001 (a log call must never raise into the code that logs)
            telemetry.dropped("logs", "unwritable")


def _root(handler: logging.Handler, level: str) -> Callable[[], None]:
    root = logging.getLogger()
    before = root.level
    # A handler on standard error would write the same records unredacted.
    others = [other for other in root.handlers if type(other) is logging.StreamHandler]
    for other in others:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(level.upper())

    def back() -> None:
        root.removeHandler(handler)
        root.setLevel(before)
        for other in others:
            root.addHandler(other)

    return back


def _adopt(name: str) -> Callable[[], None]:
    """
    A logger with handlers of its own (gunicorn's) hands its records to the root instead.
    """
    logger = logging.getLogger(name)
    handlers, propagate = list(logger.handlers), logger.propagate
    logger.handlers[:] = []
    logger.propagate = True

    def back() -> None:
        logger.handlers[:] = handlers
        logger.propagate = propagate

    return back


def _exceptions(provider: DispatchingProvider) -> Callable[[], None]:
    """
    Uncaught exceptions, in the main thread and in others, become lines instead of text on standard error.
    """
    before, before_in_threads = sys.excepthook, threading.excepthook

    def ended_process(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        telemetry = provider.telemetry()
        if telemetry is None or not isinstance(error, Exception):
            before(kind, error, where)
            return
        telemetry.log("process.crashed", f"{kind.__name__} ended the process.", level="critical", error=error)

    def ended_thread(args: threading.ExceptHookArgs) -> None:
        error = args.exc_value
        if error is None or isinstance(error, SystemExit):
            return
        name = args.thread.name if args.thread else "a thread"
        with raised_in(error):
            telemetry = provider.telemetry()
            if telemetry is not None:
                telemetry.log("thread.crashed", f"{args.exc_type.__name__} ended {name}.", level="error", error=error)

    sys.excepthook, threading.excepthook = ended_process, ended_thread

    def back() -> None:
        sys.excepthook, threading.excepthook = before, before_in_threads

    return back


def _sigterm() -> Callable[[], None]:
    """
    Where nothing handles SIGTERM (Flask's development server, a script) it would end the process with spans unsent.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        return lambda: None

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)

    def back() -> None:
        if signal.getsignal(signal.SIGTERM) is leave and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    return back
