"""One request in a terminal: the same document as the page."""

from __future__ import annotations

import re

import pytest

from clew.cli.dossier_text import Style, dossier_text, found_text
from clew.query.dossier import Dossier, dossier
from clew.query.find import Found
from tests.support.story import FAILED_ORDER, GOOD, GOOD_ORDER, LATER, NOW_S, UNSAMPLED, Story, tell


@pytest.fixture(scope="module")
def story() -> Story:
    return tell()


def text(story: Story, any_id: str, style: Style | None = None) -> str:
    found = dossier(story.readers, any_id, now_s=NOW_S)
    assert isinstance(found, Dossier)
    return dossier_text(found, style or Style(width=110))


def test_the_first_line_says_what_became_of_the_request(story: Story) -> None:
    assert text(story, GOOD_ORDER).splitlines()[0] == "POST /api/orders answered 201 in 92 ms."
    assert text(story, FAILED_ORDER).splitlines()[0] == (
        "POST /api/orders failed with 503 after 1.93 s, because order got no answer from user: "
        "ReadTimeout after 800 ms."
    )


def test_every_span_and_every_line_stands_in_its_place(story: Story) -> None:
    lines = text(story, GOOD_ORDER).splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("    +0.0 ms"))

    assert [" ".join(line.split()[:5]) for line in lines[start : start + 3]] == [
        "+0.0 ms 92 ms gateway", "+6.0 ms 82 ms gateway", "+8.0 ms 78 ms order",
    ]
    assert sum("request.finished" in line for line in lines) == 3
    assert any("order.placed  Order ord_7F3KQX placed" in line for line in lines)


def test_a_bar_begins_where_its_span_begins(story: Story) -> None:
    lines = text(story, GOOD_ORDER, Style(width=110, blocks=False)).splitlines()
    bars = [line.rpartition("  ")[2] or line for line in lines if line.rstrip().endswith(("#", "-"))]
    first = next(line for line in lines if "POST /api/orders  " in line)
    second = next(line for line in lines if "POST order " in line)

    assert len(bars) >= 7
    assert first.index("#") < second.index("--")
    assert len(first) == 110 - 1


def test_no_line_of_the_waterfall_is_wider_than_the_terminal(story: Story) -> None:
    for width in (80, 100, 160):
        lines = text(story, FAILED_ORDER, Style(width=width)).splitlines()
        assert max(len(line) for line in lines if line.lstrip().startswith("+")) <= width


def test_the_bucket_of_the_request_is_marked_in_the_histogram(story: Story) -> None:
    (mine,) = [line for line in text(story, GOOD_ORDER).splitlines() if "<- this request" in line]

    assert mine.split()[:2] == ["to", "100"]
    assert mine.endswith("<- this request, 92 ms says its exemplar")


def test_what_is_missing_and_what_else_there_is_is_said(story: Story) -> None:
    assert f"\nAlso: {LATER}  " in text(story, GOOD_ORDER)
    assert "\nMissing: No span of this trace is stored, but 4 log lines of it: " in text(story, UNSAMPLED)


def test_an_id_of_many_requests_gives_a_list_to_choose_from(story: Story) -> None:
    found = dossier(story.readers, "usr_19C2AK", now_s=NOW_S)
    assert isinstance(found, Found)
    lines = found_text(found).splitlines()

    assert lines[0].endswith("Follow one by its trace id:")
    assert any(line.startswith(f"  {GOOD}  2026-11-21 14:0") for line in lines)


def test_stored_text_cannot_command_the_terminal(story: Story) -> None:
    shown = text(story, FAILED_ORDER, Style(width=400))

    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\x1b[31mred" in shown


def test_colours_change_nothing_but_colours(story: Story) -> None:
    coloured = text(story, FAILED_ORDER, Style(width=110, colours=True))

    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == text(story, FAILED_ORDER)
    assert "\x1b[31;1mPOST /api/orders failed" in coloured


def test_a_terminal_without_block_characters_gets_ascii_bars(story: Story) -> None:
    shown = text(story, GOOD_ORDER, Style(width=110, blocks=False))

    assert not {"█", "░", "·"} & set(shown)
