"""
The set-up containers: what they ask for, in which order, and what they say when it is refused. What the real
Elasticsearch makes of it is tested in tests/real, what the real Kibana makes of it in deploy/smoke.py.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from deploy.elasticsearch import setup as elasticsearch
from deploy.kibana import setup as kibana
from tests.compose.server import serving

PASSWORDS = {
    "ELASTIC_PASSWORD": "e", "KIBANA_SYSTEM_PASSWORD": "k", "LOGSTASH_PASSWORD": "l", "JAEGER_PASSWORD": "j",
    "GRAFANA_ES_PASSWORD": "g",
}


def test_the_life_cycle_comes_before_what_names_it_and_roles_before_their_users() -> None:
    with serving() as server:
        assert elasticsearch.main({**PASSWORDS, "ELASTICSEARCH_URL": server.url}) == 0
        paths = [f"{asked.method} {asked.path}" for asked in server.asked]
        assert paths == [
            "PUT /_ilm/policy/clew-logs",
            *(f"PUT /_index_template/{name}" for name in elasticsearch.TEMPLATES),
            "PUT /_security/role/clew_logstash", "PUT /_security/user/clew_logstash",
            "PUT /_security/role/clew_jaeger", "PUT /_security/user/clew_jaeger",
            "PUT /_security/role/clew_grafana", "PUT /_security/user/clew_grafana",
            "POST /_security/user/kibana_system/_password",
        ]
        assert {asked.headers["Authorization"] for asked in server.asked} == {
            "Basic " + base64.b64encode(b"elastic:e").decode()
        }
        assert json.loads(server.asked[-1].body) == {"password": "k"}
        assert json.loads(server.asked[6].body) == {"password": "l", "roles": ["clew_logstash"]}


def test_a_refusal_is_told_with_the_answer_and_ends_the_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as server:
        server.status, server.answer = 400, b'{"error":"no such policy"}'
        assert elasticsearch.main({**PASSWORDS, "ELASTICSEARCH_URL": server.url}) == 1
        assert len(server.asked) == 1
    said = capsys.readouterr().err
    assert said == 'Elasticsearch refused the life cycle clew-logs with 400: {"error":"no such policy"}\n'


def test_no_answer_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as server:
        url = server.url
    assert elasticsearch.main({**PASSWORDS, "ELASTICSEARCH_URL": url}) == 1
    assert capsys.readouterr().err.startswith(f"No answer from {url} to the life cycle clew-logs: ")


def test_a_password_that_is_not_set_is_named_before_anything_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as server:
        environ = {**PASSWORDS, "ELASTICSEARCH_URL": server.url}
        del environ["JAEGER_PASSWORD"]
        assert elasticsearch.main(environ) == 1
        assert server.asked == []
    assert capsys.readouterr().err == "JAEGER_PASSWORD is not set. Run `make env` and start again.\n"


def objects(directory: Path) -> dict[str, str]:
    (directory / "b.ndjson").write_text('{"id":"search"}\n', "utf-8")
    (directory / "a.ndjson").write_text('{"id":"view"}\n{"id":"more"}', "utf-8")
    return PASSWORDS


def test_all_saved_objects_go_up_as_one_file_and_replace_what_is_there(tmp_path: Path) -> None:
    environ = objects(tmp_path)
    with serving() as server:
        server.answer = b'{"success": true, "successCount": 3}'
        assert kibana.main({**environ, "KIBANA_URL": server.url}, [str(tmp_path)]) == 0
        (asked,) = server.asked
    assert asked.path == "/api/saved_objects/_import?overwrite=true"
    assert asked.headers["Kbn-Xsrf"] or asked.headers["kbn-xsrf"]
    assert b'\r\n\r\n{"id":"view"}\n{"id":"more"}\n{"id":"search"}\n\r\n' in asked.body


def test_an_object_that_kibana_refuses_is_a_failure_although_it_answers_200(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = objects(tmp_path)
    with serving() as server:
        server.answer = b'{"success": false, "successCount": 2, "errors": [{"id": "search"}]}'
        assert kibana.main({**environ, "KIBANA_URL": server.url}, [str(tmp_path)]) == 1
    assert capsys.readouterr().err == 'Kibana refused some of the objects: [{"id": "search"}]\n'
