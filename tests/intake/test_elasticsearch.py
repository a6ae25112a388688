"""Documents to a server by its bulk API: what counts as kept, what is offered again, what never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from clew.intake.elasticsearch import MOST_LINES, ElasticsearchSink, sink_of
from clew.intake.sink import PartlyKept
from clew.pipeline import ElasticsearchOutput, compile_pipeline
from clew.store import LogLine, StoreError
from tests.intake.bulk_server import BulkServer
from tests.support.collector import refusing_url

ROOT = Path(__file__).resolve().parents[2]


def output(*hosts: str, more: str = "") -> ElasticsearchOutput:
    text = f"""output {{ elasticsearch {{
      hosts => [{", ".join(f'"{host}"' for host in hosts)}] index => "i" manage_template => false {more}
    }} }}"""
    return compile_pipeline(text, filename="test.conf", environment={}).outputs[0]


def sink(*hosts: str, more: str = "") -> ElasticsearchSink:
    return ElasticsearchSink(output(*hosts, more=more))


def lines(*numbers: int, **more: object) -> list[LogLine]:
    return [LogLine("clew-logs-2026.11.21", f"id-{n}", n, {"n": n, **more}) for n in numbers]


def test_a_document_goes_to_its_index_under_its_id_and_again_to_the_same() -> None:
    with BulkServer() as server:
        there = sink(server.url)
        assert there.append(lines(1, 2)) == 2
        assert there.append(lines(2, 3)) == 1
        assert server.documents == {("clew-logs-2026.11.21", f"id-{n}"): {"n": n} for n in (1, 2, 3)}


def test_nothing_to_send_asks_nobody() -> None:
    with BulkServer() as server:
        assert sink(server.url).append([]) == 0
        assert server.requests == 0


def test_what_the_line_says_arrives_unchanged() -> None:
    """Integers beyond 64 bits and lone surrogates too, which the fast encoder refuses."""
    hostile = {"big": 2**80, "half": "\ud800", "text": 'ä\u2028\n"', "none": None, "nested": {"a": [1, 2.5]}}
    with BulkServer() as server:
        sink(server.url).append(lines(1, **hostile))
        assert list(server.documents.values()) == [{"n": 1, **hostile}]


@pytest.mark.parametrize("status", [0, 401, 403, 429, 500, 502, 503])
def test_a_server_that_refuses_has_kept_nothing_and_gets_the_same_lines_again(status: int) -> None:
    with BulkServer(status=[status]) as server:
        there = sink(server.url)
        with pytest.raises(StoreError) as refused:
            there.append(lines(1, 2))
        assert not isinstance(refused.value, PartlyKept)
        assert server.url in str(refused.value)
        assert there.append(lines(1, 2)) == 2


def test_a_server_that_is_not_there_is_named_with_the_reason() -> None:
    url = refusing_url()
    with pytest.raises(StoreError, match=f"{url} cannot be asked: Connection refused"):
        sink(url).append(lines(1))


def test_an_account_that_may_not_write_is_told_so() -> None:
    with BulkServer(status=[403]) as server, pytest.raises(StoreError, match="does not let this account write"):
        sink(server.url).append(lines(1))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"items": []}', b'{"items": [{"create": {"status": 201}}]}'])
def test_an_answer_that_does_not_speak_of_each_line_is_no_acknowledgement(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BulkServer() as server:
        monkeypatch.setattr(server, "take", lambda _: body)
        with pytest.raises(StoreError):
            sink(server.url).append(lines(1))


def test_documents_that_are_too_much_at_once_are_left_and_the_others_are_kept() -> None:
    busy = {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "queue is full"}}
    with BulkServer(item=lambda document: busy if document["n"] % 2 else None) as server:
        there = sink(server.url)
        with pytest.raises(PartlyKept, match=r"2 of 4 documents: 429 es_rejected.*queue is full") as partly:
            there.append(lines(1, 2, 3, 4))
        assert [line.id for line in partly.value.left] == ["id-1", "id-3"]
        assert (partly.value.new, partly.value.replaced, partly.value.refused) == (2, 0, [])


def test_a_document_that_does_not_fit_its_mapping_is_named_with_the_innermost_reason() -> None:
    error = {"type": "document_parsing_exception", "reason": "failed", "caused_by": {
        "type": "illegal_argument_exception", "reason": "'x' is no number"}}
    with BulkServer(item=lambda document: {"status": 400, "error": error} if document["n"] == 1 else None) as server:
        with pytest.raises(PartlyKept) as partly:
            sink(server.url).append(lines(1, 2))
        ((line, why),) = partly.value.refused
        assert (line.id, partly.value.left, partly.value.new) == ("id-1", [], 1)
        assert why == "400 document_parsing_exception: failed / illegal_argument_exception: 'x' is no number"


def test_a_request_that_is_too_large_is_halved_until_it_fits() -> None:
    with BulkServer(largest=500) as server:
        assert sink(server.url).append(lines(*range(40))) == 40
        assert len(server.documents) == 40


def test_one_document_that_is_too_large_is_refused_and_the_others_are_kept() -> None:
    with BulkServer(largest=500) as server:
        with pytest.raises(PartlyKept) as partly:
            sink(server.url).append([*lines(1, text="x" * 600), *lines(2)])
        assert [(line.id, why) for line, why in partly.value.refused] == [("id-1", "413 larger than the server takes")]
        assert [key[1] for key in server.documents] == ["id-2"]


def test_when_a_later_request_fails_only_its_lines_are_left() -> None:
    numbers = range(2 * MOST_LINES + 1)
    with BulkServer(status=[200, 503]) as server:
        with pytest.raises(PartlyKept) as partly:
            sink(server.url).append(lines(*numbers))
        assert partly.value.new == MOST_LINES
        assert [line.timestamp_ns for line in partly.value.left] == list(numbers[MOST_LINES:])


def test_the_next_host_is_asked_when_one_fails() -> None:
    with BulkServer() as server:
        there = sink(refusing_url(), server.url)
        with pytest.raises(StoreError):
            there.append(lines(1))
        assert there.append(lines(1)) == 1


def test_the_account_goes_along_from_the_options_or_the_address() -> None:
    with BulkServer() as server:
        sink(server.url, more='user => "clew_logstash" password => "p:ä"').append(lines(1))
        sink(server.url.replace("//", "//me:it%2Fis@")).append(lines(1))
        sink(server.url).append(lines(1))
        assert server.accounts == {"clew_logstash:p:ä", "me:it/is", ""}


@pytest.mark.parametrize(
    ("more", "why"),
    [("ilm_enabled => true", "rollover alias"), ("ssl_enabled => true", "is not https"),
     ('ssl_certificate_authorities => ["/nowhere"]', "cannot be read")],
)
def test_what_is_not_obeyed_is_refused(more: str, why: str) -> None:
    scheme = "https" if "authorities" in more else "http"
    with pytest.raises(ValueError, match=why):
        sink(f"{scheme}://es", more=more)


def test_logstashs_own_template_is_not_promised() -> None:
    text = 'output { elasticsearch { hosts => ["http://es"] index => "i" } }'
    wanted = compile_pipeline(text, filename="test.conf", environment={}).outputs[0]
    with pytest.raises(ValueError, match="manage_template => false"):
        ElasticsearchSink(wanted)


def test_our_own_pipeline_can_be_carried_out() -> None:
    text = (ROOT / "logstash.conf").read_text("utf-8")
    outputs = compile_pipeline(text, filename="logstash.conf", environment={"LOG_DIR": "/logs"}).outputs
    sink_of(outputs).close()


def test_outputs_to_two_servers_are_refused() -> None:
    with pytest.raises(ValueError, match="there are 2 different ones"):
        sink_of([output("http://a"), output("http://b")])
