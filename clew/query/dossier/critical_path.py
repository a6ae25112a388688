"""
What the answer was waiting for, moment by moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clew.store.model import Span

Stretch = tuple[int, int]
"""(from, to), nanoseconds since the epoch."""


def critical_path(root: Span, children: Mapping[str, Sequence[Span]]) -> dict[str, list[Stretch]]:
    """
    The stretches of [root's start, root's end] in which each span was the one that the answer waited for: a walk back
    from the end through the last child to finish. They do not overlap and add up to the root's duration, whatever the
    clocks of other hosts say.

    :param children: spans by the id of their parent, without cycles.
    """
    path: dict[str, list[Stretch]] = {}
    pending = [(root, root.start_ns, root.end_ns)]
    while pending:
        span, low, high = pending.pop()
        start = max(span.start_ns, low)
        cursor = min(span.end_ns, high)
        for child in sorted(children.get(span.span_id, ()), key=lambda span: span.end_ns, reverse=True):
            child_start, child_end = max(child.start_ns, start), min(child.end_ns, cursor)
            if child_start >= child_end:
                continue
            if cursor > child_end:
                path.setdefault(span.span_id, []).append((child_end, cursor))
            pending.append((child, child_start, child_end))
            cursor = child_start
        if cursor > start:
            path.setdefault(span.span_id, []).append((start, cursor))
    return {span_id: sorted(stretches) for span_id, stretches in path.items()}
