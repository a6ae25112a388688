"""Charts are pure functions: numbers in, SVG out."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.explorer import bars, charts

AXIS = charts.TimeAxis(1_795_268_220_000, 1_795_270_020_000)  # 13:37 to 14:07 UTC


def _elements(markup: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(f"<div>{markup}</div>").iter())


@given(st.floats(min_value=1e-9, max_value=1e15))
def test_the_top_of_an_axis_is_just_above_its_greatest_value(value: float) -> None:
    assert value < charts.nice_top(value) <= value * 2.1


@given(st.floats(min_value=1e-6, max_value=1e9))
def test_the_axis_of_a_waterfall_has_room_and_wastes_little(extent_ms: float) -> None:
    total = bars.Scale.over(extent_ms, None).total_ms
    assert extent_ms < total or extent_ms < 0.001
    assert total <= max(extent_ms, 0.001) * 1.6


@given(st.lists(st.one_of(st.none(), st.floats(min_value=0, max_value=1e12)), min_size=1, max_size=200))
def test_any_values_make_a_chart_that_is_well_formed(values: list[float | None]) -> None:
    drawn = charts.time_plot([("c1", values), ("c2 dot", values)], "ms", AXIS, "x")
    assert len([element for element in _elements(drawn) if element.tag == "path"]) == 2
    ElementTree.fromstring(f"<div>{charts.sparkline(values, 'c1', 'x')}</div>")
    assert "nan" not in drawn
    assert "inf" not in drawn


def test_a_missing_value_is_a_gap_and_never_a_zero() -> None:
    assert charts.line_path([1, None, 1, 1], 2) == "M0 50h166.7M666.7 50L1000 50"
    assert charts.line_path([None, None], 1) == ""


def test_an_alone_standing_value_can_be_seen() -> None:
    assert "h" in charts.line_path([None, 5.0, None], 10)


def test_ticks_stand_at_round_times_whatever_the_range() -> None:
    assert [text for _, text in AXIS.ticks()] == ["13:40", "13:45", "13:50", "13:55", "14:00", "14:05"]
    assert all(text.endswith(":00") for _, text in charts.TimeAxis(0, 86_400_000).ticks())
    assert 2 <= len(charts.TimeAxis(0, 31 * 86_400_000).ticks()) <= 20
    assert 2 <= len(charts.TimeAxis(5, 1005).ticks()) <= 8 or charts.TimeAxis(5, 1005).ticks() != []


def test_columns_are_stacked_and_add_up() -> None:
    drawn = charts.stack_plot([("l-error", [1, 0]), ("l-info", [3, 4])], AXIS, "x")
    heights = [float(height) for height in re.findall(r"v([\d.]+)h", drawn)]
    assert heights == [16.67, 50, 66.67]  # of an axis that ends at 6
    assert charts.stack_plot([], AXIS, "x")


def test_text_is_escaped_wherever_it_stands() -> None:
    nasty = '"><script>alert(1)</script>'
    drawn = [
        charts.time_plot([("c1", [1.0])], "ms", AXIS, nasty, [charts.Gem(AXIS.from_ms, 1.0, nasty, nasty)]),
        charts.scatter_plot([charts.Dot(AXIS.from_ms, 1.0, nasty, nasty, True)], AXIS, nasty),
        charts.bucket_plot([charts.Bar(1, nasty, nasty, True)], nasty, [(0.5, nasty)]),
        charts.sparkline([1.0], "c1", nasty),
        charts.human(1, nasty),
    ]
    for markup in drawn:
        assert "<script>" not in markup
        _elements(markup)


def test_labels_of_marks_that_stand_close_do_not_lie_on_each_other() -> None:
    crowded = charts.bucket_plot([charts.Bar(1, "1 s", "one", False)] * 16, "x", [(2.0, "p50"), (3.5, "p95")])
    assert (crowded.count('y="6" text-anchor="start"'), crowded.count('y="20" text-anchor="start"')) == (1, 1)


def test_the_bucket_of_the_request_stands_out() -> None:
    drawn = charts.bucket_plot([charts.Bar(5, "1 s", "five", False), charts.Bar(0, "", "none", True)], "x")
    assert [element.get("class") for element in _elements(drawn) if element.tag == "rect"] == ["bucket", "bucket this"]


@pytest.mark.parametrize("durations", [[0.0], [0.0, 1e9], [93.0] * 5, []])
def test_a_scatter_takes_any_durations(durations: list[float]) -> None:
    dots = [charts.Dot(AXIS.from_ms, ms, "/requests/x", "x", False) for ms in durations]
    ys = [float(element.get("cy", "")[:-1]) for element in _elements(charts.scatter_plot(dots, AXIS, "x"))
          if element.tag == "circle"]
    assert len(ys) == len(durations)
    assert all(0 <= y <= 100 for y in ys)


@pytest.mark.parametrize(("mine", "p50", "p95"), [(1931.0, 84.0, 212.0), (3.0, 84.0, 212.0), (0.01, 0.0, 0.0)])
def test_a_comparison_stays_within_its_bar(mine: float, p50: float, p95: float) -> None:
    for share in re.findall(r'(?:width|x)="([\d.]+)%"', charts.compare(mine, p50, p95)):
        assert 0 <= float(share) <= 100
