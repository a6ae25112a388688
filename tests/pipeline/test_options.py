"""What a start-up says about plugins and options."""

from __future__ import annotations

import pytest

from clew.pipeline import ConfigError, FileInput
from tests.pipeline.runner import compiled, plain

OUTPUT = "output { elasticsearch { id => 'out' index => 'x' } }"


def complaints(config: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        compiled(config)
    return str(refused.value).split("\n")


def added(option: str, **environment: str) -> object:
    """What ``add_field => option`` makes of an empty event's field `f`."""
    pipeline = compiled(f"filter {{ mutate {{ add_field => {option} }} }}", environment=environment)
    return plain(pipeline.process([pipeline.new_event({})])[0]).get("f")


def test_all_complaints_of_a_file_come_at_once() -> None:
    config = """input {
  stdin { }
  file { path => "relative.log" start_position => "middle" }
}
filter {
  mutate { id => "a" upcase => ["x"] }
  if [a] == /x/ { drop { id => "a" percentage => "many" } }
  json { }
  mutate { id => "b" add_field => { "x" => "${NOWHERE}" } }
  date { id => "b" match => ["t", "jjj"] }
}
output { elasticsearch { index => "%{+UNIX}" } }
"""
    assert complaints(config) == [
        "case.conf:2:3: the embedded stack does not support the input 'stdin'; supported: file.",
        "case.conf:3:33: the option 'start_position' must be one of beginning, end; it is 'middle'.",
        "case.conf:6:22: the embedded stack does not support the option 'upcase' of the filter 'mutate'; supported: "
        "add_field, add_tag, capitalize, coerce, convert, copy, ecs_compatibility, enable_metric, gsub, id, join, "
        "lowercase, merge, periodic_flush, remove_field, remove_tag, rename, replace, split, strip, tag_on_failure, "
        "update, uppercase.",
        "case.conf:7:13: a pattern can only stand after =~ or !~.",
        "case.conf:7:36: the option 'percentage' must be a number; it is 'many'.",
        "case.conf:8:3: the filter 'json' needs the option 'source'.",
        "case.conf:9:44: the variable NOWHERE is not set; set it, or write ${NOWHERE:default}.",
        "case.conf:10:20: the option 'match' cannot be used: 'jjj' means nothing in the date pattern 'jjj'.",
        "case.conf:12:26: the option 'index' cannot be used: '%{+UNIX}' is not a valid format.",
    ]


def test_two_plugins_cannot_have_one_id() -> None:
    config = "filter {\n  drop { id => 'a' }\n  drop { id => 'a' }\n}"
    assert complaints(config) == ["case.conf:3:10: the id 'a' is taken by the plugin at case.conf:2:10."]


def test_an_input_cannot_stand_in_a_condition() -> None:
    assert complaints("input { if [a] { } }") == ["case.conf:1:9: inputs cannot stand in conditions."]


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("path => []", "the option 'path' must name at least one file."),
        ("path => 'a.log'", "the option 'path' must be absolute; 'a.log' is not."),
        ("path => '/a' mode => read", "the option 'mode' must be one of tail; it is 'read'."),
        ("path => '/a' delimiter => ''", "the option 'delimiter' must have at least one character."),
        ("path => '/a' stat_interval => 'soon'",
         "the option 'stat_interval' must be a duration such as 250ms, 60 sec, 18h or 2 weeks; it is 'soon'."),
        ("path => '/a' codec => rubydebug",
         "the embedded stack does not support the codec 'rubydebug'; supported: json, plain."),
        ("path => '/a' codec => json { charset => 'KLINGON' }",
         "the option 'charset' must be a character encoding; 'KLINGON' is not known."),
        ("path => '/a' codec => json codec => plain", "the option 'codec' must be one codec."),
    ],
)
def test_a_file_input_is_checked(option: str, complaint: str) -> None:
    assert [text.split(": ", 1)[1] for text in complaints(f"input {{ file {{ {option} }} }}")] == [complaint]


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("", "the output 'elasticsearch' needs the option 'index'."),
        ("index => 'x' hosts => 'ftp://a'",
         "the option 'hosts' must have addresses such as http://elasticsearch:9200; 'ftp://a' is none."),
        ("index => 'x' action => 'update'", "the option 'action' must be one of index; it is 'update'."),
        ("index => 'x' api_key => 'k' user => 'u'",
         "the option 'api_key' cannot stand beside user and password: choose one way to log in."),
        ("index => 'x' api_key => 'k'", "the option 'api_key' needs https in all hosts."),
        ("index => 'x' data_stream => true", "the option 'data_stream' must be one of false; it is 'true'."),
    ],
)
def test_an_elasticsearch_output_is_checked(option: str, complaint: str) -> None:
    assert [text.split(": ", 1)[1] for text in complaints(f"output {{ elasticsearch {{ {option} }} }}")] == [complaint]


