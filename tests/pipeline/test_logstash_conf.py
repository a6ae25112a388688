"""Our own `logstash.conf`: what it makes of lines, and that every line of it does something."""

from __future__ import annotations

import re

import pytest

from clew.pipeline import ConfigError, RawLine, compile_pipeline
from tests.pipeline.goldens import CONF, EXPECTED, as_text, outcomes, pipeline, raw_lines

TEXT = CONF.read_text(encoding="utf-8")
LINES = TEXT.split("\n")
WRITTEN = [number for number, line in enumerate(LINES) if line.strip() and not line.strip().startswith("#")]
BLOCKS = [number for number in WRITTEN if LINES[number].rstrip().endswith("{")]
LIST_ITEMS = [match.span() for match in re.finditer(r'(?<=[\[ ])"[^"]*"(?=[,\]])', TEXT)]


@pytest.mark.parametrize(
    ("line", "golden"),
    list(zip(raw_lines(), EXPECTED.read_text(encoding="utf-8").split("\n")[:-1], strict=True)),
    ids=lambda value: repr(value.text)[:60] if isinstance(value, RawLine) else "",
)
def test_a_line_becomes_what_the_golden_says(line: RawLine, golden: str) -> None:
    """`python -m tests.pipeline.goldens` writes them anew."""
    assert as_text(outcomes(pipeline(), [line])[0]) == golden


def test_a_line_that_is_not_json_is_kept_and_marked_not_dropped() -> None:
    document = outcomes(pipeline(), [RawLine("/var/log/clew/x.jsonl", "boom", "machine")])[0].documents[0]
    assert document.index.startswith("clew-malformed-")
    assert (document.body["message"], document.body["tags"]) == ("boom", ["_jsonparsefailure"])


def test_a_line_read_twice_is_the_same_document() -> None:
    lines = [line for line in raw_lines() if b"@timestamp" in bytes(line.text)]  # type: ignore[arg-type]
    assert outcomes(pipeline(), lines) == outcomes(pipeline(), lines)


def test_equal_lines_of_two_files_are_two_documents() -> None:
    lines = [RawLine(f"/var/log/clew/{name}.jsonl", "boom", "machine") for name in "ab"]
    one, other = outcomes(pipeline(), lines)
    assert one.documents[0].id != other.documents[0].id


def test_every_plugin_has_an_id_of_its_own() -> None:
    counts = pipeline().counters
    assert not [count.id for count in counts if count.kind != "condition" and re.search(r"_\d+_\d+$", count.id)]


def test_a_variable_without_default_that_is_not_set_is_named_with_its_place() -> None:
    with pytest.raises(ConfigError) as refused:
        compile_pipeline(TEXT, filename="logstash.conf", environment={})
    assert re.fullmatch(
        r"logstash\.conf:\d+:13: the variable LOG_DIR is not set; set it, or write \$\{LOG_DIR:default\}\.",
        str(refused.value),
    )


def test_elasticsearch_is_where_the_environment_says() -> None:
    assert pipeline().outputs[0].hosts == ("http://elasticsearch:9200",)
    made = compile_pipeline(
        TEXT, filename="logstash.conf", environment={"LOG_DIR": "/l", "ELASTICSEARCH_URL": "https://me:pw@es:9243"}
    )
    assert (made.outputs[0].hosts, made.outputs[0].user) == (("https://es:9243",), "me")


def picture(text: str) -> object:
    """All that a configuration does, as far as we can see it; None if it is refused."""
    try:
        made = pipeline(text)
    except ConfigError:
        return None
    described = (made.inputs, made.outputs)
    lines = raw_lines()
    return described, made.feed(made.inputs[0], lines) if made.inputs else [], [count.id for count in made.counters]


FULL = picture(TEXT)


def without_block(first: int) -> str:
    """The text without the block that begins at a line, up to the brace that closes it."""
    indent = len(LINES[first]) - len(LINES[first].lstrip())
    last = next(
        number for number in range(first + 1, len(LINES))
        if LINES[number].startswith(" " * indent + "}") and len(LINES[number]) - len(LINES[number].lstrip()) == indent
    )
    if LINES[first].lstrip().startswith("}"):  # `} else {`: the brace before it stays
        return "\n".join([*LINES[:first], *LINES[last:]])
    return "\n".join([*LINES[:first], *LINES[last + 1 :]])


@pytest.mark.parametrize("number", WRITTEN, ids=lambda number: f"{number + 1}: {LINES[number].strip()}")
def test_no_line_can_be_deleted_without_effect(number: int) -> None:
    """Either the rest is refused, or a document, a description or the name of a stage changes."""
    assert picture("\n".join([*LINES[:number], *LINES[number + 1 :]])) != FULL


@pytest.mark.parametrize("number", BLOCKS, ids=lambda number: f"{number + 1}: {LINES[number].strip()}")
def test_no_plugin_or_branch_can_be_deleted_without_effect(number: int) -> None:
    assert picture(without_block(number)) != FULL


@pytest.mark.parametrize("span", LIST_ITEMS, ids=lambda span: TEXT[span[0] : span[1]])
def test_no_item_of_a_list_can_be_deleted_without_effect(span: tuple[int, int]) -> None:
    start, end = span
    shorter = (TEXT[:start] + TEXT[end:]).replace("[, ", "[").replace(", ]", "]").replace(", , ", ", ")
    assert picture(shorter) != FULL
