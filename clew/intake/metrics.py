"""All targets of `prometheus.yml` into the sample store, each at its own interval."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from clew.intake.prometheus_config import PrometheusConfig
from clew.intake.scrape import BODY_LIMIT, TargetScraper, TargetStatus
from clew.intake.tally import unheard
from clew.store import SampleStore


class MetricIntake:
    """
    Scrapes every target in a thread of its own, so that one that hangs delays no other; targets are spread over the
    interval by their labels, at the same place in each run. A tick that a slow scrape overran is left out.

    :param resolve: target address -> where it really is, as host:port; a LookupError fails the scrape, not the intake.
        Labels and the Host header stay as the file has them.
    :param report: gets one sentence when a target goes down and when it comes up again.
    """

    def __init__(
        self,
        config: PrometheusConfig,
        store: SampleStore,
        *,
        resolve: Callable[[str], str] = lambda address: address,
        clock: Callable[[], float] = time.time,
        body_limit: int = BODY_LIMIT,
        report: Callable[[str], None] = unheard,
    ) -> None:
        self._clock = clock
        self._report = report
        self._scrapers = tuple(
            TargetScraper(job, target, store, resolve=resolve, clock=clock, body_limit=body_limit)
            for job in config.jobs
            for target in job.targets
        )

    def status(self) -> tuple[TargetStatus, ...]:
        """In the order of the file."""
        return tuple(scraper.status() for scraper in self._scrapers)

    def scrape_now(self) -> tuple[TargetStatus, ...]:
        """Scrape every target once, side by side; returns when all are done, after the longest timeout at most."""
        if not self._scrapers:
            return ()
        with ThreadPoolExecutor(len(self._scrapers), thread_name_prefix="scrape-now") as pool:
            return tuple(pool.map(self._scrape, self._scrapers))

    def run(self, stop: threading.Event) -> None:
        """Until *stop* is set. Scrapes under way are broken off then, and leave nothing behind."""
        threads = [
            threading.Thread(target=self._watch, args=(scraper, stop), name=f"scrape-{scraper.target.address}")
            for scraper in self._scrapers
        ]
        for thread in threads:
            thread.start()
        stop.wait()
        for scraper in self._scrapers:
            scraper.abort()
        for thread in threads:
            thread.join()
        for scraper in self._scrapers:
            scraper.close()

    def _watch(self, scraper: TargetScraper, stop: threading.Event) -> None:
        while not stop.wait(self._pause_s(scraper)):
            try:
                self._scrape(scraper)
            except Exception as error:  # noqa: BLE001 (a target that nobody scrapes any more would be a silent loss)
                self._report(f"Scraping {scraper.target.address} broke off: {error!r}. It is tried again.")

    def _scrape(self, scraper: TargetScraper) -> TargetStatus:
        before = scraper.status()
        after = scraper.scrape()
        if after.health == "down" and before.health != "down":
            self._report(f"Target {after.address} is down: {after.last_error}")
        elif after.health == "up" and before.health == "down":
            self._report(f"Target {after.address} is up again.")
        return after

    def _pause_s(self, scraper: TargetScraper) -> float:
        interval = scraper.job.interval_s
        offset = zlib.crc32(repr(scraper.target.labels).encode()) / 2**32 * interval
        pause = (offset - self._clock()) % interval
        # A wake-up a moment early must not be followed by another one a moment later.
        return pause if pause > interval / 10 else pause + interval
