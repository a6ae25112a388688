"""
One target, scraped as Prometheus scrapes it (``scrape/scrape.go``, 3.x).

Each scrape stores its samples together with `up`, `scrape_duration_seconds`, `scrape_samples_scraped`,
`scrape_samples_post_metric_relabeling` and `scrape_series_added`. A series that is no longer there, for whatever
reason, gets one stale marker. A body that breaks the format counts as a failed scrape: nothing of it is stored.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from clew.intake.http_get import Fetcher, FetchError
from clew.intake.openmetrics import CLASSIC, OPENMETRICS, Exposition, ExpositionParser, ParsedExemplar, ParseError
from clew.intake.prometheus_config import ScrapeJob, Target
from clew.intake.tally import Tally
from clew.store import Exemplar, Labels, Sample, SampleStore, StoreError, labels_of

STALE: float = struct.unpack(">d", bytes.fromhex("7ff0000000000002"))[0]
"""Prometheus' stale marker: a NaN with these very bits (``model/value``)."""

ACCEPT = (
    "application/openmetrics-text;version=1.0.0;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
)
BODY_LIMIT = 16 * 1024 * 1024
EXEMPLAR_LABEL_CHARACTERS = 128
FUTURE_MS = 10 * 60 * 1000


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """
    How a target stands after its last scrape. Times in seconds, moments since the epoch.

    :param health: ``unknown`` (not scraped yet), ``up`` or ``down``.
    :param last_error: why it is down, or what the store said; empty if all is well.
    :param counts: ``scrapes``, ``failed_scrapes``, ``samples_stored``, ``exemplars_stored``, and what was not kept:
        ``dropped:duplicate`` (a series twice in one body), ``dropped:future`` (a timestamp over ten minutes ahead),
        ``dropped:exemplar_too_long`` (over 128 characters), ``dropped:store`` (samples of a scrape the store refused).
    """

    job: str
    address: str
    labels: Labels
    interval_s: float
    health: str
    last_scrape_s: float | None
    last_duration_s: float
    last_error: str
    samples: int
    counts: dict[str, int]


