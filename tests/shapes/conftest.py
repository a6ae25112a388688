"""Both apps, once: every shape is sent to each, and what they said about it is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

from tests.shapes.observed import Observed, trace_id
from tests.shapes.shapes import SHAPES, Shape, send, trace_of
from tests.support.waiting import eventually


def is_last(line: dict[str, Any]) -> bool:
    return "/last" in (line.get("path"), line.get("url", {}).get("path"))


def scrape(port: int) -> tuple[Counter[tuple[str, str, str]], dict[tuple[str, str, str], float]]:
    asked = Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": "application/openmetrics-text"})
    with urlopen(asked, timeout=10) as answer:
        text, kind = answer.read().decode(), answer.headers["Content-Type"]
    parse = openmetrics if "openmetrics" in kind else classic
    counts: Counter[tuple[str, str, str]] = Counter()
    sums: dict[tuple[str, str, str], float] = {}
    for family in parse(text):
        for sample in family.samples:
            labels = sample.labels
            key = (labels.get("method", ""), labels.get("url_rule") or labels.get("path", ""), labels.get("status", ""))
            if sample.name == "flask_http_request_duration_seconds_count":
                counts[key] += int(sample.value)
            elif sample.name == "flask_http_request_duration_seconds_sum":
                sums[key] = sample.value
    return counts, sums


def documents(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def observe_all(kind: str, folder: Path) -> Observed:
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.shapes.serve", kind, str(folder)], start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=(folder / "errors").open("w"),
    )
    try:
        port_file = folder / "port"
        eventually(port_file.exists, timeout_s=20, what=f"{kind} server's start")
        port = int(port_file.read_text())
        seen = Observed()
        for number, shape in enumerate(SHAPES):
            seen.wire[shape.name] = send(port, shape, trace_of(number))
        # Everything is written in order: when the last request is there, all are.
        last = Shape("last", "/last", 200)
        send(port, last, "f" * 32)
        eventually(lambda: any(is_last(line) for line in documents(folder / "lines")), what=f"the last line of {kind}")
        hung_up = [trace_of(n) for n, s in enumerate(SHAPES) if s.hang_up]
        if kind == "ours":
            eventually(
                lambda: all(any(trace_id(line) == t for line in documents(folder / "lines")) for t in hung_up),
                what="the line of the client that went away",
            )
            eventually(lambda: len(documents(folder / "spans")) > len(SHAPES), what="the last span")
        seen.spans = [s for s in documents(folder / "spans") if s["trace"] != "f" * 32]
        seen.lines = [s for s in documents(folder / "lines") if trace_id(s) != "f" * 32]
        for number, shape in enumerate(SHAPES):
            log = documents(folder / "access")
            seen.server_access[shape.name] = [line["status"] for line in log if trace_of(number) in line["parent"]]
        seen.samples, seen.sums = scrape(port)
        del seen.samples[("GET", "/last", "200")]
        return seen
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(10)


@pytest.fixture(scope="session")
def observed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Observed]:
    return {kind: observe_all(kind, tmp_path_factory.mktemp(kind)) for kind in ("ours", "tutorial")}
