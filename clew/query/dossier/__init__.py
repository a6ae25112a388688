"""
Everything that is stored about one request, from any of its ids: what `/requests/<id>` and `clew follow` show.
"""

from __future__ import annotations

from clew.query.dossier.assemble import Dossier, Fact, Share, dossier_of
from clew.query.dossier.gaps import Gap
from clew.query.dossier.lookup import dossier
from clew.query.dossier.metric import BucketRow, ExemplarRow, RouteHistogram
from clew.query.dossier.narrative import Sentence, Step, Word, read_aloud
from clew.query.dossier.rows import EventRow, LogRow, Other, Row, SpanRow, cut

__all__ = [
    "BucketRow", "Dossier", "EventRow", "ExemplarRow", "Fact", "Gap", "LogRow", "Other", "RouteHistogram", "Row",
    "Sentence", "Share", "SpanRow", "Step", "Word", "cut", "dossier", "dossier_of", "read_aloud",
]
