"""The thread that writes down what requests left behind: nothing stops it, and nothing it does can wait for itself."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from observability.scribe import Scribe
from tests.support.waiting import eventually


class Book:
    def __init__(self, *, delay_s: float = 0.01, limit: int = 1000) -> None:
        self.written: list[object] = []
        self.meanwhile = lambda: None
        self.scribe: Scribe[object] = Scribe(self._write, delay_s=delay_s, limit=limit)

    def _write(self, items: Sequence[object], until_s: float) -> None:
        self.written += items
        if items:
            self.meanwhile()


def test_what_is_put_while_something_is_written_does_not_wait_for_itself() -> None:
    book = Book()
    todo = ["by a destructor"]
    book.meanwhile = lambda: book.scribe.put(todo.pop()) if todo else None
    book.scribe.put("first")
    ended = threading.Thread(target=book.scribe.close, daemon=True)
    ended.start()
    ended.join(5)
    assert not ended.is_alive()
    assert book.written == ["first", "by a destructor"]


def test_the_same_at_the_end_when_everybody_writes_for_himself() -> None:
    book = Book()
    book.scribe.close()
    todo = [2, 3]
    book.meanwhile = lambda: book.scribe.put(todo.pop(0)) if todo else None
    writer = threading.Thread(target=book.scribe.put, args=(1,), daemon=True)
    writer.start()
    writer.join(5)
    assert book.written == [1, 2, 3]


def test_what_a_destructor_leaves_is_written_without_another_put() -> None:
    book = Book()
    book.scribe.put("starts the thread")
    eventually(lambda: len(book.written) == 1)
    book.scribe.leave("left")
    eventually(lambda: len(book.written) == 2)
    book.scribe.close()


def test_nothing_is_missed_between_two_rounds() -> None:
    book = Book(delay_s=0.001)

    def put(first: int) -> None:
        for number in range(first, first + 500):
            book.scribe.put(number)
            if number % 50 == 0:
                time.sleep(0.003)

    threads = [threading.Thread(target=put, args=(n * 1000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually(lambda: len(book.written) == 2000)
    book.scribe.close()


def test_an_item_in_a_hurry_does_not_wait_for_the_delay() -> None:
    book = Book(delay_s=60)
    book.scribe.put("patient")
    book.scribe.put("urgent", soon=True)
    eventually(lambda: book.written == ["patient", "urgent"], timeout_s=5)
    book.scribe.close()


def test_without_a_thread_the_caller_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    book = Book()
    monkeypatch.setattr(threading.Thread, "start", refused)
    book.scribe.put(1)
    assert book.written == [1]


@pytest.mark.slow
def test_a_scribe_that_has_nothing_to_write_does_not_wake_up() -> None:
    flushes: list[int] = []
    scribe: Scribe[int] = Scribe(lambda items, until: flushes.append(len(items)), delay_s=0.01, limit=100)
    scribe.put(1)
    eventually(lambda: flushes[:2] == [1, 0], what="the item is written, and vouched for")
    assert not threading.Event().wait(0.3)
    assert flushes == [1, 0]
    scribe.close()


ABANDONED = """
import io
from flask import Flask, Response
from observability import Settings, Telemetry, observe

telemetry = Telemetry(Settings(service_name="shop", otlp_endpoint="{url}")).start()
app = observe(Flask("shop"), telemetry)
app.add_url_rule("/s", "s", lambda: Response(iter([b"one", b"two"])))
environ = dict(
    REQUEST_METHOD="GET", PATH_INFO="/s", SERVER_NAME="h", SERVER_PORT="80", SERVER_SOFTWARE="any",
)
environ |= {{"wsgi.url_scheme": "http", "wsgi.input": io.BytesIO()}}
body = app(environ, lambda *_: None)
next(body)
del body
"""


@pytest.mark.slow
def test_a_process_ends_although_a_body_was_thrown_away_unread(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(ABANDONED.format(url="http://127.0.0.1:9"))
    done = subprocess.run(
        [sys.executable, script], capture_output=True, timeout=30, check=True, text=True,
        env={"PYTHONPATH": os.getcwd(), "PATH": os.environ["PATH"]},
    )
    assert "GET /s 200" in done.stdout
