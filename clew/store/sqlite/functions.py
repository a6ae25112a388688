"""What SQL alone cannot say the way `clew.store.matching` says it."""

from __future__ import annotations

import json
import sqlite3

from clew.store.matching import field_is, has_attributes
from clew.store.sqlite.span_content import attributes_of


def add_functions(connection: sqlite3.Connection) -> None:
    """
    Teach *connection* ``field_is(document, path, wanted)`` and ``attribute_is(content, name, wanted)``.
    """
    connection.create_function("field_is", 3, _field_is, deterministic=True)
    connection.create_function("attribute_is", 3, _attribute_is, deterministic=True)


def _field_is(document: str, path: str, wanted: str) -> bool:
    return field_is(json.loads(document), path, wanted)


def _attribute_is(content: str, name: str, wanted: str) -> bool:
    return has_attributes(attributes_of(content), ((name, wanted),))
