"""What goes into a pipeline and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

EMPTY_LINE: Final = "empty_line"
"""The codec made no event of the line: it was blank, or an empty list."""
DROP_FILTER: Final = "drop_filter"
NO_OUTPUT: Final = "no_output"
"""The event reached the end, and no output's condition took it."""
OUTPUT_ERROR: Final = "output_error"
"""Index or document id could not be made of the event."""


@dataclass(frozen=True, slots=True)
class RawLine:
    """
    A line as it stands in a file, without its delimiter.

    :param text: bytes, or text that already is decoded.
    :param host: the name of the machine that read it.
    """

    path: str
    text: str | bytes
    host: str = ""


@dataclass(frozen=True, slots=True)
class FileInput:
    """
    A `file` input, described for whoever reads the files. Times are in seconds.

    :param paths: absolute; globs. *exclude* are globs of file names.
    :param codec: name and options, as in the configuration.
    :param start_position: ``beginning`` or ``end``: where to start in files that are there at the first look.
    :param sincedb_path: where Logstash would keep its positions; empty if not set.
    :param discover_interval_s: how often to look for new files.
    :param ignore_older_s: files not modified for so long are left alone at discovery; None reads all.
    """

    id: str
    paths: tuple[str, ...]
    exclude: tuple[str, ...]
    codec: tuple[str, Mapping[str, object]]
    start_position: str
    mode: str
    delimiter: str
    sincedb_path: str
    stat_interval_s: float
    discover_interval_s: float
    close_older_s: float
    ignore_older_s: float | None
    max_open_files: int
    type: str
    tags: tuple[str, ...]
    add_field: Mapping[str, object]
    ecs_compatibility: str


@dataclass(frozen=True, slots=True)
class ElasticsearchOutput:
    """An `elasticsearch` output, described. *index* and *document_id* are templates; *document_id* may be empty."""

    id: str
    hosts: tuple[str, ...]
    index: str
    document_id: str
    action: str
    user: str
    password: str = field(repr=False)
    settings: Mapping[str, object] = field(default_factory=dict)
    """The options that only matter on the way to a real Elasticsearch (TLS, templates, retries), as given."""


@dataclass(frozen=True, slots=True)
class Document:
    """
    One document of one output.

    :param timestamp_ns: the event's ``@timestamp``, nanoseconds since the epoch, exact.
    :param body: JSON-able, ``@timestamp`` as RFC 3339 text; integers may be of any size. Not to be changed: documents
        of several outputs share it.
    """

    output_id: str
    index: str
    id: str
    timestamp_ns: int
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Drop:
    """An event that went nowhere: why (a word), and the id of the plugin or condition where it ended."""

    reason: str
    stage: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one raw line. A line that held several events may have documents and drops."""

    documents: tuple[Document, ...]
    dropped: tuple[Drop, ...]


@dataclass(frozen=True, slots=True)
class StageCount:
    """
    What one plugin, or one condition, has done since the pipeline was compiled.

    :param kind: ``input``, ``filter``, ``output`` or ``condition``.
    :param dropped: events by reason.
    :param errors: events for which the real plugin would have stopped its pipeline; they went on, tagged.
    """

    id: str
    kind: str
    plugin: str
    line: int
    received: int
    emitted: int
    errors: int
    dropped: Mapping[str, int]
