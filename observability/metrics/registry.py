"""
`Metrics`: the instruments of an application, and what all its processes have counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import TypeVar

from observability.metrics.files import Unreadable, fold_lock, set_aside
from observability.metrics.folding import Folding
from observability.metrics.instruments import Counter, Gauge, Histogram
from observability.metrics.layout import Definition
from observability.metrics.names import define, sample_names
from observability.metrics.processes import remember_cpu
from observability.metrics.reading import Contents
from observability.metrics.scanning import scan
from observability.metrics.store import Store
from observability.metrics.trouble import Warnings, log_warning
from observability.vocabulary import DURATION_BUCKETS, METRICS

Kind = TypeVar("Kind", Counter, Gauge, Histogram)


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
    :param warn: told once per process of each trouble: no space, a damaged file. By default it is logged.
    :param clean: takes out of a label's value what must not leave; not asked for the vocabulary's own metrics.
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        instance: Callable[[], str],
        clock: Callable[[], float] = time.time,
        series_limit: int = 2000,
        warn: Callable[[str], None] = log_warning,
        clean: Callable[[str], str] = str,
    ) -> None:
        self.directory = Path(directory)
        self.warnings = Warnings(warn)
        self._clock = clock
        self._series_limit = series_limit
        self._clean = clean
        self._instruments: dict[str, Counter | Gauge | Histogram] = {}
        self._claimed: dict[str, str] = {}
        self._store = Store(self.directory, instance, clock, self.warnings)
        known = METRICS["telemetry_dropped_total"]
        dropped = self.counter(known.name, known.help, known.labels)
        # Their series are made now: these must not themselves fall to the limit.
        redirected = dropped.labels("metrics", "series_limit")
        self._set_aside = dropped.labels("metrics", "file_set_aside")
        self._store.count_redirected = redirected.inc
        self._store.count_refused = dropped.labels("metrics", "bad_exemplar").inc
        self._folding = Folding(series_limit, (dropped.definition, redirected.values))

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

    def instruments(self) -> list[Counter | Gauge | Histogram]:
        """
        All of them, in the order in which they were made.
        """
        with self._store.lock:
            return list(self._instruments.values())

    def _instrument(self, kind: type[Kind], definition: Definition) -> Kind:
        with self._store.lock:
            existing = self._instruments.get(definition.name)
            if existing is None:
                wanted = sample_names(definition.kind, definition.name)
                for name in wanted & self._claimed.keys():
                    raise ValueError(f"{definition.name} and {self._claimed[name]} would both export {name}.")
                self._claimed |= dict.fromkeys(wanted, definition.name)
                # No label of the vocabulary's metrics comes from a caller: they stay as they are, whatever a secret is.
                clean = str if definition.name in METRICS else self._clean
                existing = self._instruments[definition.name] = kind(self._store, definition, self._series_limit, clean)
        self._store.speak()
        if not isinstance(existing, kind) or existing.definition != definition:
            raise ValueError(f"{definition.name} exists already, as {existing.definition}; this would be {definition}.")
        return existing

    # ---- this process --------------------------------------------------------------------------------------------

    def open(self) -> None:
        """
        Make this process's file now; otherwise its first update does.
        """
        self._store.open()

    def confirm(self, until_s: float) -> None:
        """
        All spans that ended up to *until_s* (seconds since the epoch) were delivered: exemplars up to then may be shown
        even after this process is gone.
        """
        self._store.confirm(until_s)

    def forget(self, ids: Set[bytes]) -> None:
        """
        These spans (trace id and span id, 24 bytes) will never be delivered: no exemplar may name them. To be called
        before the time of their end is confirmed.
        """
        self._store.forget(ids)

    def close(self) -> None:
        """
        Give this process's file up; the next scrape folds it into the retired ones. Ending the process does the same. A
        later update begins a new file.
        """
        self._store.close()

    @property
    def private_series(self) -> int:
        """How many series only this process can show, because the directory has no room for them."""
        return self._store.private_series

    # ---- all processes -------------------------------------------------------------------------------------------

    def contents(self) -> list[Contents]:
        """
        What all processes have counted, after folding those that ended; the newest first, the retired ones last.
        """
        self._store.check()
        with fold_lock(self.directory) as mine:
            if mine:
                self._fold()
            found = self._scan()
            if mine:
                found = remember_cpu(self.directory, found)
        return [*self._store.private_contents(), *found]

    def _fold(self) -> None:
        try:
            self._folding.fold(self.directory, self._clock(), self._cannot_read)
        except OSError as why:
            self.warnings(f"Files of processes that ended cannot be folded: {why}. They are still counted.", "folding")

    def _scan(self) -> list[Contents]:
        try:
            return scan(self.directory, self._cannot_read)
        except OSError as why:
            self._cannot_read(self.directory, why)
            return []

    def _cannot_read(self, path: Path, why: Unreadable | OSError) -> None:
        if isinstance(why, Unreadable) and set_aside(path):
            self._set_aside.inc()
            self.warnings(f"{why} It is not counted and was set aside as {path.name}.aside.", path.name)
        else:
            self.warnings(f"{path} is not counted: {why}", path.name)
