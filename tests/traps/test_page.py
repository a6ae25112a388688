"""What docs/traps.md says is what the tests show."""

from __future__ import annotations

import re

from tests.traps.page import PAGE, TRAPS, written_anew


def test_the_page_lists_exactly_the_traps_that_are_tested() -> None:
    """`python -m tests.traps.page` writes the tables."""
    page = PAGE.read_text("utf-8")
    assert page == written_anew(page)
    assert sorted(re.findall(r"`\[([a-z-]+)\]` \|$", page, re.M)) == sorted(t.name for ts in TRAPS.values() for t in ts)


def test_every_trap_has_a_name_of_its_own() -> None:
    names = [trap.name for traps in TRAPS.values() for trap in traps]
    assert len(names) == len(set(names))
