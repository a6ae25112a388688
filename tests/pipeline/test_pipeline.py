"""Lines in, documents and reasons out; nothing is lost without a word, nothing makes it raise."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clew.pipeline import Document, Drop, Outcome, Pipeline, RawLine, StageCount
from tests.pipeline.runner import NOW, compiled

INPUT = "input { file { id => 'in' path => '/x' codec => json } }"
OUTPUT = "output { elasticsearch { id => 'out' index => 'logs-%{+YYYY.MM.dd}' document_id => '%{id}' } }"


def fed(pipeline: Pipeline, *lines: str | bytes) -> list[Outcome]:
    return pipeline.feed(pipeline.inputs[0], [RawLine("/logs/a.jsonl", line, "machine") for line in lines])


def body(outcome: Outcome) -> dict[str, object]:
    assert len(outcome.documents) == 1
    return dict(outcome.documents[0].body)


def test_a_line_becomes_a_document_with_its_exact_moment() -> None:
    pipeline = compiled(INPUT + OUTPUT)
    outcome = fed(pipeline, '{"@timestamp":"2025-04-17T23:59:59.123456789Z","id":"a1"}')[0]
    assert outcome == Outcome(
        (
            Document(
                "out", "logs-2025.04.17", "a1", 1_744_934_399_123_456_789,
                {
                    "@timestamp": "2025-04-17T23:59:59.123456789Z", "id": "a1", "@version": "1",
                    "event": {"original": '{"@timestamp":"2025-04-17T23:59:59.123456789Z","id":"a1"}'},
                    "host": {"name": "machine"}, "log": {"file": {"path": "/logs/a.jsonl"}},
                },
            ),
        ),
        (),
    )


def test_without_ecs_the_input_names_its_fields_the_old_way() -> None:
    pipeline = compiled(INPUT.replace("codec", "ecs_compatibility => disabled codec") + OUTPUT)
    assert {key: body(fed(pipeline, "{}")[0])[key] for key in ("host", "path")} == {
        "host": "machine", "path": "/logs/a.jsonl",
    }


def test_what_a_line_says_itself_is_not_overwritten_by_the_input() -> None:
    line = '{"host":{"name":"own"},"log":"text"}'
    document = body(fed(compiled(INPUT + OUTPUT), line)[0])
    assert (document["host"], document["log"]) == ({"name": "own"}, "text")


def test_a_blank_line_is_a_drop_with_a_reason() -> None:
    pipeline = compiled(INPUT + OUTPUT)
    assert [outcome.dropped for outcome in fed(pipeline, "", "  \t", "[]")] == [(Drop("empty_line", "in"),)] * 3


def test_a_list_of_objects_becomes_several_documents_of_one_line() -> None:
    outcome = fed(compiled(INPUT + OUTPUT), '[{"id":1},{"id":2}]')[0]
    assert [made.id for made in outcome.documents] == ["1", "2"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("boom", "boom"),
        ("5", "5"),
        ('{"event":"a text"}', '{"event":"a text"}'),
        ('{"@metadata":5}', '{"@metadata":5}'),
        (b'{"a":"caf\xe9"}', r'{\"a\":\"caf\xE9\"}'),
        ("\ud800 lone", r"\xED\xA0\x80 lone"),
        ("[" * 5000, "[" * 5000),
    ],
)
def test_what_is_no_object_is_kept_readable_and_tagged(line: str | bytes, message: str) -> None:
    """Of invalid UTF-8 every byte stays readable, as the real codec shows it."""
    document = body(fed(compiled(INPUT + OUTPUT), line)[0])
    assert (document["message"], document["tags"]) == (message, ["_jsonparsefailure"])


def test_a_bad_timestamp_keeps_the_line_and_its_text() -> None:
    outcome = fed(compiled(INPUT + OUTPUT), '{"@timestamp":"yesterday","id":"a"}')[0]
    document = body(outcome)
    assert (document["_@timestamp"], document["tags"]) == ("yesterday", ["_timestampparsefailure"])
    assert outcome.documents[0].timestamp_ns == NOW.ns


def test_tags_that_are_no_text_are_set_aside() -> None:
    document = body(fed(compiled(INPUT + OUTPUT), '{"tags":{"a":1}}')[0])
    assert (document["tags"], document["_tags"]) == (["_tagsparsefailure"], [{"a": 1}])


def test_every_end_of_an_event_has_a_reason_and_a_stage() -> None:
    pipeline = compiled(
        INPUT
        + """filter {
  if [x] > 1 { drop { id => 'ends' } }
  if [y] > [z] { }
}
output {
  if [out] { elasticsearch { id => 'out' index => '%{index}' } }
}"""
    )
    lines = ['{"x":"a"}', '{"x":2}', '{"x":1,"y":1}', '{"x":1,"y":1,"z":1}', '{"x":1,"y":1,"z":1,"out":1}']
    assert [outcome.dropped[0] for outcome in fed(pipeline, *lines)] == [
        Drop("condition_not_comparable", "if_2_3"),
        Drop("drop_filter", "ends"),
        Drop("condition_crash", "if_3_3"),
        Drop("no_output", "end"),
        Drop("output_error", "out"),
    ]


def test_counters_add_up_stage_by_stage() -> None:
    pipeline = compiled(INPUT + "filter { if [a] { drop { id => 'd' } } mutate { id => 'm' } }" + OUTPUT)
    fed(pipeline, '{"a":1}', '{"a":2}', "{}", "")
    assert pipeline.counters == (
        StageCount("in", "input", "file", 1, 4, 3, 0, {"empty_line": 1}),
        StageCount("if_1_66", "condition", "if", 1, 3, 3, 0, {}),
        StageCount("d", "filter", "drop", 1, 2, 0, 0, {"drop_filter": 2}),
        StageCount("m", "filter", "mutate", 1, 1, 1, 0, {}),
        StageCount("out", "output", "elasticsearch", 1, 1, 1, 0, {}),
        StageCount("end", "output", "none", 0, 0, 0, 0, {}),
    )


def test_what_would_stop_the_real_engine_tags_the_event_and_goes_on() -> None:
    pipeline = compiled(INPUT + "filter { fingerprint { id => 'f' target => '[a][b]' } }" + OUTPUT)
    document = body(fed(pipeline, '{"a":"text","message":"m"}')[0])
    assert document["tags"] == ["_fingerprint_exception"]
    assert next(count.errors for count in pipeline.counters if count.id == "f") == 1


def test_without_document_id_every_document_gets_a_fresh_one() -> None:
    pipeline = compiled(INPUT + "output { elasticsearch { index => 'x' } }")
    assert [outcome.documents[0].id for outcome in fed(pipeline, "{}", "{}")] == ["id-1", "id-2"]


def test_all_outputs_get_an_event() -> None:
    outputs = "output { elasticsearch { id => 'a' index => 'a' } elasticsearch { id => 'b' index => 'b' } }"
    outcome = fed(compiled(INPUT + outputs), '{"x":1}')[0]
    assert [(made.output_id, made.index) for made in outcome.documents] == [("a", "a"), ("b", "b")]


def test_metadata_is_for_the_pipeline_only() -> None:
    config = INPUT + "output { elasticsearch { index => '%{[@metadata][path]}' } }"
    outcome = fed(compiled(config), '{"@metadata":{"secret":1}}')[0]
    assert outcome.documents[0].index == "/logs/a.jsonl"
    assert "@metadata" not in body(outcome)


def test_numbers_that_json_cannot_say_become_text() -> None:
    assert body(fed(compiled(INPUT + OUTPUT), '{"a":[1e400,{"b":-1e400}]}')[0])["a"] == ["Infinity", {"b": "-Infinity"}]


def test_an_event_without_timestamp_is_a_document_of_now() -> None:
    filters = "filter { mutate { remove_field => '@timestamp' } }"
    pipeline = compiled(INPUT + filters + "output { elasticsearch { index => 'x' } }")
    outcome = fed(pipeline, "{}")[0]
    assert outcome.documents[0].timestamp_ns == NOW.ns
    assert "@timestamp" not in body(outcome)


def test_an_index_far_beyond_the_end_of_a_list_is_not_padded_up_to() -> None:
    """The real engine pads with nulls until memory ends; a line must not be able to ask for that."""
    pipeline = compiled(INPUT + "filter { json { source => 'j' } }" + OUTPUT)
    document = body(fed(pipeline, json.dumps({"l": [1], "j": '{"[l][2000000000]":1}'}))[0])
    assert (document["l"], document["tags"]) == ([1], ["_jsonparsefailure"])


BUSY = compiled(
    INPUT
    + r"""filter {
  if [a] =~ /x/ or "y" in [b] {
    mutate { add_field => { "[c][d]" => "%{a} %{[b][0]}" } convert => { "a" => "integer" } }
  }
  else if [a] > 3 { json { source => "a" } }
  json { source => "message" target => "[m]" }
  date { match => ["a", "ISO8601", "UNIX", "yyyy"] target => "[b][when]" }
  mutate { gsub => ["a", "(.)", "\1\1"] split => { "b" => "," } merge => { "b" => "a" } copy => { "b" => "[x][y]" } }
  mutate { join => { "b" => "," } strip => ["a", "b"] capitalize => ["a"] rename => { "[c][d]" => "[a][e]" } }
  fingerprint { source => ["a", "b"] concatenate_sources => true target => "[f][p]" }
}"""
    + OUTPUT
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "x", "2025", "5", '{"a":1}', "y,z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "k", "[x][y]"]), inner),
    max_leaves=5,
)
NAMES = ["a", "b", "c", "m", "x", "f", "message", "tags", "@timestamp", "@metadata", "event", "host"]
FIELDS = st.dictionaries(st.sampled_from(NAMES), VALUES)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(FIELDS.map(json.dumps) | st.text() | st.binary())
def test_no_line_makes_it_raise_and_each_has_an_outcome(line: str | bytes) -> None:
    outcome = fed(BUSY, line)[0]
    assert outcome.documents or outcome.dropped
    for made in outcome.documents:
        json.dumps(made.body, allow_nan=False).encode("utf-8")
