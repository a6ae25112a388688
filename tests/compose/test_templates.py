"""What Elasticsearch is told fits what is sent to it: mappings, life cycle, roles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.elasticsearch import setup
from tests.compose.files import COMPOSE, ROOT, services

FILES = ROOT / "deploy" / "elasticsearch"
SCHEMA = json.loads((ROOT / "observability" / "log-line.schema.json").read_text("utf-8"))
BY_LOGSTASH = {"log.file.path": "keyword", "tags": "keyword"}
"""Fields that no service writes: the file input and a failed filter add them."""
PROSE = {"message", "error.message", "error.stack_trace"}
"""Searched by word; everything else is searched whole."""


def read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FILES / name).read_text("utf-8"))
    return loaded


def leaves(properties: dict[str, Any], inner: str, prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(dotted path, definition) of each field; *inner* is where the subfields stand."""
    for name, definition in properties.items():
        if inner in definition:
            yield from leaves(definition[inner], inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", definition


def expected(path: str, definition: dict[str, Any]) -> str:
    if path == "@timestamp":
        return "date_nanos"
    if definition["type"] == "string":
        return "text" if path in PROSE else "keyword"
    return {"integer": "long", "object": "object"}[definition["type"]]


def mapped(template: dict[str, Any]) -> dict[str, str]:
    properties = template["template"]["mappings"]["properties"]
    return {path: definition["type"] for path, definition in leaves(properties, "properties")}


def wrong_types(template: dict[str, Any], schema: dict[str, Any]) -> set[tuple[str, str]]:
    """Fields whose mapping is missing, superfluous or of another type than the schema asks for."""
    wanted = {path: expected(path, each) for path, each in leaves(schema["properties"], "properties")} | BY_LOGSTASH
    return set(wanted.items()) ^ set(mapped(template).items())


def test_every_field_of_a_log_line_is_mapped_as_the_schema_says_and_no_other() -> None:
    assert wrong_types(read("template.json"), SCHEMA) == set()


def test_a_field_on_one_side_only_is_noticed() -> None:
    template = read("template.json")
    del template["template"]["mappings"]["properties"]["order"]
    assert wrong_types(template, SCHEMA) == {("order.id", "keyword")}
    schema = json.loads(json.dumps(SCHEMA))
    schema["properties"]["basket"] = {"type": "integer"}
    assert wrong_types(read("template.json"), schema) == {("basket", "long")}


def test_a_long_value_is_cut_from_the_index_instead_of_refusing_the_line() -> None:
    """Lucene takes no term above 32,766 bytes."""
    for file in setup.TEMPLATES.values():
        for path, definition in leaves(read(file)["template"]["mappings"]["properties"], "properties"):
            if definition["type"] == "keyword":
                assert definition["ignore_above"] * 4 <= 32_766, path


def test_a_stranger_s_field_neither_grows_the_index_nor_refuses_the_line() -> None:
    mappings = read("template.json")["template"]["mappings"]
    assert mappings["dynamic"] is False
    assert mappings["properties"]["labels"] == {"type": "object", "dynamic": True}
    limits = read("template.json")["template"]["settings"]["index"]["mapping"]
    assert limits == {"ignore_malformed": True, "total_fields": {"limit": 1000, "ignore_dynamic_beyond_limit": True}}


def test_a_line_set_aside_is_found_by_its_words_and_its_file() -> None:
    assert mapped(read("malformed-template.json")) == {
        "@timestamp": "date_nanos", "message": "text", "log.file.path": "keyword", "tags": "keyword",
    }


@pytest.mark.parametrize("file", setup.TEMPLATES.values())
def test_every_index_ends_after_a_week(file: str) -> None:
    """The number of nodes is one: a replica would never be assigned and keep the cluster yellow."""
    index = read(file)["template"]["settings"]["index"]
    assert index["lifecycle"] == {"name": "clew-logs"}
    assert index["number_of_replicas"] == 0
    assert read("ilm.json")["policy"]["phases"]["delete"] == {"min_age": "7d", "actions": {"delete": {}}}


def test_every_index_that_is_written_has_a_template() -> None:
    patterns = [pattern for file in setup.TEMPLATES.values() for pattern in read(file)["index_patterns"]]
    conf = (ROOT / "logstash.conf").read_text("utf-8")
    written = [f"{name}-2026.11.21" for name in re.findall(r'"\[@metadata\]\[index\]" => "([\w-]+)"', conf)]
    jaeger = (ROOT / "deploy" / "jaeger.yml").read_text("utf-8")
    prefix = re.search(r"index_prefix: ([\w-]+)", jaeger)
    assert prefix is not None
    written += [f"{prefix[1]}-jaeger-{kind}-2026-11-21" for kind in ("span", "service")]
    assert len(written) == 4
    for index in written:
        assert any(index.startswith(pattern.removesuffix("*")) for pattern in patterns), index
    assert "create_mappings: false" in jaeger


def test_no_account_may_do_more_than_its_work() -> None:
    granted = {path.stem: read(f"roles/{path.name}") for path in (FILES / "roles").iterdir()}
    assert set(granted) == set(setup.USERS)
    assert [role["cluster"] for role in granted.values()] == [["monitor"]] * 3
    assert {(name, *sorted(each["names"] + each["privileges"])) for name, role in granted.items()
            for each in role["indices"]} == {
        ("clew_grafana", "clew-logs-*", "read", "view_index_metadata"),
        ("clew_jaeger", "clew-jaeger-*", "create_index", "index", "read", "view_index_metadata"),
        ("clew_logstash", "clew-logs-*", "clew-malformed-*", "create_index", "index"),
    }


def test_compose_gives_the_set_up_every_password_it_sets() -> None:
    given = set(services(COMPOSE)["setup"]["environment"])
    assert {"ELASTICSEARCH_URL", "ELASTIC_PASSWORD", "KIBANA_SYSTEM_PASSWORD", *setup.USERS.values()} == given
