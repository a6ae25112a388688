"""A `file` input of `logstash.conf`, carried out: each of its options has its effect here."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from clew.intake.aside import Aside
from clew.intake.logs import FIRST_RETRY_S, LAST_RETRY_S, LogIntake
from clew.intake.positions import Positions
from clew.intake.shaping import shape_with
from clew.intake.sink import LogSink
from clew.intake.tail import Tail
from clew.intake.tally import unheard
from clew.pipeline import FileInput, Pipeline, RawLine

MOST_OPEN = 512
"""Logstash opens 4,095 files by default; a process usually may open 1,024 in all."""


def log_intake_of(
    source: FileInput,
    pipeline: Pipeline,
    store: LogSink,
    aside: Aside,
    *,
    positions_dir: Path,
    host: str,
    retry_s: tuple[float, float] | None = None,
    clock: Callable[[], float] = time.time,
    report: Callable[[str], None] = unheard,
) -> LogIntake:
    """
    The intake of one input of *pipeline*; run each in a thread of its own, but not two of one pipeline at a time.

    :param positions_dir: where its positions are kept, in a file named by its id, unless it has a `sincedb_path`.
    :param retry_s: see `LogIntake`; None: its own pauses.
    :param host: the name of this machine, for the pipeline.
    :raises ValueError: its paths or its `sincedb_path` cannot be used; the message says why.
    """
    path = Path(source.sincedb_path) if source.sincedb_path else positions_dir / f"{source.id}.sincedb"
    start: Literal["beginning", "end"] = "beginning" if source.start_position == "beginning" else "end"
    tail = Tail(
        source.paths,
        Positions(path, clock=clock),
        exclude=source.exclude,
        start_position=start,
        delimiter=source.delimiter.encode(),
        max_open=min(source.max_open_files, MOST_OPEN),
        discover_every_s=source.discover_interval_s,
        ignore_older_s=source.ignore_older_s,
        close_older_s=source.close_older_s,
        clock=clock,
        report=report,
    )
    shape = shape_with(lambda lines: pipeline.feed(source, lines), RawLine, host=host)
    return LogIntake(
        tail, shape, store, aside, interval_s=source.stat_interval_s, retry_s=retry_s or (FIRST_RETRY_S, LAST_RETRY_S),
        clock=clock, report=report,
    )
