"""
From any id to its dossier, or to the choice of several.
"""

from __future__ import annotations

from dataclasses import replace

from clew.query import Readers
from clew.query.dossier.assemble import Dossier, dossier_of
from clew.query.dossier.rows import Other
from clew.query.find import Candidate, Found, find
from clew.query.words import iso

DIRECT = ("trace", "span", "order", "event")
"""Ids that mean one request: an order id means the one that placed it. A user's requests are a list."""


def dossier(readers: Readers, any_id: str, *, now_s: float) -> Dossier | Found | None:
    """
    The dossier of the request that *any_id* (trace, span, order, request, event, user) means, with the other requests
    that carry the same id; `Found` if it means several and none before the others, or only lines outside of any
    request; None if nothing is stored under it.

    :param now_s: seconds since the epoch.
    """
    found = find(readers, any_id)
    best = found.candidates[0] if found.candidates else None
    if best is None or (len(found.candidates) > 1 and best.kind not in DIRECT):
        return found if best or found.untraced else _by_metric(readers, found.id, now_s)
    opened = dossier_of(readers, best.trace_id, now_s=now_s)
    if opened is None:
        return None
    return replace(opened, asked=found.id, also=tuple(_other(other) for other in found.candidates[1:]))


def _by_metric(readers: Readers, any_id: str, now_s: float) -> Dossier | None:
    """An exemplar may be all that is left of a trace."""
    return dossier_of(readers, any_id.lower(), now_s=now_s) if any_id else None


def _other(candidate: Candidate) -> Other:
    return Other(candidate.trace_id, iso(candidate.when_ns), candidate.kind, candidate.sentence)
