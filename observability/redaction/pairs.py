"""
``key=value`` and its many spellings in text, when the key stands for a secret.

Spelt as in query strings, forms, headers, JSON, Python's repr of a dict, list of pairs or keyword arguments, SQL
connection strings, command lines, XML elements, and plain sentences (``the password is …``).
All patterns are linear: names are read possessively from their first letter, values once from left to right.
"""

from __future__ import annotations

import re

from observability.redaction.keys import DenyKeys
from observability.redaction.marks import REDACTED

_KEY = re.compile(
    r"""
    (?<![\w.\-])(?P<key>[\w.\-]++)        # a name, from its first letter to its last
    (?P<quote>\\*["'])?                   # its closing quote
    (?:\[(?P<index>[\w\-]{0,64})\])?\]?   # form[password], password[0]
    (?:
        [ \t]*+(?P<sign>=>|->|:=|==|[=:])(?(quote)\s*+|[ \t]*+)
      | [ \t]++(?:is|was)[ \t]++(?:set[ \t]++to[ \t]++|now[ \t]++)?(?P<prose>)
      | [ \t]*+,[ \t]*+(?=[bru]?\\*["'])(?P<pair>)
      | (?P<element>>)(?=[^<>]*</)
      | [ \t]++(?=\\*["'])
      | [ \t]++(?P<option>)(?=[^\s\-])
    )
    """,
    re.VERBOSE,
)
_OPENING_QUOTE = re.compile(r"""[bBrRuUfF]{0,2}(\\*)(\"{3}|'{3}|["'])""")
_BARE = re.compile(r"""(?:[^\s&"'<>`]|["'<>`](?=\w))++""")
_LINE = re.compile(r"[^\r\n]*+")
_TO_TAG = re.compile(r"[^<]*+")
_SCHEME = re.compile(r"(?i:bearer|basic|digest|token|apikey|negotiate|hmac|hawk)[ \t]+")
_TRAILING = ",;.)]}"
_BRACKETS = ("[", "{", "(")
_BRACKET = re.compile(r"""[\[\](){}]|\\*["']""")

_SAID_ABOUT = re.compile(
    r"""(?ix) (?: a | an | the | not | no | too | in | on | at | of | to | for | from | by | and | or | only | already
    | also | still | never | always | being | been | ok | okay | valid | invalid | wrong | right | correct | incorrect
    | missing | required | optional | expired | empty | blank | set | unset | unknown | malformed | weak | strong
    | short | long | changed | reset | revoked | refused | rejected | accepted | opened | closed | gone | lost | there
    | here | none | null | true | false | used | reused | needed | present | absent | allowed | forbidden | stored
    | hashed | signed | unsigned | encrypted | hidden | disabled | enabled | deprecated | full | declined | created
    | deleted
    ) (?![\w\-])"""
)
"""What a sentence says about a secret without telling it: ``the token is expired``."""


def redact_pairs(text: str, deny: DenyKeys) -> str:
    """
    *text* with the value of every denied key replaced. Quotes and what follows the value stay.
    """
    parts: list[str] = []
    done = position = 0
    while match := _KEY.search(text, position):
        position = match.end()
        if not _denied(match, text, deny):
            continue
        start, end = _value(match, text, deny)
        if end > start and text[start:end] != REDACTED:
            parts += (text[done:start], REDACTED)
            done = end
        position = max(position, end)
    return "".join((*parts, text[done:])) if parts else text


def _denied(match: re.Match[str], text: str, deny: DenyKeys) -> bool:
    key = match["key"]
    start = match.start("key")
    if match["option"] is not None and not key.startswith("--"):
        return False
    if match["pair"] is not None and not (match["quote"] and _opens_pair(text, start)):
        return False
    if match["element"] and text[start - 1 : start] != "<":
        return False
    if key in deny or (text[start - 1 : start] == "\\" and key[1:] in deny):  # \npassword=… in a repr
        return True
    if match["index"] and match["index"] in deny:
        return True
    if key.lower() not in deny.last_words or text[start - 1 : start] != " ":
        return False
    before = text[max(0, start - 24) : start].split()
    return bool(before) and f"{before[-1]} {key}" in deny  # api key: …


def _opens_pair(text: str, start: int) -> bool:
    """Whether the name at *start* is the first of a tuple or list: ``('password', 'hunter2')``."""
    return text[max(0, start - 12) : start].rstrip("bru\\\"'")[-1:] in ("(", "[")


def _value(match: re.Match[str], text: str, deny: DenyKeys) -> tuple[int, int]:
    """Where the value starts and ends; an empty span when there is none."""
    start = match.end()
    if match["element"]:
        return start, _end(_TO_TAG, text, start)
    if match["prose"] is not None and _SAID_ABOUT.match(text, start):
        return start, start
    is_header = bool(match["sign"]) and match["key"].lower().endswith(("authorization", "cookie"))
    if is_header and match["sign"] == ":" and not match["quote"]:
        return start, _end(_LINE, text, start)
    opening = _OPENING_QUOTE.match(text, start)
    if opening:
        return opening.end(), _closing_quote(text, opening.end(), opening[1], opening[2])
    if is_header:
        return start, _end(_LINE, text, start)
    if text[start : start + 1] in _BRACKETS:
        return start, _bare_end(text, start, _closing_bracket(text, start))
    scheme = _SCHEME.match(text, start)
    return start, _bare_end(text, start, scheme.end() if scheme else start)


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


def _bare_end(text: str, start: int, position: int) -> int:
    """The end of an unquoted value that goes on at *position*, without the punctuation behind it."""
    found = _BARE.match(text, position)
    return position + len(text[position : found.end()].rstrip(_TRAILING)) if found else position


def _closing_quote(text: str, start: int, backslashes: str, quote: str) -> int:
    """Where the quoted value ends; an open quote ends with the text."""
    end = text.find(quote, start)
    while end >= 0:
        before = end - len(text[start:end].rstrip("\\")) - start
        if before == len(backslashes) if backslashes else before % 2 == 0:
            return end - before if backslashes else end
        end = text.find(quote, end + 1)
    return len(text)


def _closing_bracket(text: str, start: int) -> int:
    """The end of a balanced list, object or tuple; an open one ends with the text."""
    depth = 0
    quote = ""
    for mark in _BRACKET.finditer(text, start):
        found = mark[0]
        if quote:
            quote = "" if found == quote else quote
        elif found in "[({":
            depth += 1
        elif found in "])}":
            depth -= 1
            if depth == 0:
                return mark.end()
        else:
            quote = found
    return len(text)
