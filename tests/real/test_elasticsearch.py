"""The real server: what its shim must not hide, and what no set-up may leave open (more of it: test_set_up.py)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from clew.intake.elasticsearch import ElasticsearchSink
from clew.pipeline import compile_pipeline
from clew.store import LogLine
from observability import log_line_schema
from tests.real.peers.elasticsearch import Elasticsearch
from tests.real.peers.providing import Peers
from tests.real.stage import Stage
from tests.services.processes import ROOT

INDEX = "clew-logs-2020.01.01"
LINE = {"@timestamp": "2020-01-01T12:00:00.123456Z", "message": "a line of long ago", "event": {"id": "old-1"}}


@pytest.fixture
def bare(peers: Peers) -> Iterator[Elasticsearch]:
    server = Elasticsearch(peers, with_shim=False, secure=False)
    try:
        server.start()
        yield server
    finally:
        server.remove()


def test_every_field_of_a_log_line_can_be_searched(stage: Stage) -> None:
    """A field that the template does not map is stored, but nobody finds a line by it."""
    made = stage.elasticsearch.do("POST", f"/_index_template/_simulate_index/{INDEX}")["template"]
    assert _fields(log_line_schema()) - _mapped(made["mappings"]) == set()


def test_nobody_gets_in_without_a_password(stage: Stage) -> None:
    assert stage.elasticsearch.ask("GET", "/_search", password="").status == 401
    assert stage.elasticsearch.ask("GET", "/_search", user="elastic", password="changeme").status == 401


def test_kibanas_own_account_reads_no_log_line(stage: Stage) -> None:
    """Kibana asks with the rights of whoever is looking."""
    password = stage.passwords["KIBANA_SYSTEM_PASSWORD"]
    asked = stage.elasticsearch.ask("GET", "/_security/_authenticate", user="kibana_system", password=password)
    assert asked.json["username"] == "kibana_system"
    found = stage.elasticsearch.ask("GET", f"/{INDEX}/_search", user="kibana_system", password=password)
    assert found.status == 403


def test_the_server_without_our_shim_takes_the_mappings_and_our_bulk_requests(bare: Elasticsearch) -> None:
    """What the shim brings is not what the others stand on: only the life cycle's name has to be left out here."""
    assert bare.ask("GET", "/").status == 405
    template = json.loads((ROOT / "deploy" / "elasticsearch" / "template.json").read_text("utf-8"))
    del template["template"]["settings"]["index"]["lifecycle"]
    bare.do("PUT", "/_index_template/clew-logs", template)
    output = f'output {{ elasticsearch {{ hosts => "{bare.url}" index => "i" manage_template => false }} }}'
    sink = ElasticsearchSink(compile_pipeline(output, filename="test.conf", environment={}).outputs[0])
    lines = [LogLine(INDEX, f"id-{n}", n, {**LINE, "event": {"id": f"id-{n}"}}) for n in range(5000)]
    assert sink.append(lines) == 5000
    assert sink.append(lines[:10]) == 0
    sink.close()
    assert {hit["_id"] for hit in bare.documents(INDEX)} == {line.id for line in lines}
    bare.kill()
    bare.start()
    assert len(bare.documents(INDEX, {"match": {"message": "long ago"}})) == 5000


def _fields(schema: dict[str, Any], prefix: str = "") -> set[str]:
    found = set()
    for name, part in schema.get("properties", {}).items():
        below = isinstance(part, dict) and part.get("properties")
        found |= _fields(part, f"{prefix}{name}.") if below else {f"{prefix}{name}"}
    return found


def _mapped(mappings: dict[str, Any], prefix: str = "") -> set[str]:
    found = set()
    for name, part in mappings["properties"].items():
        found |= _mapped(part, f"{prefix}{name}.") if "properties" in part else {f"{prefix}{name}"}
    return found
