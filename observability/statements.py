"""
What a database statement does, read from its text: its shape without values, its operation and its tables.

After OpenTelemetry's semantic conventions for database clients, "Sanitization of db.query.text" and "Generating a
summary of the query". SQLAlchemy hands values over beside the statement, but code may still write them into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

OTHER_OPERATION = "_OTHER"
OPERATIONS = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "CREATE", "ALTER", "DROP", "TRUNCATE", "CALL",
     "PRAGMA", "SET", "SHOW", "EXPLAIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "LOCK", "VACUUM", "ANALYZE", "COPY"}
)
"""The values of the metrics' label ``operation``; others become ``_OTHER``."""
LONGEST_TEXT = 2000
LONGEST_SUMMARY = 255

_BACKSLASH = r"'(?:[^'\\]|''|\\.)*(?:'|\Z)"
_TOKEN = re.compile(
    r"""
      (?P<space> (?: \s | --[^\n]* | /\*.*?(?:\*/|\Z) )+ )
    | (?P<escaped> [eE]"""
    + _BACKSLASH
    + r""" )
    | (?P<value> [bBnNxX]?'(?:[^']|'')*(?:'|\Z) | \$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z) )
    | (?P<place> %\(\w+\)s | %s | \$\d+ | \?\d* | (?<!:):\w+ | @\w+ )
    | (?P<word> [^\W\d][\w$]* | "(?:[^"]|"")*(?:"|\Z) | `[^`]*(?:`|\Z) )
    | (?P<number> (?: \d+(?:\.\d*)? | \.\d+ ) (?:[eE][+-]?\d+)? \w* )
    | (?P<mark> :: | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_MYSQL = re.compile(_BACKSLASH + "|" + _BACKSLASH.replace("'", '"'), re.DOTALL)
_PLACE = r"(?:%\(\w+\)s|%s|\?|:\w+|\$\d+)"
_LISTS = re.compile(rf"\bIN \(({_PLACE}(?:::\w+)?)(?:, ?{_PLACE}(?:::\w+)?)+\)")


class Shape(NamedTuple):
    """
    :ivar text: the statement with ``?`` for each value in it, on one line.
    :ivar operation: its keyword, ``SELECT`` for example; one of `OPERATIONS` or ``_OTHER``.
    :ivar summary: operation and tables, ``SELECT orders`` for example: the span's name.
    :ivar table: the only table it names; empty when there are none or several.
    """

    text: str
    operation: str
    summary: str
    table: str


def shape(statement: str, *, mysql: bool = False) -> Shape:
    """
    :param mysql: in its strings a backslash escapes, and double quotes may hold a value.
    """
    if mysql:
        statement = _MYSQL.sub("?", statement)
    tokens = [(match.lastgroup or "", match[0]) for match in _TOKEN.finditer(statement)]
    tokens = [("value", text) if kind == "tag" else (kind, text) for kind, text in tokens]
    shown = "".join(
        " " if kind == "space" else "?" if kind in ("value", "escaped", "number") else text for kind, text in tokens
    )
    text = _LISTS.sub(r"IN (\1)", shown.strip())
    items = list(_summary([text for kind, text in tokens if kind in ("word", "mark")]))
    operations = [name for name, is_table in items if not is_table]
    tables = dict.fromkeys(name for name, is_table in items if is_table)
    operation = operations[0] if operations else ""
    words = " ".join(name for name, _ in items) or operation
    return Shape(
        text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…",
        operation if operation in OPERATIONS else OTHER_OPERATION,
        words[:LONGEST_SUMMARY] or "statement",
        next(iter(tables)) if len(tables) == 1 else "",
    )


def _summary(tokens: list[str]) -> Iterator[tuple[str, bool]]:
    """
    Operations (False) and tables (True) in their order.
    """
    upper = [token.upper() for token in tokens]
    common = {tokens[at] for at in range(len(tokens) - 2) if upper[at + 1] == "AS" and upper[at + 2] == "("}
    awaits_from = [False]  # per parenthesis: EXTRACT(year FROM …) names no table
    listing = False
    for at, word in enumerate(upper):
        before = upper[at - 1] if at else ""
        if word == "(":
            awaits_from.append(False)
            listing = False
        elif word == ")":
            awaits_from[:] = awaits_from[:-1] or [False]
            listing = False
        elif word in ("SELECT", "DELETE"):
            awaits_from[-1] = True
            yield word, False
        elif word in ("INSERT", "MERGE", "REPLACE", "UPDATE") and before in ("", "(", ")", ";"):
            if upper[at + 1 : at + 2] != ["("]:  # the function replace(…)
                yield word, False
        elif at == 0 and word != "WITH":
            yield word, False
        names_table = (
            (word == "FROM" and awaits_from[-1] and before != "DISTINCT")
            or word in ("INTO", "JOIN")
            or (word == "UPDATE" and before in ("", "(", ")", ";"))
            or (word == "TABLE" and upper[0] in ("CREATE", "ALTER", "DROP", "TRUNCATE"))
            or (word == "," and listing)
        )
        if names_table:
            if word == "FROM":
                awaits_from[-1] = False
            name = _name(tokens, at + 1)
            if name and name not in common:
                yield name, True
            listing = word in ("FROM", ",")
        elif listing and word in ("WHERE", "ORDER", "GROUP", "LIMIT", "JOIN", "ON", "UNION", "RETURNING", "SET"):
            listing = False


def _name(tokens: list[str], at: int) -> str:
    while at < len(tokens) and tokens[at].upper() in ("IF", "NOT", "EXISTS", "ONLY", "LATERAL"):
        at += 1
    parts: list[str] = []
    while at < len(tokens) and (tokens[at][0] in '"`' or tokens[at].isidentifier()):
        parts.append(tokens[at].strip('"`'))
        if tokens[at + 1 : at + 2] != ["."]:
            break
        at += 2
    return ".".join(parts)
