"""The schema of a log line says yes to good lines, and no to one bad line per rule."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from observability.redaction import Redactor
from observability.schema import _validator, schema, validate_line
from observability.vocabulary import EVENTS

NODE = "5cd3b3de-94cb-4b2c-93cd-b6bb1ba12c1a"
APP: dict[str, Any] = {
    "@timestamp": "2026-11-21T09:40:01.123456Z",
    "log": {"level": "info", "logger": "order"},
    "message": "Order ord_1 was placed.",
    "ecs": {"version": "9.4.0"},
    "service": {"name": "order", "version": "0.1.0", "environment": "development", "node": {"name": NODE}},
    "process": {"pid": 4711},
    "event": {"id": f"{NODE}-12", "sequence": 12, "action": "order.placed", "outcome": "success"},
    "trace": {"id": "4bf92f3577b34da6a3ce929d0e0e4736"},
    "span": {"id": "00f067aa0ba902b7"},
    "user": {"id": "usr_1"},
    "order": {"id": "ord_1"},
    "labels": {"sku": "book-1", "quantity": 2, "express": False},
}
ACCESS: dict[str, Any] = {
    **{key: APP[key] for key in ("@timestamp", "log", "message", "ecs", "service", "process", "trace", "span")},
    "event": {
        "id": f"{NODE}-13",
        "sequence": 13,
        "action": "request.finished",
        "outcome": "success",
        "duration": 12_345_678,
    },
    "http": {
        "request": {"method": "POST", "id": "01936e5a-7c1f-7d3b-8e1a-0242ac120002"},
        "response": {"status_code": 201, "body": {"bytes": 123}},
        "route": "/orders",
    },
    "url": {"path": "/orders"},
    "client": {"address": "127.0.0.1"},
    "user_agent": {"original": "probe"},
}
FAILED: dict[str, Any] = copy.deepcopy(ACCESS)
FAILED["event"]["outcome"] = "failure"
FAILED["http"]["response"]["status_code"] = 503
FAILED["error"] = {"type": "503"}
CRASH: dict[str, Any] = copy.deepcopy(APP)
CRASH["event"]["action"] = "request.crashed"
CRASH["error"] = {"type": "ValueError", "message": "no", "stack_trace": "Traceback\n  line\nValueError: no"}
START: dict[str, Any] = {
    key: value for key, value in APP.items() if key not in ("trace", "span", "user", "order", "labels")
}

GOOD = {"app": APP, "access": ACCESS, "failed": FAILED, "crash": CRASH, "start": START}
GONE = object()


def changed(line: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy of *line* with another value (or none, GONE) at the dotted *path*."""
    copied = copy.deepcopy(line)
    *parents, last = path.split("/")
    inner = copied
    for name in parents:
        inner = inner.setdefault(name, {})
    if value is GONE:
        del inner[last]
    else:
        inner[last] = value
    return copied


