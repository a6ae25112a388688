"""Every verb is documented, by its own parser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clew.cli.reference import reference, verbs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md"


def test_the_page_is_what_the_parser_says() -> None:
    """`python -m clew.cli.reference > docs/reference/cli.md` writes it."""
    assert PAGE.read_text("utf-8") == reference()


@pytest.mark.parametrize("name", [name for name, _, _ in verbs()])
def test_every_verb_shows_how_it_is_used(name: str) -> None:
    parser = next(parser for verb, _, parser in verbs() if verb == name)

    assert re.search(rf"example:\n  (?:[A-Z_]+=\S+ )?clew {name}", parser.format_help())
    assert [action.dest for action in parser._actions if not action.help] == []
