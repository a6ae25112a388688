"""What the real engine does (logstash-core 9.2.8, recorded), done by ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clew.pipeline import ConfigError
from clew.pipeline.language import parse
from tests.pipeline.runner import Case, cases, comparable, expected, run

ALL = cases("logstash-9.2.8")
NOT_IN_THE_LANGUAGE = {"conditional-042", "conditional-055", "conditional-080", "conditional-112", "z2"}
"""Refused by the parser of the real engine; what else it refuses, it refuses when it loads the plugins."""
ENCODING = {"codec-encode-001", "codec-encode-002", "codec-encode-004", "codec-encode-006"}
"""They are about the codecs of outputs; ours have none."""


def _supported(case: Case) -> bool:
    refusal = run(case).refusal
    return case["id"] not in ENCODING and (refusal is None or "does not support" not in str(refusal))


SUPPORTED = [case for case in ALL if _supported(case)]
UNSUPPORTED = [case for case in ALL if case["id"] not in ENCODING and not _supported(case)]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case["id"])
def test_the_grammar_accepts_what_the_real_one_accepts(case: Case) -> None:
    try:
        complaints = parse(case["config"], file="case.conf", escapes=case.get("escapes", False)).complaints
    except ConfigError as refusal:
        complaints = refusal.complaints
    assert bool(complaints) == (case["id"] in NOT_IN_THE_LANGUAGE)


@pytest.mark.parametrize("case", SUPPORTED, ids=lambda case: case["id"])
def test_our_engine_does_what_the_real_one_did(case: Case) -> None:
    """Where the real one refused to start, so do we; where it stopped with an exception, we drop or tag and go on."""
    result = run(case)
    if "expected_error" in case:
        assert result.refusal is not None
    elif "expected_pipeline_crash" in case:
        assert result.refusal is None
        assert result.drops + result.errors > 0
    else:
        assert result.refusal is None
        assert comparable(result.events) == expected(case)


@pytest.mark.parametrize("case", UNSUPPORTED, ids=lambda case: case["id"])
def test_a_plugin_that_we_do_not_have_is_refused_by_name_and_place(case: Case) -> None:
    refusal = run(case).refusal
    assert refusal is not None
    unsupported = [complaint for complaint in refusal.complaints if "does not support the" in complaint.message]
    assert unsupported
    assert all(complaint.file == "case.conf" and complaint.line > 0 for complaint in unsupported)


def test_most_of_the_cases_are_about_what_we_have() -> None:
    """A plugin that goes missing must not turn its cases into unsupported ones."""
    assert len(SUPPORTED) >= 341


def test_the_differences_cite_cases_that_exist_and_pass() -> None:
    """A case is cited for what it shows; that we go our own way beyond it does not excuse it."""
    text = (Path(__file__).parents[2] / "docs/reference/logstash-differences.md").read_text(encoding="utf-8")
    cited = {case_id.strip() for group in re.findall(r"\[([^\]]+)\]", text) for case_id in group.split(",")}
    assert len(cited) >= 10
    assert cited <= {case["id"] for case in SUPPORTED}
