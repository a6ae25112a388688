"""What the documentation says is what the code says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
assert _spec is not None
assert _spec.loader is not None
generate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)


@pytest.mark.parametrize("name", sorted(generate.PAGES))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    """`python docs/generate.py` writes it."""
    assert (ROOT / "docs" / "reference" / name).read_text("utf-8") == generate.PAGES[name]()


def event_literals() -> set[str]:
    """The names that services and library pass to `log`."""
    found = set()
    for top in ("services", "observability"):
        for path in (ROOT / top).rglob("*.py"):
            found |= set(re.findall(r"""\.log\(\s*["']([a-z_]+\.[a-z_.]+)["']""", path.read_text("utf-8")))
    return found


def test_every_logged_event_is_in_the_vocabulary() -> None:
    assert event_literals() - set(generate.EVENTS) == set()


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