BAD: list[tuple[str, str, object]] = [
    *(("app", name, GONE) for name in ("@timestamp", "log", "message", "ecs", "service", "process", "event")),
    *(("app", name, GONE) for name in ("log/level", "log/logger", "ecs/version", "process/pid")),
    *(("app", f"service/{name}", GONE) for name in ("name", "version", "environment", "node")),
    *(("app", name, GONE) for name in ("service/node/name", "event/id", "event/sequence")),
    *(("app", name, GONE) for name in ("trace", "span", "trace/id", "span/id", "user/id", "order/id")),
    *(("access", name, GONE) for name in ("trace", "span", "http", "url", "client", "user_agent")),
    *(("access", name, GONE) for name in ("url/path", "client/address", "user_agent/original")),
    *(("access", name, GONE) for name in ("event/outcome", "event/duration")),
    *(("access", f"http/{name}", GONE) for name in ("request", "response", "route", "request/method", "request/id")),
    *(("access", f"http/response/{name}", GONE) for name in ("status_code", "body", "body/bytes")),
    *(("crash", name, GONE) for name in ("error", "error/type", "error/message", "error/stack_trace")),
    ("failed", "error", GONE),
    ("failed", "error/type", GONE),
    ("failed", "event/outcome", "success"),
    ("failed", "event/outcome", "unknown"),
    ("access", "error", {"type": "ValueError"}),
    ("app", "error", {}),
    *(("app", name, ACCESS[name]) for name in ("http", "url", "client", "user_agent")),
    ("app", "@timestamp", "2026-11-21T09:40:01.123Z"),
    ("app", "@timestamp", "2026-11-21T09:40:01.123456+00:00"),
    ("app", "@timestamp", "2026-11-21 09:40:01.123456Z"),
    ("app", "@timestamp", "2026-13-21T09:40:01.123456Z"),
    ("app", "@timestamp", "2026-02-30T09:40:01.123456Z"),
    ("app", "@timestamp", "2026-11-21T24:40:01.123456Z"),
    ("app", "@timestamp", "2026-11-21T09:40:01.123456Z\n"),
    ("app", "@timestamp", 1763717000),
    ("app", "log/level", "INFO"),
    ("app", "log/level", "trace"),
    ("app", "log/logger", ""),
    ("app", "message", 7),
    ("app", "message", "two\nlines"),
    ("app", "message", "ends with one\n"),
    ("app", "ecs/version", "1.6.0"),
    ("app", "service/name", ""),
    ("app", "service/version", 1),
    ("app", "service/node/name", "worker-1"),
    ("app", "process/pid", "4711"),
    ("app", "process/pid", 0),
    ("app", "event/id", "12"),
    ("app", "event/id", f"{NODE}-11"),
    ("app", "event/sequence", 0),
    ("app", "event/sequence", "12"),
    ("app", "event/sequence", 12.5),
    ("app", "event/sequence", 2**63),
    ("app", "event/action", "OrderPlaced"),
    ("app", "event/action", "placed"),
    ("app", "event/outcome", "ok"),
    ("access", "event/duration", -1),
    ("access", "event/duration", 0.25),
    ("app", "trace/id", "4BF92F3577B34DA6A3CE929D0E0E4736"),
    ("app", "trace/id", "0" * 32),
    ("app", "trace/id", "4bf92f3577b34da6a3ce929d0e0e473"),
    ("app", "trace/id", "4bf92f3577b34da6a3ce929d0e0e4736\n"),
    ("app", "span/id", "0" * 16),
    ("app", "span/id", "00f067aa0ba902b"),
    ("access", "http/request/method", "BREW"),
    ("access", "http/request/method", "post"),
    ("access", "http/request/id", "has blanks"),
    ("access", "http/request/id", "x" * 65),
    ("access", "http/response/status_code", 0),
    ("access", "http/response/status_code", 600),
    ("access", "http/response/status_code", "201"),
    ("access", "http/response/body/bytes", -1),
    ("access", "http/response/body/bytes", "12"),
    ("access", "http/route", ""),
    ("access", "url/path", None),
    ("crash", "error/type", ""),
    ("app", "user/id", ""),
    ("app", "order/id", 7),
    ("app", "labels", []),
    ("app", "labels/nested", {"a": 1}),
    ("app", "labels/list", [1]),
    ("app", "labels/nothing", None),
    ("app", "labels/dotted.name", "x"),
    *(
        ("app", f"{name}/extra", "x")
        for name in ("log", "ecs", "service", "process", "event", "trace", "span", "user", "order")
    ),
    *(
        ("access", f"{name}/extra", "x")
        for name in ("http", "http/request", "http/response", "url", "client", "user_agent")
    ),
    ("access", "http/response/body/extra", 1),
    ("access", "url/query", "token=abc"),
    ("app", "service/node/extra", "x"),
    ("crash", "error/code", "x"),
    ("app", "password", "x"),
    ("app", "trace.id", "4bf92f3577b34da6a3ce929d0e0e4736"),
    ("app", "tags", ["x"]),
]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_line_has_nothing_wrong(name: str) -> None:
    line = json.dumps(GOOD[name], ensure_ascii=False)

    assert validate_line(line) == []
    assert validate_line(line.encode() + b"\n") == []


