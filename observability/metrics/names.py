"""
Prometheus' rules for names, and OpenMetrics' rule that no two metrics may claim one sample name.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence

from observability.metrics.layout import Definition

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_SUFFIXES = {
    "counter": ("", "_total", "_created"),
    "gauge": ("",),
    "histogram": ("", "_bucket", "_sum", "_count", "_created"),
    "summary": ("", "_sum", "_count", "_created"),
    "gaugehistogram": ("", "_bucket", "_gsum", "_gcount"),
    "info": ("", "_info"),
}
_RESERVED = ("process_", "telemetry_instance_", "telemetry_private_")


def family_name(kind: str, name: str) -> str:
    """
    The name that OpenMetrics gives the family: a counter's without ``_total``.
    """
    return name.removesuffix("_total") if kind == "counter" else name


def sample_names(kind: str, name: str) -> set[str]:
    """
    Every sample name that a metric of this kind claims.
    """
    return {family_name(kind, name) + suffix for suffix in _SUFFIXES.get(kind, ("",))}


def define(
    kind: str, name: str, help_text: str, labels: Sequence[str], buckets: Sequence[float] = (), merge: str = "sum"
) -> Definition:
    """
    A checked definition; ValueError says what is wrong. A counter's name gets its ``_total``, buckets lose their +Inf.
    """
    if not _METRIC.fullmatch(name):
        raise ValueError(f"{name!r} is not a metric name: use letters, digits, _ and :, and begin with no digit.")
    if name.startswith(_RESERVED):
        raise ValueError(f"{name} is taken: names that begin with {' or '.join(_RESERVED)} are exported for you.")
    if kind == "counter":
        name = family_name(kind, name) + "_total"
    if isinstance(labels, str):
        raise ValueError(f"{name}: labels is the text {labels!r}; write ({labels!r},).")
    wrong = [label for label in labels if not _LABEL.fullmatch(label) or (kind == "histogram" and label == "le")]
    if wrong:
        raise ValueError(
            f"{name}: {wrong[0]!r} cannot be a label name: use letters, digits and _, not __ in front, not le."
        )
    if len(set(labels)) != len(labels):
        raise ValueError(f"{name}: a label name occurs twice in {tuple(labels)}.")
    if merge not in ("sum", "max"):
        raise ValueError(f"{name}: merge is {merge!r}; it can be sum or max.")
    return Definition(kind, name, help_text, tuple(labels), _bounds(name, buckets), merge)


def _bounds(name: str, buckets: Sequence[float]) -> tuple[float, ...]:
    bounds = tuple(float(bound) for bound in buckets)
    if bounds and bounds[-1] == math.inf:
        bounds = bounds[:-1]
    ascending = all(low < high for low, high in itertools.pairwise(bounds))
    if not ascending or not all(map(math.isfinite, bounds)):
        raise ValueError(f"{name}: buckets have to be ascending numbers, not {tuple(buckets)}.")
    return bounds
