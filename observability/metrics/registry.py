"""
`Metrics`: the instruments of an application, and this process's part of their values.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from observability.metrics.files import OwnFile, Unreadable, create, fold_lock, set_aside
from observability.metrics.folding import Folding
from observability.metrics.instruments import Counter, Gauge, Histogram, Instrument
from observability.metrics.lanes import Lanes, Segment, private
from observability.metrics.layout import CPU_OWN, EXPORTED_UNTIL, Definition, header
from observability.metrics.names import define, sample_names
from observability.metrics.processes import Processes, remember_cpu
from observability.metrics.reading import Contents, read
from observability.metrics.scanning import scan
from observability.metrics.series import CounterSeries, GaugeSeries, HistogramSeries, Series
from observability.vocabulary import DURATION_BUCKETS, METRICS

AnyInstrument = Counter | Gauge | Histogram
Kind = TypeVar("Kind", Counter, Gauge, Histogram)


_WARNINGS_KEPT = 200


def _say(message: str) -> None:
    logging.getLogger(__name__).warning("%s", message)


class Metrics:
    """
    Counters, gauges and histograms that are right for any number of processes, across restarts and kill -9.

    Making one opens no file, so it may be made before a server forks its workers; each process gets a file of its own
    in *directory* at its first update. What a process has counted outlives it, however it ends. Threads may share it.
    An update never raises because of the disk: without one, a process counts in its own memory and says so.

    :param directory: shared by all processes of one service, and by no other service. Made if missing.
    :param instance: this process's ``service.instance.id``; called once per process, at the first update, with no lock
        held. It must not itself wait for a thread that counts.
    :param clock: seconds since the epoch.
    :param series_limit: per metric; updates of further label sets go to a series whose label values are ``_OTHER`` and
        are counted in ``telemetry_dropped_total{signal="metrics",reason="series_limit"}``.
    :param warn: told once per process of each kind of trouble: no space, a damaged file.
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        instance: Callable[[], str],
        clock: Callable[[], float] = time.time,
        series_limit: int = 2000,
        warn: Callable[[str], None] = _say,
    ) -> None:
        self.directory = Path(directory)
        self.series_limit = series_limit
        self.exported_until = 0.0
        self.lock = threading.RLock()  # reentrant: a finalizer may count while this thread counts
        self._instance = instance
        self._clock = clock
        self._warn = warn
        self._warned: set[str] = set()
        self._instruments: dict[str, AnyInstrument] = {}
        self._claimed: dict[str, str] = {}
        self._undeclared: list[Series] = []
        self._file: OwnFile | None = None
        self._shared: Lanes | None = None
        self._private: Lanes | None = None
        self._head = b""
        self._closed = False
        self._no_space: OSError | None = None
        self._processes: Processes | None = None
        known = METRICS["telemetry_dropped_total"]
        self._dropped = self.counter(known.name, known.help, known.labels)
        # Made now: these must not themselves fall to the limit of series.
        self._redirected = self._dropped.labels("metrics", "series_limit")
        self._refused = self._dropped.labels("metrics", "bad_exemplar")
        self._aside = self._dropped.labels("metrics", "file_set_aside")
        _follow_forks(self)

    # ---- instruments ---------------------------------------------------------------------------------------------

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Counter:
        """
        The counter of this name; ``_total`` is added if it is missing. The same name again is the same instrument,
        with another help, other labels or of another kind a ValueError.
        """
        return self._instrument(Counter, define("counter", name, help, labels))

    def gauge(self, name: str, help: str, labels: Sequence[str] = (), merge: str = "sum") -> Gauge:
        """
        :param merge: ``sum`` or ``max`` over the live processes.
        """
        return self._instrument(Gauge, define("gauge", name, help, labels, merge=merge))

    def histogram(
        self, name: str, help: str, labels: Sequence[str] = (), buckets: Sequence[float] = DURATION_BUCKETS
    ) -> Histogram:
        """
        :param buckets: ascending upper bounds; +Inf is added.
        """
        return self._instrument(Histogram, define("histogram", name, help, labels, buckets))

    def instruments(self) -> list[Instrument[CounterSeries] | Instrument[GaugeSeries] | Instrument[HistogramSeries]]:
        """
        All of them, in the order in which they were made.
        """
        with self.lock:
            return list(self._instruments.values())

    def _instrument(self, kind: type[Kind], definition: Definition) -> Kind:
        with self.lock:
            existing = self._instruments.get(definition.name)
            if existing is None:
                for name in sample_names(definition.kind, definition.name):
                    if name in self._claimed:
                        raise ValueError(f"{definition.name} and {self._claimed[name]} would both export {name}.")
                self._claimed |= dict.fromkeys(sample_names(definition.kind, definition.name), definition.name)
                made = kind(self, definition)
                self._instruments[definition.name] = existing = made
        self.speak()
        if not isinstance(existing, kind) or existing.definition != definition:
            raise ValueError(f"{definition.name} exists already, as {existing.definition}; this would be {definition}.")
        return existing

    # ---- this process's store ------------------------------------------------------------------------------------

    def open(self) -> None:
        """
        Make this process's file now; otherwise its first update does.
        """
        with self.lock:
            if self._shared or self._private:
                return
        instance = self._instance()  # foreign code: without the lock, it may count, log and wait
        with self.lock:
            if self._shared or self._private:
                return
            self._head = header(
                pid=os.getpid(),
                started=self._started(),
                born=self._clock(),
                instance=instance,
                exported_until=self.exported_until,
            )
            try:
                self._file, self._shared = create(
                    self.directory, instance, self._head, create_directory=not self._closed
                )
            except OSError as why:
                self._no_space = None if self._closed else why
                self._private = Lanes(private, self._head)
            waiting, self._undeclared = self._undeclared, []
            for series in waiting:
                series.bind()
        self.speak()

    def _started(self) -> float:
        self._processes = Processes()
        return self._processes.usage().get("process_start_time_seconds", self._clock())

    def place(self, definition: Definition, values: tuple[str, ...]) -> tuple[Segment, int]:
        """
        For `Series`: room for a new series, in this process's memory if the file cannot grow.
        """
        if self._shared is not None:
            try:
                return self._shared.place(definition, values)
            except OSError as why:
                self._no_space = why
        if self._private is None:
            self._private = Lanes(private, self._head)
        return self._private.place(definition, values)

    def declare(self, series: Series) -> None:
        """
        For `Instrument`: export a new series as zero.
        """
        if self._shared or self._private:
            series.bind()
        else:
            self._undeclared.append(series)

    def update_redirected(self) -> None:
        self._redirected.inc()

    def exemplar_refused(self) -> None:
        self._refused.inc()

    def confirm(self, until_s: float) -> None:
        """
        All spans that ended up to *until_s* (seconds since the epoch) were delivered: exemplars up to then may be shown
        even after this process is gone.
        """
        with self.lock:
            self.exported_until = max(self.exported_until, until_s)
            if self._shared is not None:
                lanes = self._shared.head.floats
                lanes[EXPORTED_UNTIL] = self.exported_until
                lanes[CPU_OWN] = time.process_time()

    def close(self) -> None:
        """
        Give this process's file up; the next scrape folds it into the retired ones. Ending the process does the same. A
        later update begins a new file.
        """
        with self.lock:
            self._closed = True
            if self._shared is not None:
                self._shared.head.floats[CPU_OWN] = time.process_time()
            self._let_go()

    def _let_go(self) -> None:
        file, shared = self._file, self._shared
        self._file = self._shared = None
        for instrument in self._instruments.values():
            for series in instrument.known():
                series.unbind(self.lock)
        if shared is not None:
            shared.release()
        if file is not None:
            file.close()

    # ---- fork ----------------------------------------------------------------------------------------------------

    def _before_fork(self) -> None:
        # So that no other thread is half-way through making the file, whose lock the child would then inherit unseen.
        # With a limit: a fork must not hang because a finalizer that runs under our lock waits for the forking thread.
        self.lock.acquire(timeout=1.0)

    def _after_fork_in_parent(self) -> None:
        with contextlib.suppress(RuntimeError):  # not ours: the limit above was reached
            self.lock.release()

    def _after_fork_in_child(self) -> None:
        self.lock = threading.RLock()
        self._let_go()
        self._private = None
        self._processes = None
        self._warned = set()
        self._closed = False
        self.exported_until = 0.0

    # ---- all processes -------------------------------------------------------------------------------------------

    def contents(self) -> list[Contents]:
        """
        What all processes have counted, after folding those that ended; the newest first, the retired ones last.
        """
        with self.lock:
            gone = self._file is not None and not self._file.present()
            if gone:
                self._let_go()
        if gone:
            self._complain("gone", f"{self.directory} was emptied while this process counted; it begins a new file.")
        with fold_lock(self.directory) as mine:
            if mine:
                self._fold()
            found = self._scan()
            if mine:
                found = remember_cpu(self.directory, found, self.processes)
        return [*self._own_memory(), *found]

    def _scan(self) -> list[Contents]:
        try:
            return scan(self.directory, self._cannot_read)
        except OSError as why:
            self._cannot_read(self.directory, why)
            return []

    @property
    def processes(self) -> Processes:
        if self._processes is None:
            self._processes = Processes()
        return self._processes

    @property
    def private_series(self) -> int:
        """How many series only this process can show, because the directory has no room for them."""
        return self._private.series if self._private is not None else 0

    def _fold(self) -> None:
        folding = Folding(self.series_limit, (self._dropped.definition, self._redirected.values))
        try:
            folding.fold(self.directory, self._clock(), self._cannot_read)
        except OSError as why:
            self._complain("fold", f"Files of processes that ended cannot be folded: {why}. They are still counted.")

    def _own_memory(self) -> list[Contents]:
        with self.lock:
            if self._private is None:
                return []
            self._private.head.floats[CPU_OWN] = time.process_time()
            copy = self._private.to_bytes()
        with memoryview(copy) as view:
            return [read(view, "(memory)", live=True)]

    # ---- trouble -------------------------------------------------------------------------------------------------

    def _cannot_read(self, path: Path, why: Unreadable | OSError) -> None:
        if isinstance(why, Unreadable) and set_aside(path):
            self._aside.inc()
            self._complain(path.name, f"{why} It is not counted and was set aside as {path.name}.aside.")
        else:
            self._complain(path.name, f"{path} is not counted: {why}")

    def speak(self) -> None:
        """
        For `Series` and `Instrument`: say what could not be said while the lock was held, since a warning may be logged
        and the logging of another thread may be waiting for our lock.
        """
        why, self._no_space = self._no_space, None
        if why is not None:
            self._complain(
                "space",
                f"Metrics cannot be kept in {self.directory} ({why.strerror or why}). This process counts in its own "
                "memory: only scrapes that it answers itself see that, a restart loses it. Make room, then restart.",
            )

    def warn_once(self, message: str) -> None:
        """
        Pass *message* to ``warn``, unless this process has said it before.
        """
        self._complain(message, message)

    def _complain(self, about: str, message: str) -> None:
        if about not in self._warned and len(self._warned) < _WARNINGS_KEPT:
            self._warned.add(about)
            self._warn(message)


def _follow_forks(metrics: Metrics) -> None:
    """Through weak references: hooks cannot be taken back, and must not keep every `Metrics` of a test run alive."""

    def hook(method: Callable[[Metrics], None]) -> Callable[[], None]:
        reference = weakref.ref(metrics)

        def call() -> None:
            alive = reference()
            if alive is not None:
                method(alive)

        return call

    os.register_at_fork(
        before=hook(Metrics._before_fork),
        after_in_parent=hook(Metrics._after_fork_in_parent),
        after_in_child=hook(Metrics._after_fork_in_child),
    )