class TargetScraper:
    """
    `scrape` fetches, parses and stores; it may be called from several threads, one at a time gets to it.
    """

    def __init__(
        self,
        job: ScrapeJob,
        target: Target,
        store: SampleStore,
        *,
        resolve: Callable[[str], str],
        clock: Callable[[], float] = time.time,
        body_limit: int = BODY_LIMIT,
    ) -> None:
        self.job = job
        self.target = target
        self._store = store
        self._clock = clock
        self._parser = ExpositionParser(self._with_target_labels)
        self._fetcher = Fetcher(
            target.address,
            path=job.metrics_path,
            scheme=job.scheme,
            timeout_s=job.timeout_s,
            body_limit=body_limit,
            headers={
                "Accept": ACCEPT,
                "User-Agent": "clew",
                "X-Prometheus-Scrape-Timeout-Seconds": f"{job.timeout_s:g}",
            },
            resolve=resolve,
        )
        self._counts = Tally()
        self._lock = threading.Lock()
        self._aborted = False
        self._known: frozenset[Labels] = frozenset()  # at the last scrape that worked
        self._present: frozenset[Labels] = frozenset()  # at the last scrape, and without a timestamp of their own
        self._exemplar_texts: dict[Labels, str] = {}
        self._metadata: dict[str, tuple[str, str, str]] = {}
        self._status = self._reported("unknown", None, 0.0, "", 0)

    def status(self) -> TargetStatus:
        return self._status

    def scrape(self) -> TargetStatus:
        """
        Once, now. Never raises: what went wrong is in the status, and in `up`.
        """
        with self._lock:
            start_s = self._clock()
            began = time.perf_counter()
            error = ""
            try:
                found = self._fetched()
            except (FetchError, ParseError) as failure:
                found, error = Exposition(), str(failure)
            if not self._aborted:
                self._keep(found, start_s, time.perf_counter() - began, error)
            return self._status

    def abort(self) -> None:
        """End a scrape that is under way, without storing anything of it; later ones do nothing."""
        self._aborted = True
        self._fetcher.abort()

    def close(self) -> None:
        with self._lock:
            self._fetcher.close()

    def _fetched(self) -> Exposition:
        content_type, body = self._fetcher.get()
        media_type = content_type.partition(";")[0].strip().lower()
        if media_type not in (OPENMETRICS, CLASSIC):
            raise FetchError(
                f"{self.target.address} answered with the Content-Type '{content_type[:80]}'; metrics come as "
                f"{OPENMETRICS} or {CLASSIC}. Is {self.job.metrics_path} the right path?"
            )
        return self._parser.parse(body, media_type)

    def _keep(self, found: Exposition, start_s: float, duration_s: float, error: str) -> None:
        now_ms = int(start_s * 1000)
        samples: dict[tuple[Labels, int], Sample] = {}
        present: set[Labels] = set()
        dropped = Tally()
        up = not error
        for labels, value, timestamp_ms in found.samples:
            if timestamp_ms is None:
                present.add(labels)
                timestamp_ms = now_ms
            elif timestamp_ms > now_ms + FUTURE_MS:
                dropped.add("dropped:future")
                continue
            if (labels, timestamp_ms) in samples:
                dropped.add("dropped:duplicate")
                continue
            samples[labels, timestamp_ms] = Sample(labels, timestamp_ms, value)
        known = frozenset(labels for labels, _ in samples)
        markers = [Sample(labels, now_ms, STALE) for labels in self._present - present]
        exemplars = self._new_exemplars(found.exemplars, now_ms, dropped)
        report = self._report(now_ms, up, duration_s, len(found.samples), len(known - self._known))
        self._counts.add("scrapes")
        if error:
            self._counts.add("failed_scrapes")
        try:
            self._store.append([*samples.values(), *markers, *report], exemplars)
            self._describe(found)
        except StoreError as refusal:
            # The next scrape brings the counters up to date; only the moments in between are missing.
            self._counts.add("dropped:store", len(samples) + len(report))
            error = error or f"The sample store refuses: {refusal}"
        else:
            self._present = frozenset(present)
            if up:
                self._known = known
                self._exemplar_texts = {one.series: one.text for one in found.exemplars}
            self._counts.add("samples_stored", len(samples))
            self._counts.add("exemplars_stored", len(exemplars))
        for name, count in dropped.snapshot().items():
            self._counts.add(name, count)
        self._status = self._reported("up" if up else "down", start_s, duration_s, error, len(found.samples))

    def _new_exemplars(self, found: list[ParsedExemplar], now_ms: int, dropped: Tally) -> list[Exemplar]:
        """Those that were not there at the last scrape: an exemplar stays on its bucket until another replaces it."""
        exemplars: list[Exemplar] = []
        for one in found:
            if self._exemplar_texts.get(one.series) == one.text:
                continue
            if sum(len(name) + len(value) for name, value in one.labels) > EXEMPLAR_LABEL_CHARACTERS:
                dropped.add("dropped:exemplar_too_long")
                continue
            timestamp_ms = now_ms if one.timestamp_ms is None else one.timestamp_ms
            exemplars.append(Exemplar(one.series, one.labels, timestamp_ms, one.value))
        return exemplars

    def _report(self, now_ms: int, up: bool, duration_s: float, scraped: int, new: int) -> list[Sample]:
        values = {
            "up": float(up),
            "scrape_duration_seconds": duration_s,
            "scrape_samples_scraped": float(scraped),
            "scrape_samples_post_metric_relabeling": float(scraped),  # nothing is relabelled
            "scrape_series_added": float(new),
        }
        target = dict(self.target.labels)
        return [Sample(labels_of({**target, "__name__": name}), now_ms, value) for name, value in values.items()]

    def _describe(self, found: Exposition) -> None:
        changed = {name: what for name, what in found.metadata.items() if self._metadata.get(name) != what}
        if changed:
            self._store.describe(changed)
            self._metadata.update(changed)

    def _with_target_labels(self, labels: Labels) -> Labels:
        """
        The target's labels win and the exposed ones step aside as ``exported_<name>``; with `honor_labels` it is the
        other way round and nothing steps aside.
        """
        exposed = dict(labels)
        target = dict(self.target.labels)
        if self.job.honor_labels:
            return labels_of({**target, **exposed})
        final = {name: value for name, value in exposed.items() if name not in target}
        for name in sorted(exposed.keys() & target.keys()):
            aside = f"exported_{name}"
            while aside in exposed or aside in target or aside in final:
                aside = f"exported_{aside}"
            final[aside] = exposed[name]
        return labels_of({**final, **target})

    def _reported(
        self, health: str, last_scrape_s: float | None, last_duration_s: float, last_error: str, samples: int
    ) -> TargetStatus:
        return TargetStatus(
            self.job.name,
            self.target.address,
            self.target.labels,
            self.job.interval_s,
            health,
            last_scrape_s,
            last_duration_s,
            last_error,
            samples,
            self._counts.snapshot(),
        )
