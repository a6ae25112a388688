"""What deploy/elasticsearch/ and deploy/postgres/ ask for, by what the real servers make of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import psycopg
import pytest

from tests.real.postgres import Postgres, binaries
from tests.real.stage import Stage
from tests.services.processes import ROOT

INDEX = "clew-logs-1999.12.31"
LINE: dict[str, Any] = {
    "@timestamp": "2026-11-21T09:40:01.123456Z", "message": "Order placed.", "log": {"level": "info"},
    "event": {"id": "x-1", "sequence": 1}, "trace": {"id": "4bf92f3577b34da6a3ce929d0e0e4736"},
}


def answer(stage: Stage, user: str, method: str, path: str, body: object = None) -> int:
    variable = {"clew_logstash": "LOGSTASH", "clew_jaeger": "JAEGER", "clew_grafana": "GRAFANA_ES"}[user]
    password = stage.passwords[f"{variable}_PASSWORD"]
    return stage.elasticsearch.ask(method, path, body, user=user, password=password).status


@pytest.fixture
def index(stage: Stage) -> Any:
    """An index that the template makes, like any other of Logstash's."""
    assert answer(stage, "clew_logstash", "PUT", f"/{INDEX}/_doc/x-1?refresh=true", LINE) == 201
    yield stage.elasticsearch
    stage.elasticsearch.do("DELETE", f"/{INDEX}")


def test_the_set_up_may_run_again(stage: Stage) -> None:
    before = stage.set_up()
    assert before == stage.set_up()
    assert before.count(": done\n") == 12


def test_an_index_is_made_with_our_settings_and_a_life_cycle(index: Any) -> None:
    settings = index.do("GET", f"/{INDEX}/_settings")[INDEX]["settings"]["index"]
    assert (settings["lifecycle"]["name"], settings["number_of_replicas"]) == ("clew-logs", "0")
    policy = index.do("GET", "/_ilm/policy/clew-logs")["clew-logs"]["policy"]["phases"]
    assert policy["delete"]["min_age"] == "7d"


def test_spans_are_kept_in_indices_of_ours_that_end_too(stage: Stage) -> None:
    simulated = stage.elasticsearch.do("POST", "/_index_template/_simulate_index/clew-jaeger-jaeger-span-2026-11-21")
    assert simulated["template"]["settings"]["index"]["lifecycle"] == {"name": "clew-logs"}
    assert simulated["template"]["mappings"]["properties"]["tags"]["type"] == "nested"


def test_microseconds_can_be_searched_and_sorted_by(index: Any) -> None:
    query = {"range": {"@timestamp": {"gt": "2026-11-21T09:40:01.123455Z", "lt": "2026-11-21T09:40:01.123457Z"}}}
    hits = index.do("POST", f"/{INDEX}/_search", {"query": query, "sort": ["@timestamp", "event.sequence"]})
    assert [hit["_id"] for hit in hits["hits"]["hits"]] == ["x-1"]


@pytest.mark.parametrize(
    "odd",
    [
        {"event": {"sequence": "no number"}}, {"labels": {"n": 1}}, {"labels": {"n": "one"}}, {"labels": {"n": True}},
        {"never": {"heard": ["of", {"it": 1}]}}, {"url": {"path": "/" + "x" * 40_000}}, {"message": "x" * 100_000},
        {"labels": {f"l{number}": number for number in range(2000)}},
    ],
    ids=lambda odd: json.dumps(odd)[:40],
)
def test_no_line_is_refused_for_what_it_contains(index: Any, stage: Stage, odd: dict[str, Any]) -> None:
    assert answer(stage, "clew_logstash", "PUT", f"/{INDEX}/_doc/odd?refresh=true", LINE | odd) in (200, 201)
    assert index.do("GET", f"/{INDEX}/_doc/odd")["_source"] == LINE | odd


def test_logstash_adds_lines_and_can_do_nothing_else(index: Any, stage: Stage) -> None:
    assert answer(stage, "clew_logstash", "PUT", f"/{INDEX}/_doc/x-1", LINE) == 200  # the same line again
    for method, path in (
        ("GET", f"/{INDEX}/_search"), ("DELETE", f"/{INDEX}/_doc/x-1"), ("DELETE", f"/{INDEX}"),
        ("PUT", "/clew-jaeger-jaeger-span-1999-12-31/_doc/1"), ("PUT", "/other/_doc/1"),
        ("GET", "/_security/user/elastic"),
    ):
        assert answer(stage, "clew_logstash", method, path, {} if method == "PUT" else None) == 403, (method, path)


def test_grafana_reads_log_lines_and_can_do_nothing_else(index: Any, stage: Stage) -> None:
    assert answer(stage, "clew_grafana", "GET", "/clew-logs-*/_search") == 200
    for method, path in (
        ("PUT", f"/{INDEX}/_doc/x-2"), ("DELETE", f"/{INDEX}"), ("GET", "/clew-jaeger-jaeger-span-1999-12-31/_search"),
        ("GET", "/_security/user/elastic"),
    ):
        assert answer(stage, "clew_grafana", method, path, {} if method == "PUT" else None) == 403, (method, path)


def test_jaeger_sees_no_log_line_and_changes_no_template(index: Any, stage: Stage) -> None:
    for method, path in (
        ("GET", f"/{INDEX}/_search"), ("PUT", f"/{INDEX}/_doc/x-2"), ("PUT", "/_index_template/clew-jaeger-span"),
        ("DELETE", "/clew-jaeger-jaeger-span-1999-12-31"),
    ):
        body = {"index_patterns": ["a"]} if method == "PUT" else None
        assert answer(stage, "clew_jaeger", method, path, body) == 403, (method, path)


def test_each_service_gets_a_database_that_the_other_cannot_enter() -> None:
    """Postgres' image runs the script when its volume is new, with the same variables."""
    programs = binaries()
    assert programs is not None
    assert shutil.which("psql"), "The script needs psql: apt-get install postgresql-client"
    server = Postgres(programs)
    try:
        server.start()
        server.execute("CREATE ROLE postgres SUPERUSER LOGIN")
        ran = subprocess.run(
            ["sh", str(ROOT / "deploy" / "postgres" / "databases.sh")], text=True, capture_output=True, timeout=60,
            env={
                "PATH": os.environ["PATH"], "PGHOST": "127.0.0.1", "PGPORT": str(server.port),
                "POSTGRES_USER": "postgres", "USER_DB_PASSWORD": "it's \\ odd", "ORDER_DB_PASSWORD": "o",
            },
        )
        assert ran.returncode == 0, ran.stderr
        owners = server.execute(
            "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname LIKE 'clew_%' ORDER BY 1"
        )
        assert owners == [("clew_order", "clew_order"), ("clew_user", "clew_user")]
        for role, database in (("clew_user", "clew_order"), ("clew_order", "clew_user"), ("clew_user", "postgres")):
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(host="127.0.0.1", port=server.port, user=role, dbname=database)
        with psycopg.connect(host="127.0.0.1", port=server.port, user="clew_user", dbname="clew_user") as connection:
            connection.execute("CREATE TABLE mine (id int)")
    finally:
        server.remove()
