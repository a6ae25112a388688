"""The tables of `docs/traps.md`: ``python -m tests.traps.page`` writes them anew."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.shapes.traps import SHAPE_TRAPS
from tests.traps.logs import LOGS
from tests.traps.metrics import METRICS
from tests.traps.processes import PROCESSES
from tests.traps.secrets import SECRETS
from tests.traps.traces import TRACES
from tests.traps.trap import Trap

PAGE = Path(__file__).resolve().parents[2] / "docs" / "traps.md"
TRAPS: dict[str, tuple[Trap[Any], ...]] = {
    "Counting": METRICS,
    "Tracing": TRACES,
    "Logging": LOGS,
    "Saying too much": SECRETS,
    "Starting, forking, ending": PROCESSES,
    "Shapes of request": SHAPE_TRAPS,
}
"""Heading of the page -> its traps."""

_HEAD = "| trap | as in tutorials | here | test |\n| --- | --- | --- | --- |\n"


def table(traps: tuple[Trap[Any], ...]) -> str:
    rows = (f"| {t.name.replace('-', ' ')} | {t.wrong} | {t.promise} | `[{t.name}]` |\n" for t in traps)
    return _HEAD + "".join(rows)


def written_anew(page: str) -> str:
    """*page* with the table under each of the headings as it should be."""
    for heading, traps in TRAPS.items():
        found = re.compile(rf"(?ms)^(## {re.escape(heading)}\n.*?)^\| trap .*?(?=^[^|]|\Z)")
        page, count = found.subn(lambda match, traps=traps: match[1] + table(traps), page, count=1)  # type: ignore[misc]
        if not count:
            raise ValueError(f"{PAGE.name} has no table under '## {heading}'.")
    return page


if __name__ == "__main__":
    PAGE.write_text(written_anew(PAGE.read_text("utf-8")), "utf-8")
