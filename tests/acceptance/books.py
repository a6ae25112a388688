"""The loss ledger, and the same numbers counted by hand: from files, from tables, from /metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.support.lines import whole_lines
from tests.support.running import SERVICES, Running

Key = tuple[str, str, str]
"""Service, instance, signal."""


@dataclass(frozen=True)
class Books:
    """
    :param emitted: as the services themselves say on /metrics.
    :param dropped: the same.
    :param written: lines in the log files.
    :param stored: rows of the stores. Each is there once: an id twice is an AssertionError.
    :param ledger: what ``/-/status`` says.
    """

    emitted: Counter[Key]
    dropped: Counter[Key]
    written: Counter[Key]
    stored: Counter[Key]
    ledger: dict[Key, dict[str, Any]]


def books(running: Running) -> Books:
    """Those of our three services now, after a scrape, so that the ledger knows what they know."""
    running.scrape()
    emitted, dropped = Counter[Key](), Counter[Key]()
    for service in SERVICES:
        for sample in running.samples(service):
            for name, account in (("emitted", emitted), ("dropped", dropped)):
                if sample.name == f"telemetry_instance_{name}_total":
                    key = (service, sample.labels["service_instance_id"], sample.labels["signal"])
                    account[key] += int(sample.value)
    ledger = {
        (row["service"], row["instance"], row["signal"]): row
        for row in running.status()["ledger"] if row["service"] in SERVICES
    }
    return Books(emitted, dropped, _written(running), _stored(running), ledger)


def _written(running: Running) -> Counter[Key]:
    ids = Counter[str]()
    written = Counter[Key]()
    for line in whole_lines(file for name in SERVICES for file in running.home.logs.glob(f"{name}-*.jsonl")):
        ids[line["event"]["id"]] += 1
        written[line["service"]["name"], line["service"]["node"]["name"], "logs"] += 1
    assert set(ids.values()) <= {1}
    return written


def _stored(running: Running) -> Counter[Key]:
    lines = running.rows("logs", "SELECT service, document ->> '$.service.node.name', id FROM line")
    spans = running.rows("spans", "SELECT service, content ->> '$[10].\"service.instance.id\"', span_id FROM span")
    for rows in (lines, spans):
        assert len({identity for *_, identity in rows}) == len(rows), "something is stored twice"
    return Counter(
        (service, instance, signal)
        for signal, rows in (("logs", lines), ("traces", spans))
        for service, instance, _ in rows if service in SERVICES
    )
