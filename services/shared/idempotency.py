"""
Idempotency keys: a caller who does not know whether something was done asks again under the same key.

After the draft standard https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/, except that a key
is any visible text, quoted or not.
"""

from __future__ import annotations

import re

from flask import request

from observability import Problem

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
_KEY = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_KEY}}}")


def idempotency_key() -> str | None:
    """
    The key of the current request; None without one.

    :raises Problem: ``invalid``.
    """
    key = request.headers.get(HEADER)
    if key is not None and not _KEY.fullmatch(key):
        says = f"1 to {LONGEST_KEY} visible ASCII characters, without spaces"
        raise Problem("invalid", f"The header {HEADER} must be {says}.")
    return key
