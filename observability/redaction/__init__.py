"""
What must not leave is removed at the last door: in the writer, for log lines, spans and metrics alike.

`Redactor` knows what secrets look like (keys, e-mail addresses, cards, tokens, also encoded); `Secrets` knows the exact
ones of one request. Whatever is found becomes ``[redacted]``, and redacting twice changes nothing more.
"""

from __future__ import annotations

from observability.redaction.keys import DEFAULT_DENY_KEYS
from observability.redaction.marks import REDACTED
from observability.redaction.redactor import Redactor
from observability.redaction.tainted import NONE, Secrets

__all__ = ["DEFAULT_DENY_KEYS", "NONE", "REDACTED", "Redactor", "Secrets"]
