"""Rubbish in the log directory and at the OTLP port: kept aside, counted, never fatal, and good data keeps flowing."""

from __future__ import annotations

import gzip
import json
import os
import secrets
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import ORDER, SPANS, Answer, Buyer, Running, ask
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

PROTOBUF, JSON = "application/x-protobuf", "application/json"
MEGABYTE = 1024 * 1024
MOST_ASIDE, MOST_ASIDE_BYTES = 200, 16 * MEGABYTE

NOT_JSON = (
    b"not JSON at all", b"caf\xe9 \xff\xfe", b'{"message": "cut of', b'["in", {"an": "array"}]', b"42", b"null",
    b'"a text"', b"\0\0\0 NUL \0", b"[" * 5000, b'{"event": "a text where others have an object"}',
)
ODD_BUT_JSON = (
    b'{"message": "\\u0000"}', b'{"message": {"an": "object"}}', b'{"message": "odd time", "@timestamp": "yesterday"}',
    b'{"message": "big", "n": 123456789012345678901234567890}', b'{"message": "lone \\ud800"}',
    b'{"service": {"name": ["a"]}, "event": {"id": {"x": 1}}, "message": "odd types"}',
)


@pytest.fixture
def file(running: Running) -> Path:
    """A log file of nobody's."""
    return running.home.logs / f"stranger-{secrets.token_hex(4)}.jsonl"


def test_lines_that_are_no_log_lines_are_kept_and_marked_and_good_ones_between_them_stored(
    running: Running, file: Path
) -> None:
    before = counts(running, "logs")
    good = [{"message": f"good {n}", "event": {"id": f"{file.stem}-{n}"}} for n in range(2)]
    lines = [json.dumps(good[0]).encode(), *NOT_JSON, *ODD_BUT_JSON, b"", json.dumps(good[1]).encode()]
    file.write_bytes(b"".join(line + b"\n" for line in lines))

    def stored() -> list[tuple[str, dict[str, Any]]]:
        found = running.rows(
            "logs", "SELECT log_index.name, document FROM line JOIN log_index ON log_index.key = index_key "
            "WHERE document ->> '$.log.file.path' = ?", str(file),
        )
        assert len(found) == len(lines) - 1
        return [(index.rpartition("-")[0], json.loads(document)) for index, document in found]

    documents = eventually(stored, what="every line is stored")
    malformed = [document for index, document in documents if index == "clew-malformed"]
    kept = [document for index, document in documents if index == "clew-logs"]
    assert (len(malformed), len(kept)) == (len(NOT_JSON), len(ODD_BUT_JSON) + 2)
    assert all(document["tags"] == ["_jsonparsefailure"] for document in malformed)
    assert {"not JSON at all", '{"message": "cut of', "caf\\xE9 \\xFF\\xFE"} <= {line["message"] for line in malformed}
    assert {"good 0", "good 1"} <= {str(document["message"]) for document in kept}
    eventually(lambda: more(running, "logs", before)["dropped:empty_line"] == 1, what="the empty line is counted")
    total = counts(running, "logs")
    lost = sum(count for name, count in total.items() if name.startswith(("dropped:", "aside:")))
    assert total["lines_read"] == total["documents_stored"] + total["documents_replaced"] + lost


def test_a_line_of_2_mib_is_kept_aside_by_its_head_and_the_next_one_read(running: Running, file: Path) -> None:
    before, aside = counts(running, "logs"), counts(running, "aside")
    mark = secrets.token_hex(8).encode()
    file.write_bytes(mark + b"x" * 2 * MEGABYTE + b"\n" + b'{"message": "the next one"}\n')

    eventually(lambda: of(running, file) == ["the next one"], what="the next line is stored")
    eventually(lambda: more(running, "logs", before)["aside:overlong"] == 1, what="the long line is counted")
    assert more(running, "aside", aside) == {"kept:log-line-overlong": 1}
    heads = [path.read_bytes() for path in running.home.aside.glob("*-log-line-overlong-*.bin")]
    assert [len(head) for head in heads if head.startswith(mark)] == [64 * 1024]


def test_a_malformed_line_is_found_on_the_page_of_log_lines(running: Running, file: Path) -> None:
    word = secrets.token_hex(8)
    file.write_text(f"Traceback of {word}, past the logger\n")

    eventually(lambda: of(running, file), what="the line is stored")
    (line,) = running.explorer(f"/logs.json?q={word}")["lines"]
    assert line["index"].startswith("clew-malformed-")
    assert line["message"] == f"Traceback of {word}, past the logger"


