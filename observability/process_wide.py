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
from observability.formatting import LEVELS
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
        _installed = ProcessWide()
    wide = _installed
    wide.provider.started.append(telemetry)
    wide.listen()

    def leave() -> None:
        global _installed
        wide.provider.started.remove(telemetry)
        if not wide.provider.started:
            _installed = None  # first: the handler that goes now was not taken away by somebody else
            wide.undo()

    return leave


def listen_again() -> None:
    """
    Put the log handler back, if somebody took it away (``logging.config.dictConfig`` does).
    """
    if _installed is not None:
        _installed.listen()


def displaced() -> bool:
    """Whether records no longer come here, because somebody configured logging anew."""
    return _installed is not None and not _installed.listening


def adopt_server_loggers() -> None:
    """
    Again, for a server that set its loggers up after `install` (gunicorn without preloading does).
    """
    for name in SERVER_LOGGERS:
        _adopt(name)


class ProcessWide:
    def __init__(self) -> None:
        self.provider = _global_provider()
        self._handler = RootHandler(self.provider)
        self._undo = list(map(_adopt, SERVER_LOGGERS))
        logging.captureWarnings(True)
        self._undo += [lambda: logging.captureWarnings(False), _exceptions(self.provider), _sigterm()]

    @property
    def listening(self) -> bool:
        return self._handler in logging.getLogger().handlers

    def listen(self) -> None:
        """Hear every record that one of the started telemetries may want."""
        level = min(LEVELS[telemetry.settings.log_level] for telemetry in self.provider.started)
        if not self.listening:
            self._undo.append(_root(self._handler, level))
        elif logging.getLogger().level > level:
            logging.getLogger().setLevel(level)

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
    LOG_LEVEL is that telemetry's own, and holds for loggers with a lower level too.
    """

    def __init__(self, provider: DispatchingProvider) -> None:
        super().__init__()
        self._provider = provider

    def handle(self, record: logging.LogRecord) -> bool:
        """
        Without the handler's lock: a destructor may log while its thread holds the lock of the counters, which a thread
        that logs takes too. Lines have a lock of their own.
        """
        kept = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        telemetry = self._provider.telemetry()
        if telemetry is not None and record.levelno >= LEVELS[telemetry.settings.log_level]:
            telemetry.instance.log(record)


def _root(handler: logging.Handler, level: int) -> Callable[[], None]:
    root = logging.getLogger()
    before = root.level
    # A handler on standard error would write the same records unredacted.
    others = [other for other in root.handlers if type(other) is logging.StreamHandler]
    for other in others:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(level)

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
        if telemetry is None or not telemetry.instance.writes_lines or not isinstance(error, Exception):
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
            if telemetry is None or not telemetry.instance.writes_lines:
                before_in_threads(args)
            else:
                telemetry.log("thread.crashed", f"{args.exc_type.__name__} ended {name}.", level="error", error=error)

    sys.excepthook, threading.excepthook = ended_process, ended_thread

    def back() -> None:  # but what somebody installed after us stays
        if sys.excepthook is ended_process:
            sys.excepthook = before
        if threading.excepthook is ended_thread:
            threading.excepthook = before_in_threads

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