def test_an_output_is_described_without_credentials_in_its_addresses() -> None:
    config = "output { elasticsearch { index => 'x' hosts => ['https://me:p%40ss@es:9243/path/', 'other'] } }"
    output = compiled(config).outputs[0]
    assert output.hosts == ("https://es:9243/path", "http://other:9200")
    assert (output.user, output.password) == ("me", "p@ss")
    assert "p@ss" not in repr(output)


def test_an_input_is_described_for_whoever_reads_the_files() -> None:
    config = """input { file {
      id => "in" path => ["/a/*.log", "/b"] exclude => "*.gz" codec => json { target => "doc" }
      start_position => beginning sincedb_path => "/dev/null" stat_interval => "250 ms" discover_interval => 4
      close_older => "2 hours" ignore_older => 60 type => "t" tags => ["x", "y"] add_field => { "k" => "v" }
      ecs_compatibility => disabled } }"""
    described = compiled(config).inputs[0]
    assert described == FileInput(
        id="in", paths=("/a/*.log", "/b"), exclude=("*.gz",), codec=("json", {"target": "doc"}),
        start_position="beginning", mode="tail", delimiter="\n", sincedb_path="/dev/null", stat_interval_s=0.25,
        discover_interval_s=1.0, close_older_s=7200.0, ignore_older_s=60.0, max_open_files=4095, type="t",
        tags=("x", "y"), add_field={"k": "v"}, ecs_compatibility="disabled",
    )


def test_an_option_given_twice_is_merged() -> None:
    assert added('{ "f" => "1" } add_field => { "f" => "2" "g" => "3" }') == ["1", "2"]


def test_a_list_of_pairs_will_do_for_a_hash_and_keeps_its_order() -> None:
    assert added('["g", "1", "f", "%{g}"]') == "1"


def test_a_hash_is_walked_in_the_order_of_a_java_hash_map() -> None:
    """`b` comes before `f` there, so the second field sees the first."""
    assert added('{ "f" => "%{b}" "b" => "1" }') == "1"


def test_a_variable_takes_its_default_when_it_is_not_set() -> None:
    assert added('{ "f" => "${A:one} ${B:} ${C:x:y}" }', A="1") == "1  x:y"


def test_quotes_around_a_replaced_value_are_taken_off_and_brackets_make_a_list() -> None:
    assert added('{ "f" => "${A}" }', A="'quoted'") == "quoted"
    assert added('{ "f" => "${A}" }', A='["a", \'b\']') == ["a", "b"]


def test_barewords_and_numbers_are_not_substituted_and_keep_their_text() -> None:
    assert added('{ "f" => true }') == "true"
    assert added('{ "f" => 1.50 }') == "1.5"


def test_a_plugin_without_metrics_is_left_out_of_the_counters() -> None:
    pipeline = compiled("filter { mutate { id => 'a' } mutate { id => 'b' enable_metric => false } }")
    assert [count.id for count in pipeline.counters] == ["a", "end"]


def test_a_plugin_without_id_is_known_by_name_and_place() -> None:
    assert compiled("filter {\n  drop { }\n}").counters[0].id == "drop_2_3"