def test_otlp_bodies_that_cannot_be_read_are_refused_kept_and_counted(running: Running) -> None:
    before, aside = counts(running, "traces"), counts(running, "aside")
    rubbish = os.urandom(64)
    statuses = Counter(
        send(running, body, content_type, encoding).status
        for body, content_type, encoding in (
            (b"\xff" + rubbish, PROTOBUF, ""),
            (rubbish, JSON, ""),
            (b'["a list"]', JSON, ""),
            (b'{"resourceSpans": "a text"}', JSON, ""),
            (rubbish, PROTOBUF, "gzip"),
            (gzip.compress(rubbish * 1000)[:-100], PROTOBUF, "gzip"),
        )
    )

    assert statuses == {400: 6}
    assert refused_since(running, before) == {"bodies_refused:malformed": 4, "bodies_refused:not_gzip": 2}
    assert more(running, "aside", aside) == {"kept:traces-malformed": 4, "kept:traces-not-gzip": 2}
    kept = {path.read_bytes() for path in running.home.aside.glob("*.bin")}
    assert {b"\xff" + rubbish, rubbish} <= kept


def test_a_gzip_bomb_and_wrong_types_are_refused_and_counted(running: Running) -> None:
    before = counts(running, "traces")
    peak = peak_memory(running)
    bomb = gzip.compress(bytes(200 * MEGABYTE), 1)
    statuses = [
        send(running, bomb, PROTOBUF, "gzip").status,
        send(running, b"<spans/>", "text/xml", "").status,
        send(running, b"", "", "").status,
        send(running, b"", PROTOBUF, "br").status,
        ask(running.port("otlp"), "POST", "/v1/metrics", b"", headers={"Content-Type": PROTOBUF}).status,
        ask(running.port("otlp"), "GET", "/v1/traces").status,
    ]

    assert statuses == [413, 415, 415, 415, 404, 405]
    assert refused_since(running, before) == {
        "bodies_refused:too_large": 1, "bodies_refused:content_type": 2, "bodies_refused:content_encoding": 1,
        "bodies_refused:metrics_not_received": 1,
    }
    assert peak_memory(running) - peak < 100 * MEGABYTE, "what is inside is never unpacked whole"


def test_what_is_kept_aside_is_bounded(running: Running) -> None:
    """By number and by size; what had to go is counted."""
    before = counts(running, "aside")
    for number in range(20):
        send(running, b"\xff" + bytes([number]) + os.urandom(8) + bytes(MEGABYTE), PROTOBUF, "")
    big = [path.stat().st_size for path in running.home.aside.iterdir()]
    for number in range(MOST_ASIDE + 20):
        send(running, b"\xff" + secrets.token_bytes(8) + bytes([number % 256]), PROTOBUF, "")
    small = [path.stat().st_size for path in running.home.aside.iterdir()]

    assert sum(big) <= MOST_ASIDE_BYTES
    assert len(small) == MOST_ASIDE
    assert max(big) <= MEGABYTE
    assert more(running, "aside", before)["kept:traces-malformed"] == MOST_ASIDE + 40
    assert more(running, "aside", before)["evicted"] >= 40


def test_good_data_keeps_flowing(running: Running, buyer: Buyer, file: Path) -> None:
    """While rubbish comes in at both ends."""
    answers = []
    with file.open("ab") as log:
        for _ in range(5):
            log.write(b"{" * 1000 + b"\n" + os.urandom(1000) + b"\n")
            log.flush()
            send(running, b"\xff" + os.urandom(100), PROTOBUF, "")
            answers.append(running.gateway("POST", "/api/orders", ORDER, headers=buyer.headers))

    assert [answer.status for answer in answers] == [201] * 5
    for answer in answers:
        assert running.dossier(answer.trace_id)["spans_total"] == SPANS
    assert running.part("stack").restarts == 0


def send(running: Running, body: bytes, content_type: str, encoding: str) -> Answer:
    headers = {"Content-Type": content_type, **({"Content-Encoding": encoding} if encoding else {})}
    return ask(running.port("otlp"), "POST", "/v1/traces", body, headers=headers)


def counts(running: Running, signal: str) -> Counter[str]:
    """What the intake has counted so far. The services' own lines and spans are in it, and may come at any moment."""
    return Counter(running.status()["counts"][signal])


def more(running: Running, signal: str, before: Counter[str]) -> Counter[str]:
    return counts(running, signal) - before


def refused_since(running: Running, before: Counter[str]) -> dict[str, int]:
    return {name: n for name, n in more(running, "traces", before).items() if name.startswith("bodies_refused:")}


def of(running: Running, file: Path) -> list[str]:
    """The messages of the lines of *file* that are stored."""
    found = running.rows(
        "logs", "SELECT document ->> '$.message' FROM line WHERE document ->> '$.log.file.path' = ?", str(file)
    )
    return [message for (message,) in found]


def peak_memory(running: Running) -> int:
    """The most memory that the stack process ever had, bytes."""
    text = Path(f"/proc/{running.part('stack').pid}/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
