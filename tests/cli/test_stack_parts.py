"""The smaller pieces of the stack process."""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator

import jsonschema
import pytest

from clew.stack.own_lines import OwnLines
from clew.stack.targets import resolver, wait_for_listeners
from observability import Settings, log_line_schema


@pytest.fixture
def own_lines() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    logger = logging.getLogger("clew.test")
    handler = OwnLines(stream, version="0.1.0")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, stream
    logger.removeHandler(handler)


def test_the_stacks_own_lines_have_the_shape_of_everybodys(own_lines: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = own_lines
    logger.warning("Target %s is down:\nreally", "gateway:8080")
    try:
        raise ValueError("odd")
    except ValueError:
        logger.exception("It broke")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]

    for line in lines:
        jsonschema.validate(line, log_line_schema())
        assert next(iter(line)) == "@timestamp"
        assert line["service"]["name"] == "clew"
    assert [line["event"]["sequence"] for line in lines] == [1, 2]
    assert lines[0]["message"] == "Target gateway:8080 is down:\\nreally"
    assert lines[1]["error"]["type"] == "ValueError"


def test_a_stack_whose_reader_is_gone_does_not_stumble() -> None:
    stream = io.StringIO()
    stream.close()
    OwnLines(stream, version="0.1.0").handle(logging.makeLogRecord({"msg": "hello"}))


def test_targets_named_as_containers_are_our_own_processes() -> None:
    resolve = resolver(Settings(gateway_port=18080, user_port=18081, order_port=18082))

    assert resolve("gateway:8080") == "127.0.0.1:18080"
    assert resolve("user:9999") == "127.0.0.1:18081"
    assert resolve("localhost:5000") == "localhost:5000"


def test_scraping_waits_for_listeners_but_not_for_ever(port: Callable[[], int]) -> None:
    """Else every start would begin with an alarm for each service."""
    number, stop = port(), threading.Event()
    ended = threading.Event()
    waiting = threading.Thread(
        target=lambda: (wait_for_listeners([f"127.0.0.1:{number}"], stop, within_s=10.0), ended.set())
    )
    waiting.start()
    assert not ended.wait(0.15)
    with socket.create_server(("127.0.0.1", number)):
        assert ended.wait(5)
    waiting.join()

    wait_for_listeners([f"127.0.0.1:{number}", "nonsense"], stop, within_s=0.05)
    stop.set()
    wait_for_listeners(["nonsense"], stop, within_s=10.0)
