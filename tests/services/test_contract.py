"""What the OpenAPI documents promise is what the services do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
from flask import Flask, Response, request

import services
from services.shared.ids import new_id
from tests.services.conftest import ORDER, PASSWORD, World
from tests.services.processes import running

SERVICES = ("gateway", "user", "order")
DOCUMENTS: dict[str, dict[str, Any]] = {
    name: json.loads((Path(services.__file__).parent / name / "openapi.json").read_text("utf-8")) for name in SERVICES
}
METHODS = {"get", "post", "put", "patch", "delete"}


def operations(service: str) -> dict[tuple[str, str], dict[str, Any]]:
    """(method, path) and what is promised about it."""
    paths = DOCUMENTS[service]["paths"]
    return {(verb.upper(), path): paths[path][verb] for path in paths for verb in paths[path] if verb in METHODS}


def as_in_a_document(rule: str) -> str:
    return re.sub("<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule)


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_in_the_document_and_the_other_way_round(service: str, world: World) -> None:
    routes = {
        (method, as_in_a_document(rule.rule))
        for rule in world.peers[service].url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    # metrics are answered before Flask looks for a route
    assert routes | {("GET", "/metrics")} == set(operations(service))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_hands_out_the_committed_document(service: str, world: World) -> None:
    answer = world.client(service).get("/openapi.json")
    assert (answer.status_code, answer.mimetype, answer.get_json()) == (200, "application/json", DOCUMENTS[service])
    assert answer.get_json()["openapi"].startswith("3.1.")


def test_what_several_documents_describe_they_describe_alike() -> None:
    described: dict[tuple[str, str], Any] = {}
    for document in DOCUMENTS.values():
        for kind, parts in document["components"].items():
            for name, part in parts.items():
                assert described.setdefault((kind, name), part) == part, name


def test_the_table_of_status_codes_in_the_documentation_is_what_the_documents_promise() -> None:
    page = (Path(services.__file__).parents[1] / "docs" / "services.md").read_text("utf-8")
    said: dict[tuple[str, str, str], set[int]] = {}
    for service, method, path, *cells in re.findall(
        r"^\| (\w+) \| `([A-Z]+) (\S+)` \| ([\d ]*) \| ([\d ]*) \| ([\d ]*) \|$", page, re.MULTILINE
    ):
        for name in SERVICES if service == "all" else (service,):
            said[name, method, path] = {int(status) for cell in cells for status in cell.split()}
    promised = {
        (name, *operation): {int(status) for status in promise["responses"]}
        for name in SERVICES
        for operation, promise in operations(name).items()
    }
    assert said == promised


class Watched:
    """Compares each answer of a service with its document, and remembers which promises were kept."""

    def __init__(self, service: str, app: Flask) -> None:
        self.service = service
        self.kept: set[tuple[str, str, int]] = set()
        app.after_request_funcs.setdefault(None, []).append(self)

    def __call__(self, response: Response) -> Response:
        if request.url_rule is not None:
            path = as_in_a_document(request.url_rule.rule)
            self.check(request.method, path, response.status_code, response.mimetype, response.get_data())
        return response

    def check(self, method: str, path: str, status: int, mimetype: str, body: bytes) -> None:
        document = DOCUMENTS[self.service]
        promised = operations(self.service)[method, path]["responses"][str(status)]
        if "$ref" in promised:
            promised = document["components"]["responses"][promised["$ref"].rsplit("/", 1)[-1]]
        schema = promised["content"][mimetype]["schema"]
        if mimetype.endswith("json"):
            whole = {"components": document["components"], **schema}
            jsonschema.Draft202012Validator(whole).validate(json.loads(body))
        self.kept.add((method, path, status))


def test_every_success_that_is_promised_is_reached_and_looks_as_promised(world: World) -> None:
    watched = {name: Watched(name, world.peers[name]) for name in SERVICES}
    user = world.register()
    token = world.log_in()
    order = world.place(token)
    for method, path in (
        ("GET", f"/api/users/{user['id']}"), ("GET", "/api/me"), ("GET", "/api/orders?limit=1"),
        ("GET", f"/api/orders/{order['id']}"), ("POST", f"/api/orders/{order['id']}/cancel"),
    ):
        assert world.call(method, path, token=token).status_code == 200
    bearer = {"Authorization": f"Bearer {token}"}
    assert world.client("user").get("/sessions/current", headers=bearer).status_code == 200
    for name in SERVICES:
        for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
            answer = world.client(name).get(path)
            assert answer.status_code == 200
            if path == "/metrics":
                watched[name].check("GET", path, 200, answer.mimetype, answer.data)
    for name in SERVICES:
        promised = {(*operation, int(s)) for operation, o in operations(name).items() for s in o["responses"]}
        successes = {each for each in promised if each[2] < 300}
        assert {each for each in watched[name].kept if each[2] < 300} == successes


def test_refusals_look_as_promised(world: World) -> None:
    watched = {name: Watched(name, world.peers[name]) for name in SERVICES}
    world.register()
    token = world.log_in()
    wish = {"username": "ada", "password": PASSWORD, "name": "Ada"}
    statuses = [
        world.call("POST", "/api/users", json=wish).status_code,
        world.call("POST", "/api/users", json={}).status_code,
        world.call("POST", "/api/users", data="{}").status_code,
        world.call("POST", "/api/users", json={"name": "x" * 70_000}).status_code,
        world.call("POST", "/api/sessions", json={"username": "eve", "password": PASSWORD}).status_code,
        world.call("GET", f"/api/orders/{new_id('ord')}", token=token).status_code,
        world.call("GET", "/api/me", headers={"X-Request-Timeout-Ms": "0"}).status_code,
        world.client("order").post("/orders", json=ORDER, headers={"X-User-Id": new_id("usr")}).status_code,
    ]
    assert statuses == [409, 400, 415, 413, 401, 404, 504, 422]
    del world.peers["user"], world.peers["order"]
    assert world.call("GET", "/api/me", token=token).status_code == 503
    assert world.client("gateway").get("/readyz").status_code == 503
    assert sum(len(each.kept) for each in watched.values()) > len(statuses)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_schemathesis_finds_nothing_in_the_running_services(tmp_path: Path) -> None:
    """``schemathesis run --checks all``, few examples, the same ones each time."""
    tool = str(Path(sys.executable).with_name("schemathesis"))
    bounded = ["--max-examples", "5", "--generation-deterministic", "--workers", "1", "--no-color"]
    with running(tmp_path, *SERVICES, RATE_LIMIT="off") as started:
        door = started["gateway"].url + "/api"
        wish = {"username": "ada", "password": PASSWORD, "name": "Ada"}
        user = requests.post(f"{door}/users", json=wish, timeout=5).json()
        login = {"username": "ada", "password": PASSWORD}
        bearer = "Authorization: Bearer " + requests.post(f"{door}/sessions", json=login, timeout=5).json()["token"]
        who = {"gateway": bearer, "user": bearer, "order": f"X-User-Id: {user['id']}"}
        with ExitStack() as stack:
            runs = []
            for name in SERVICES:
                run = [tool, "run", f"{started[name].url}/openapi.json", "--checks", "all", "--header", who[name]]
                pipe, into = subprocess.PIPE, subprocess.STDOUT
                tester = subprocess.Popen([*run, *bounded], cwd=tmp_path, stdout=pipe, stderr=into, text=True)
                stack.callback(tester.kill)
                runs.append(tester)
            for tester in runs:
                said, _ = tester.communicate(timeout=100)
                assert tester.returncode == 0, said
        assert not [line for service in started.values() for line in service.lines() if line["log"]["level"] == "error"]
