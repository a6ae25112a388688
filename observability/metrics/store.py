"""
This process's part of the values: its file, its series, its lock, and what a fork does to them.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Set
from pathlib import Path

from observability.metrics.files import OwnFile, create
from observability.metrics.lanes import Lanes, Segment, private
from observability.metrics.layout import CPU_OWN, EXPORTED_UNTIL, Definition, header
from observability.metrics.processes import usage
from observability.metrics.reading import Contents, read
from observability.metrics.series import HistogramSeries, Series
from observability.metrics.trouble import Warnings


class Store:
    """
    Opened by the first update of a process, lost by its forked children, who open their own.

    :ivar lock: held for every update. Reentrant, since a finalizer may count while its thread counts.
    :ivar exported_until: all spans up to then were delivered, seconds since the epoch.
    :ivar count_redirected: and *count_refused*: see `series.Home`; `Metrics` puts its counters there.
    """

    def __init__(
        self, directory: Path, instance: Callable[[], str], clock: Callable[[], float], warnings: Warnings
    ) -> None:
        self.lock = threading.RLock()
        self.exported_until = 0.0
        self.count_redirected: Callable[[], None] = lambda: None
        self.count_refused: Callable[[], None] = lambda: None
        self._directory = directory
        self._instance = instance
        self._clock = clock
        self._warnings = warnings
        self._series: list[Series] = []
        self._undeclared: list[Series] = []
        self._file: OwnFile | None = None
        self._shared: Lanes | None = None
        self._private: Lanes | None = None
        self._head = b""
        self._closed = False
        self._no_space: OSError | None = None
        _follow_forks(self)

    def adopt(self, series: Series) -> None:
        """
        Export a new series as zero, as soon as this process has a file. With the lock held.
        """
        self._series.append(series)
        if self._shared or self._private:
            series.bind()
        else:
            self._undeclared.append(series)

    def open(self) -> None:
        """
        Make sure that this process has somewhere to count. Without the lock.
        """
        with self.lock:
            if self._shared or self._private:
                return
        instance = self._instance()  # foreign code: it may count, log and wait for threads that do
        with self.lock:
            if self._shared or self._private:
                return
            self._head = header(
                pid=os.getpid(),
                started=usage().get("process_start_time_seconds", self._clock()),
                born=self._clock(),
                instance=instance,
                exported_until=self.exported_until,
            )
            try:
                self._file, self._shared = create(
                    self._directory, instance, self._head, create_directory=not self._closed
                )
            except OSError as why:
                self._no_space = None if self._closed else why
                self._private = Lanes(private, self._head)
            waiting, self._undeclared = self._undeclared, []
            for series in waiting:
                series.bind()
        self.speak()

    def place(self, definition: Definition, values: tuple[str, ...]) -> tuple[Segment, int]:
        """
        Room for a series, in this process's memory if the file cannot grow. After `open`, with the lock held.
        """
        if self._shared is not None:
            try:
                return self._shared.place(definition, values)
            except OSError as why:
                self._no_space = why
        if self._private is None:
            self._private = Lanes(private, self._head)
        return self._private.place(definition, values)

    def speak(self) -> None:
        """
        Say what could not be said while the lock was held: a warning may be logged, and another thread that is logging
        may be waiting for our lock. Without the lock.
        """
        why, self._no_space = self._no_space, None
        if why is not None:
            self._warnings(
                f"Metrics cannot be kept in {self._directory} ({why.strerror or why}). This process counts in its own "
                "memory: only scrapes that it answers itself see that, a restart loses it. Make room, then restart.",
                "space",
            )

    def confirm(self, until_s: float) -> None:
        """See `Metrics.confirm`."""
        with self.lock:
            self.exported_until = max(self.exported_until, until_s)
            if self._shared is not None:
                lanes = self._shared.head.floats
                lanes[EXPORTED_UNTIL] = self.exported_until
                lanes[CPU_OWN] = time.process_time()

    def forget(self, ids: Set[bytes]) -> None:
        """See `Metrics.forget`."""
        for series in tuple(self._series):
            if isinstance(series, HistogramSeries):
                with self.lock:  # one by one: a request shall not wait for all of them
                    series.forget(ids)

    def close(self) -> None:
        """See `Metrics.close`."""
        with self.lock:
            self._closed = True
            if self._shared is not None:
                self._shared.head.floats[CPU_OWN] = time.process_time()
            self._let_go()

    def check(self) -> None:
        """
        Begin a new file if somebody removed ours: nobody would ever see what goes into it.
        """
        with self.lock:
            gone = self._file is not None and not self._file.present()
            if gone:
                self._let_go()
        if gone:
            self._warnings(f"{self._directory} was emptied while this process counted; it begins a new file.")

    @property
    def private_series(self) -> int:
        """How many series only this process can show, because the directory has no room for them."""
        return self._private.series if self._private is not None else 0

    def private_contents(self) -> list[Contents]:
        """
        What no other process can read.
        """
        with self.lock:
            if self._private is None:
                return []
            self._private.head.floats[CPU_OWN] = time.process_time()
            copy = self._private.to_bytes()
        with memoryview(copy) as view:
            return [read(view, "(memory)", live=True)]

    def _let_go(self) -> None:
        file, shared = self._file, self._shared
        self._file = self._shared = None
        for series in self._series:
            series.unbind(self.lock)
        if shared is not None:
            shared.release()
        if file is not None:
            file.close()

    def before_fork(self) -> None:
        """
        So that no other thread is half-way through making the file, whose lock the child would then inherit unseen. Not
        for ever: a fork must not hang because a finalizer that runs under our lock waits for the forking thread.
        """
        self.lock.acquire(timeout=1.0)

    def after_fork_in_parent(self) -> None:
        with contextlib.suppress(RuntimeError):  # not ours: the time was up
            self.lock.release()

    def after_fork_in_child(self) -> None:
        self.lock = threading.RLock()
        self._let_go()
        self._private = None
        self._closed = False
        self.exported_until = 0.0
        self._warnings.forget()


def _follow_forks(store: Store) -> None:
    """Through weak references: hooks cannot be taken back, and must not keep every store of a test run alive."""

    def hook(method: Callable[[Store], None]) -> Callable[[], None]:
        reference = weakref.ref(store)

        def call() -> None:
            alive = reference()
            if alive is not None:
                method(alive)

        return call

    os.register_at_fork(
        before=hook(Store.before_fork),
        after_in_parent=hook(Store.after_fork_in_parent),
        after_in_child=hook(Store.after_fork_in_child),
    )
