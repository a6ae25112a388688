"""A dossier in a terminal."""

from __future__ import annotations

import re

import pytest

from clew.cli.follow_text import clip, columns, render_found, render_text
from clew.query.dossier import Dossier, dossier
from clew.query.embedded import readers_of
from clew.query.find import Found
from clew.store import Stores
from tests.support.story import FAILED, GOOD_ORDER, NOW, NOW_S, SECOND, UNSAMPLED, Story, log_line, placed

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def _opened(story: Story, any_id: str) -> Dossier:
    found = dossier(story.readers, any_id, now_s=NOW_S)
    assert isinstance(found, Dossier)
    return found


@pytest.mark.parametrize("width", [20, 60, 80, 100, 160])
@pytest.mark.parametrize("any_id", [GOOD_ORDER, FAILED, UNSAMPLED])
def test_no_line_is_wider_than_asked_for(story: Story, any_id: str, width: int) -> None:
    for line in render_text(_opened(story, any_id), width).splitlines():
        assert columns(line) <= max(width, 60), line


def test_the_story_can_be_read(story: Story) -> None:
    text = render_text(_opened(story, FAILED))
    lines = text.splitlines()
    assert lines[0].startswith("POST /api/orders  503")
    assert lines[0].endswith("2026-11-21 14:05:00.412 UTC")
    assert "order got no answer from user" in lines[1]
    assert FAILED in text
    assert text.count("request.finished") == 0  # the message says it
    assert "error: Order ord_M29CTZ refused: user cannot say." in text
    assert "░" in text
    assert "Where the 1.93 s went: gateway 18 ms (0.9 %), order 321 ms (17 %), user 1.59 s (82 %)." in text
    assert len(lines) < 30


def test_bars_begin_in_one_column_and_grow_with_time(story: Story) -> None:
    lines = [line for line in render_text(_opened(story, GOOD_ORDER)).splitlines() if "█" in line or "━" in line]
    root = lines[0].index("█")
    assert all(min(line.index(mark) for mark in "█━" if mark in line) >= root for line in lines)
    assert len({line.rindex("ms") for line in lines}) == 1


def test_colour_only_where_asked_for_and_nothing_else_changes(story: Story) -> None:
    opened = _opened(story, FAILED)
    assert "\x1b" not in render_text(opened)
    assert ESCAPES.sub("", render_text(opened, colour=True)) == render_text(opened)
    assert "\x1b[31m" in render_text(opened, colour=True)


def test_foreign_text_cannot_move_the_cursor(story: Story) -> None:
    text = render_text(_opened(story, FAILED), 160)
    assert "\\x1b[31mred" in text
    assert "\u202e" not in text


def test_what_is_missing_is_said(story: Story) -> None:
    assert "Missing: No span of this trace is stored, but 4 log lines of it" in render_text(_opened(story, UNSAMPLED))


def test_other_requests_of_the_order_are_named_as_commands(story: Story) -> None:
    assert "Also ord_7F3KQX: clew follow dddd1d9c27a86be3057d21c0f4e9b6a8" in render_text(_opened(story, GOOD_ORDER))


def test_several_requests_are_a_list_of_commands(story: Story) -> None:
    found = dossier(story.readers, "usr_19C2AK", now_s=NOW_S)
    assert isinstance(found, Found)
    lines = render_found(found).splitlines()
    assert lines[0] == "28 requests with usr_19C2AK. Follow one: clew follow TRACE"
    assert len(lines) == 29


def test_a_long_trace_is_cut_and_says_so(stores: Stores) -> None:
    request = placed("ab" * 16, NOW - 60 * SECOND, "ord_1")
    stores.spans.append(request.spans)
    stores.logs.append(
        log_line(NOW - 59 * SECOND + n * 1000, "info", "order", "x.y", f"line {n}", trace={"id": "ab" * 16})
        for n in range(500)
    )
    opened = dossier(readers_of(stores), "ab" * 16, now_s=NOW_S)
    assert isinstance(opened, Dossier)
    text = render_text(opened)
    assert "200 of 507 rows" in text
    assert len(text.splitlines()) < 230


def test_wide_characters_take_two_columns() -> None:
    assert columns("注文 ok") == 7
    assert columns("e\u0301") == 1
    assert clip("注文注文注文", 6) == "注文…"
    assert clip("short", 10) == "short"