@pytest.mark.parametrize(("name", "path", "value"), BAD)
def test_each_rule_catches_the_line_that_breaks_it(name: str, path: str, value: object) -> None:
    complaints = validate_line(json.dumps(changed(GOOD[name], path, value)))

    assert complaints, f"{name}: {path} = {value!r} went through"
    assert all(complaint.endswith(".") for complaint in complaints)


def test_the_first_key_is_the_timestamp() -> None:
    """Logstash and a reader's eye look for it there."""
    message_first = {"message": APP["message"], **APP}

    assert validate_line(json.dumps(message_first)) == ["@timestamp is not the first key, message is."]


def test_what_is_no_line_at_all_is_said_in_one_sentence() -> None:
    good = json.dumps(APP)
    cases: dict[bytes | str, str] = {
        b"\xff" + good.encode(): "The line is not UTF-8: invalid start byte at byte 0.",
        good[:-1]: "The line is not JSON: Expecting ',' delimiter",
        "": "The line is not JSON: Expecting value",
        good.replace("4711", "NaN", 1): "The line is not JSON: NaN is no JSON number",
        good[:-1] + ', "message": "again"}': "The line is not JSON: message stands in it twice.",
        good.replace(', "log"', ',\n"log"'): "The line is broken by a newline.",
        good + "\n" + good: "The line is not JSON: Extra data",
        '"text"': "The line: 'text' is not of type 'object'.",
        "[]": "The line: [] is not of type 'object'.",
    }
    for bad, complaint in cases.items():
        complaints = validate_line(bad)
        assert len(complaints) == 1
        assert complaints[0].startswith(complaint)


def test_a_complaint_names_the_field() -> None:
    assert validate_line(json.dumps(changed(APP, "event/outcome", "ok"))) == [
        "event.outcome: 'ok' is not one of ['success', 'failure', 'unknown']."
    ]
    assert validate_line(json.dumps(changed(APP, "http", ACCESS["http"]))) == ["http does not belong on this line."]


def test_a_missing_validator_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    _validator.cache_clear()
    monkeypatch.setitem(sys.modules, "jsonschema", None)

    with pytest.raises(RuntimeError, match="Run: pip install 'jsonschema"):
        validate_line("{}")
    _validator.cache_clear()


def leaves(rules: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every place in the schema that describes a field, with its path."""
    for name, rule in rules.get("properties", {}).items():
        yield (*path, name), rule
        yield from leaves(rule, (*path, name))


def test_the_schema_is_a_schema_and_nobody_can_change_it_for_others() -> None:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(schema())
    schema().clear()
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_field_is_described() -> None:
    for path, rule in leaves(schema()):
        assert rule.get("description", "").endswith("."), ".".join(path)


def test_elasticsearch_can_map_it_no_field_is_both_an_object_and_a_value() -> None:
    """Names have no dots of their own, so the dotted path of a value is never the beginning of another one's."""
    kinds = {path: rule["type"] for path, rule in leaves(schema())}
    values = {path for path, kind in kinds.items() if kind != "object"}

    assert not any("." in name for path in kinds for name in path)
    assert not any(longer[: len(path)] == path for path in values for longer in kinds if longer != path)


def test_objects_refuse_unknown_fields() -> None:
    """Only labels take names of the code's own choice."""
    open_objects = [
        ".".join(path)
        for path, rule in leaves(schema())
        if rule["type"] == "object" and rule["additionalProperties"] is not False
    ]

    assert open_objects == ["labels"]


def test_every_event_of_the_vocabulary_has_a_name_that_fits() -> None:
    for action in EVENTS:
        line = {"request.finished": ACCESS}.get(action, changed(CRASH, "event/action", action))
        assert validate_line(json.dumps(line)) == [], action


def test_a_redacted_line_is_still_a_good_line() -> None:
    redactor = Redactor()
    for name, line in GOOD.items():
        hostile = copy.deepcopy(line)
        hostile["message"] = "password=hunter2"
        if "http" in hostile:
            hostile["http"]["request"]["id"] = "4111111111111111"
            hostile["url"]["path"] = "/mail/bob@example.com"
        clean = redactor.document(hostile)
        assert validate_line(json.dumps(clean)) == [], name
        assert redactor.document(line) == line
