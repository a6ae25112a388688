"""
Ids that sort by the time they were made: ``ord_01kaqz5w8g3m9xv2r7c4e6t0ab``.

48 bits of Unix milliseconds and 80 random bits (the layout of a ULID, https://github.com/ulid/spec) in Crockford's
base32 (https://www.crockford.com/base32.html) in lower case: no i, l, o or u, nothing that a URL would escape.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26
_BODY = re.compile(f"[0-7][{ALPHABET}]{{{_LENGTH - 1}}}")


def new_id(
    prefix: str, *, clock: Callable[[], float] = time.time, entropy: Callable[[int], bytes] = os.urandom
) -> str:
    """
    A fresh id such as ``usr_…``. *clock* gives Unix seconds, *entropy* that many random bytes.
    """
    number = (int(clock() * 1000) & (1 << 48) - 1) << 80 | int.from_bytes(entropy(10), "big")
    digits = "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(_LENGTH)))
    return f"{prefix}_{digits}"


def is_id(prefix: str, text: object) -> bool:
    """
    Whether *text* could be an id with that prefix. Anything else never reaches a database or another service's URL.
    """
    return isinstance(text, str) and text.startswith(f"{prefix}_") and bool(_BODY.fullmatch(text, len(prefix) + 1))
