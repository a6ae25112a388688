"""
The stack process, put together: stores in the middle, intake on one side, the explorer on the other.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, Response

from clew.explorer import create_explorer
from clew.faults import FaultsError, read_faults, sentences
from clew.home import Home
from clew.intake.aside import Aside
from clew.intake.file_input import log_intake_of
from clew.intake.metrics import MetricIntake
from clew.intake.otlp import OtlpIntake, create_otlp_app
from clew.query.document import encode
from clew.query.embedded import readers_of
from clew.stack.config import StackConfig
from clew.stack.housekeeping import keep_house
from clew.stack.server import LocalServer
from clew.stack.targets import resolver, scraped_here, wait_for_listeners
from clew.stack.told import told_to_stop
from clew.stack.view import StackView
from clew.store import Retention
from clew.store.sqlite import open_stores
from observability import Settings

_STOP_WITHIN_S = 1.2
_SERVICES_COME_WITHIN_S = 5.0


class Stack:
    """
    Opens stores and ports when made, works from `start` to `stop`.

    :raises StoreError: a store cannot be opened.
    :raises OSError: a port is taken.
    :raises ValueError: a file input cannot be carried out.
    """

    def __init__(self, config: StackConfig, *, settings: Settings, home: Home, report: Callable[[str], None]) -> None:
        self._stop = threading.Event()
        self._stores = open_stores(home.store, retention=Retention())
        readers = readers_of(self._stores)
        aside = Aside(home.aside)
        self._logs = tuple(
            log_intake_of(
                source, pipeline, self._stores.logs, aside, positions_dir=home.positions, host=socket.gethostname(),
                report=report,
            )
            for source, pipeline in config.sources
        )
        resolve = resolver(settings)
        scraped = scraped_here(config.prometheus)
        self._targets = [resolve(target.address) for job in scraped.jobs for target in job.targets]
        self._metrics = MetricIntake(scraped, self._stores.samples, resolve=resolve, report=report)
        spans = OtlpIntake(self._stores.spans, aside, report=report)
        self._view = StackView(
            readers=readers, logs=self._logs, metrics=self._metrics, spans=spans, aside=aside, store_dir=home.store
        )
        explorer = create_explorer(
            readers=readers, ledger=self._view.accounts, freshness=self._view.sources,
            exercises=lambda: _exercises(home), scrape_now=self._scrape_now,
        )
        _add_status(explorer, self._view)
        receiver = create_otlp_app(spans)
        most = spans.body_limit + 1  # one more than the receiver takes, so that it is the one who refuses, and counts
        self._servers = (
            LocalServer(receiver, port=settings.otlp_port, name="otlp", threads=2, max_body_bytes=most),
            LocalServer(explorer, port=settings.explorer_port, name="explorer", threads=4),
        )
        work: dict[str, Callable[[threading.Event], None]] = {
            **{f"tail-{number}": logs.run for number, logs in enumerate(self._logs)},
            "scrape": self._scrape,
            "retention": lambda stop: keep_house(self._stores, stop, report=report),
        }
        self._threads = [
            threading.Thread(target=target, args=(self._stop,), name=name) for name, target in work.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        for server in self._servers:
            server.start()

    def stop(self) -> None:
        """
        Take nothing more in, look at the log files one last time, save the positions, close everything: within 1.5 s.
        """
        self._stop.set()
        closing = [threading.Thread(target=server.stop, name="closing") for server in self._servers]
        for thread in closing:
            thread.start()
        for thread in (*closing, *self._threads):
            thread.join(_STOP_WITHIN_S)
        self._stores.close()

    def _scrape(self, stop: threading.Event) -> None:
        wait_for_listeners(self._targets, stop, within_s=_SERVICES_COME_WITHIN_S)
        self._metrics.run(stop)

    def _scrape_now(self) -> None:
        self._metrics.scrape_now()


def _exercises(home: Home) -> list[str]:
    try:
        return sentences(read_faults(home.faults), datetime.now(UTC))
    except FaultsError as error:
        return [str(error)]


def _add_status(explorer: Flask, view: StackView) -> None:
    """``GET /-/status``: what `clew status` shows, behind the explorer's own guard."""

    @explorer.get("/-/status")
    def status() -> Response:
        return Response(encode(view.status()), mimetype="application/json")


def run_until_told(stack: Stack) -> None:
    """Start *stack*; at SIGTERM, SIGINT or SIGHUP stop it and return. Main thread only."""
    told = told_to_stop()
    stack.start()
    told.wait()
    stack.stop()
