"""
Bytes to text as `LogStash::Util::Charset` does it.

Declared UTF-8 that is none is not guessed at: the text becomes what Ruby's `inspect` shows, ``\\xE9`` for a stray byte
and a backslash before every quote, which keeps every byte readable.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable

from clew.pipeline import ruby
from clew.pipeline.options import OptionError, Options

_RUBY_NAMES = {"ASCII-8BIT": "latin-1", "BINARY": "latin-1", "WINDOWS-31J": "cp932", "UTF8-MAC": "utf-8"}


def converter(options: Options) -> Callable[[str | bytes], tuple[str, bytes]]:
    """
    A function that gives a line's text, and that as UTF-8.

    :raises OptionError: nobody knows that charset.
    """
    name = options.text("charset").upper()
    try:
        encoding = codecs.lookup(_RUBY_NAMES.get(name, name)).name
    except LookupError as unknown:
        raise OptionError("charset", f"must be a character encoding; '{name}' is not known") from unknown
    return _utf8 if encoding == "utf-8" else lambda raw: _other(raw, encoding)


def _utf8(raw: str | bytes) -> tuple[str, bytes]:
    given = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    try:
        return given.decode("utf-8"), given
    except UnicodeDecodeError:
        shown = ruby.inspect_bytes(given)
        return shown, shown.encode("utf-8")


def _other(raw: str | bytes, encoding: str) -> tuple[str, bytes]:
    given = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    text = given.decode(encoding, "replace")
    return text, text.encode("utf-8", "replace")
