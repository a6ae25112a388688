"""What start installs once per process, and what stop takes back."""

from __future__ import annotations

import io
import logging
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
from flask import Flask

from observability import Settings, carry_context, observe
from observability.testing import capture
from tests.support.collector import Collector


def test_uncaught_exceptions_of_threads_are_lines() -> None:
    with capture() as seen:
        thread = threading.Thread(target=lambda: 1 // 0, name="worker-7")
        thread.start()
        thread.join()
        (line,) = seen.events("thread.crashed")
        assert line["error"]["type"] == "ZeroDivisionError"
        assert "worker-7" in line["message"]


def test_the_end_of_a_thread_that_was_given_a_request_belongs_to_the_request() -> None:
    """Its line has the request's trace, and a secret of the request stays out of it."""
    with capture() as seen:
        app = observe(Flask("app"), seen.telemetry)

        def fail() -> None:
            raise RuntimeError("hunter2-hunter2 does not fit")

        @app.get("/")
        def view() -> str:
            seen.telemetry.secret("hunter2-hunter2")
            thread = threading.Thread(target=carry_context(fail))
            thread.start()
            thread.join()
            return "ok"

        app.test_client().get("/")
        (crashed,), (finished,) = seen.events("thread.crashed"), seen.events("request.finished")
        assert crashed["trace"] == finished["trace"]
        assert crashed["error"]["message"] == "[redacted] does not fit"
        assert "hunter2" not in str(crashed)


def test_warnings_are_lines() -> None:
    with capture() as seen:
        with warnings.catch_warnings():
            logging.captureWarnings(True)  # pytest has put itself in its place
            warnings.showwarning("old name", DeprecationWarning, "x.py", 1)
        (line,) = (line for line in seen.events("warning.raised") if "old name" in line["message"])
        assert line["log"]["level"] == "warning"


def test_a_handler_that_writes_unredacted_text_to_standard_error_is_set_aside_and_put_back() -> None:
    root, text = logging.getLogger(), io.StringIO()
    loud = logging.StreamHandler(text)
    root.addHandler(loud)
    try:
        with capture() as seen:
            logging.getLogger("anything").warning("password=hunter2-hunter2")
            assert len(seen.lines) == 1
        assert text.getvalue() == ""
        assert loud in root.handlers
    finally:
        root.removeHandler(loud)


def test_everything_is_as_before_after_stop() -> None:
    before = (sys.excepthook, threading.excepthook, list(logging.getLogger().handlers), logging.getLogger().level)
    threads = {thread.name for thread in threading.enumerate()}
    with capture() as one, capture() as two:
        one.telemetry.log("order.placed")
        two.telemetry.log("order.placed")
    after = (sys.excepthook, threading.excepthook, list(logging.getLogger().handlers), logging.getLogger().level)
    assert after == before
    assert {thread.name for thread in threading.enumerate()} <= threads


def test_lines_outside_of_a_request_go_to_the_telemetry_that_was_started_last() -> None:
    with capture(Settings(service_name="one")) as one, capture(Settings(service_name="two")) as two:
        logging.getLogger("somewhere").warning("hello")
        assert ([line["message"] for line in one.lines], [line["message"] for line in two.lines]) == ([], ["hello"])


def test_a_log_call_that_cannot_be_formatted_is_still_a_line() -> None:
    with capture() as seen:
        for text, argument in (("%d apples", "many"), ("a value: %s", Unprintable())):
            record = logging.getLogger("x").makeRecord("x", logging.WARNING, "", 0, text, (argument,), None)
            seen.telemetry.instance.log(record)
        assert len(seen.lines) == 2
        assert "%d apples" in seen.lines[0]["message"]


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "value",
    ["\ud800 lone", "line\nbreak", "\x1b[31mred", "x" * 100_000, 2**80, float("nan"), b"\xff", {"a": {1, 2}}, None],
    ids=["surrogate", "newline", "escape", "long", "large", "nan", "bytes", "set", "none"],
)
def test_whatever_is_logged_is_one_valid_line(value: object) -> None:
    with capture() as seen:
        logging.getLogger("x").warning("a value: %s", value, extra={"thing": value, "message_id": 1})
        logging.getLogger("x").warning(value)
        assert len(seen.raw_lines) == 2
        assert all(b"\n" not in line for line in seen.raw_lines)


def test_sequence_numbers_have_no_gaps_when_threads_log_at_once() -> None:
    with capture() as seen:
        def talk() -> None:
            for _ in range(50):
                logging.getLogger("x").info("x")

        threads = [threading.Thread(target=talk) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(line["event"]["sequence"] for line in seen.lines) == list(range(1, 201))
        assert seen.value("telemetry_emitted_total", signal="logs") == 200
        assert seen.value("log_lines_total", level="info") == 200


SCRIPT = """
import sys, threading
from flask import Flask
from observability import Settings, Telemetry, carry_context, observe
telemetry = Telemetry.from_settings(Settings(service_name="dev", otlp_endpoint=sys.argv[1], log_stdout=False)).start()
app = observe(Flask("dev"), telemetry)
app.add_url_rule("/", view_func=lambda: "ok")
app.test_client().get("/")
print("ready", flush=True)
for _ in range(400):  # one long wait would miss a signal that comes a moment before it: Python's own gap, not ours
    threading.Event().wait(0.05)
"""


@pytest.mark.slow
def test_sigterm_ends_a_script_in_order_and_its_spans_arrive() -> None:
    with Collector() as collector:
        child = subprocess.Popen([sys.executable, "-c", SCRIPT, collector.url], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGTERM)
        assert child.wait(5) == 128 + signal.SIGTERM
        child.stdout.close()
        assert collector.names() == ["GET /"]


FORKS = """
import os, sys
from pathlib import Path
from flask import Flask
from observability import Settings, Telemetry, observe
from observability.testing import SpanList
folder = Path(sys.argv[1])
settings = Settings(service_name="forks", log_dir=folder, log_stdout=False, metrics_dir=folder / "m")
telemetry = Telemetry(settings, span_sink=SpanList())
app = observe(Flask("forks"), telemetry)
app.add_url_rule("/", view_func=lambda: "ok")
app.test_client().get("/")
import concurrent.futures.thread  # as a server's threads do, late; see SdkProvider
children = []
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        try:
            app.test_client().get("/")
            telemetry.stop()
        finally:
            os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
telemetry.flush()
sys.stdout.write(telemetry.exposition("")[0].decode())
telemetry.stop()
"""


@pytest.mark.slow
def test_a_forked_child_is_an_instance_of_its_own(tmp_path: Path) -> None:
    """In a process of its own, as a server forks: other tests' threads must not hold a lock at that moment."""
    done = subprocess.run(
        [sys.executable, "-c", FORKS, str(tmp_path)], capture_output=True, text=True, timeout=30, check=True
    )
    files = list(tmp_path.glob("forks-*.jsonl"))
    assert len(files) == 4
    assert all(len(file.read_text().splitlines()) == 1 for file in files)
    assert 'flask_http_request_total{method="GET",status="200"} 4.0' in done.stdout
