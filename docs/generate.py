"""
Write the reference pages from the code: ``python docs/generate.py``. A test compares them with what is committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from observability import ATTRIBUTES, EVENTS, METRICS, SETTINGS, STATUS, log_line_schema

HERE = Path(__file__).resolve().parent / "reference"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def vocabulary() -> str:
    metrics = [(f"`{m.name}`", m.kind, ", ".join(f"`{x}`" for x in m.labels), m.help) for m in METRICS.values()]
    return "\n".join(
        [
            "# Vocabulary\n\nGenerated from `observability/vocabulary.py` and `observability/problems.py`.\n",
            "## Events (`event.action`)\n",
            table(("event", "meaning"), [(f"`{name}`", text) for name, text in EVENTS.items()]),
            "## Metrics\n",
            table(("metric", "kind", "labels", "help"), metrics),
            "## Span attributes\n",
            table(("attribute", "meaning"), [(f"`{name}`", text) for name, text in ATTRIBUTES.items()]),
            "## Error words\n",
            table(("word", "status"), [(f"`{word}`", str(status)) for word, status in STATUS.items()]),
        ]
    )


def settings() -> str:
    rows = [(f"`{env}`", f"`{default}`" if default else "", text) for env, default, text in SETTINGS]
    return (
        "# Settings\n\nGenerated from `observability/settings.py`. Secrets may also be given as `NAME_FILE`.\n\n"
        + table(("variable", "default", "meaning"), rows)
    )


def fields(schema: dict[str, Any], prefix: str = "", required: bool = True) -> Iterator[tuple[str, ...]]:
    for name, part in schema.get("properties", {}).items():
        always = required and name in schema.get("required", ())
        if part.get("properties"):
            yield from fields(part, f"{prefix}{name}.", always)
        elif part is not True:
            kind = part.get("type") or ("const" if "const" in part else "one of" if "enum" in part else "")
            meaning = part.get("description", part.get("title", ""))
            yield f"`{prefix}{name}`", str(kind), "always" if always else "", meaning


def log_line() -> str:
    return (
        "# A log line\n\nGenerated from `observability/log-line.schema.json`, which every line in the tests is checked "
        "against.\n\n" + table(("field", "type", "present", "meaning"), list(fields(log_line_schema())))
    )


PAGES = {"vocabulary.md": vocabulary, "settings.md": settings, "log-line.md": log_line}


def main() -> None:
    HERE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
