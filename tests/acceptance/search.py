"""Find a text wherever it may stand, in whatever form it may have been written."""

from __future__ import annotations

import base64
import html
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

from tests.support.running import OPENMETRICS, Running, ask

FORMS = ("raw", "escaped", "percent", "base64")


def forms(text: str) -> dict[str, set[bytes]]:
    """
    How *text* may be written, by the names of `FORMS`, all in lower case because search indices fold case. Of base64,
    the letters that *text* alone decides at each of the three places where it may begin in a longer run; so padding
    does not matter.
    """
    raw = text.encode()
    base = set()
    for shift in range(3):
        letters = base64.b64encode(bytes(shift) + raw).decode()
        core = letters[(shift * 8 + 5) // 6 : (shift + len(raw)) * 8 // 6]
        base |= {core, core.translate(str.maketrans("+/", "-_"))}
    found = {
        "raw": {text},
        "escaped": {html.escape(text), repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(html.escape(text))[1:-1]},
        "percent": {quote_plus(text), quote(quote(text)), *(quote(text, safe=kept) for kept in ("", "/", "!'()*@:+"))},
        "base64": base,
    }
    found["escaped"] -= found["raw"]
    found["percent"] -= found["raw"] | found["escaped"]
    return {name: {form.lower().encode() for form in some} for name, some in found.items()}


def found_in(text: str, sinks: Mapping[str, bytes]) -> set[tuple[str, str]]:
    """The (sink, form) pairs in which *text* stands. The sinks are in lower case."""
    return {
        (sink, name)
        for name, some in forms(text).items()
        for form in some
        for sink, content in sinks.items()
        if form in content
    }


# ---- what is searched --------------------------------------------------------------------------------------------


def files(home: Path) -> dict[str, bytes]:
    """Every file below *home*, as it lies on the disk."""
    return {str(path.relative_to(home)): path.read_bytes().lower() for path in home.rglob("*") if path.is_file()}


def tables(store: Path) -> dict[str, bytes]:
    """Every table of every database of *store*; values that are JSON are also unpacked."""
    sinks = {}
    for path in store.glob("*.db"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                rows = database.execute(f'SELECT * FROM "{name}"').fetchall()
                text = "\n".join(_unpacked(value) for row in rows for value in row)
                sinks[f"table {path.stem}.{name}"] = text.lower().encode("utf-8", "backslashreplace")
    return sinks


def _unpacked(value: object) -> str:
    text = str(value)
    try:
        return text + "\n" + "\n".join(_leaves(json.loads(text)))
    except ValueError:
        return text


def _leaves(value: object) -> Iterable[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield str(value)


def metrics(ports: Mapping[str, int]) -> dict[str, bytes]:
    """/metrics of every service, in both formats."""
    return {
        f"metrics {name} {accept[:12]}": ask(port, "GET", "/metrics", headers={"Accept": accept}).body.lower()
        for name, port in ports.items()
        for accept in (OPENMETRICS, "text/plain")
    }


def pages(running: Running) -> dict[str, bytes]:
    """
    The explorer: the lists with every line and every trace, the start and search pages, and each trace as page, as JSON
    and as a file to take along.
    """
    traces = {row[0] for row in running.rows("spans", "SELECT DISTINCT trace_id FROM span")}
    traces |= {row[0] for row in running.rows("logs", "SELECT DISTINCT trace_id FROM line WHERE trace_id <> ''")}
    addresses = ["/", "/overview.json", "/traces?limit=500", "/traces.json?limit=500", "/find", "/find.json"]
    addresses += _logs(running)
    addresses += [f"/requests/{trace}{ending}" for trace in sorted(traces) for ending in ("", ".json", ".html")]
    answers = {address: ask(running.port("explorer"), "GET", address) for address in addresses}
    assert {address: answer.status for address, answer in answers.items() if answer.status != 200} == {}
    return {f"page {address}": answer.body.lower() for address, answer in answers.items()}


def _logs(running: Running) -> Iterator[str]:
    """Every page of log lines, as page and as JSON."""
    before: str | None = ""
    while before is not None:
        query = f"?limit=500{before and '&before=' + quote(before)}"
        yield from (f"/logs{query}", f"/logs.json{query}")
        before = running.explorer(f"/logs.json{query}")["next"] or None
