"""
Row 4 of the picture: shape. The configuration language of Logstash, parsed whole and run in process.

Pure: lines and events in, documents and reasons out; no I/O, no threads. `compile_pipeline` refuses what it cannot
do, naming file, line and column; what it runs, it runs as the real engine does, to the exceptions listed in
`docs/reference/logstash-differences.md`.
"""

from __future__ import annotations

from clew.pipeline.compile import compile_pipeline
from clew.pipeline.errors import Complaint, ConfigError
from clew.pipeline.event import Event
from clew.pipeline.model import (
    Document,
    Drop,
    ElasticsearchOutput,
    FileInput,
    Outcome,
    RawLine,
    StageCount,
)
from clew.pipeline.pipeline import Pipeline
from clew.pipeline.timestamp import Timestamp

__all__ = [
    "Complaint", "ConfigError", "Document", "Drop", "ElasticsearchOutput", "Event", "FileInput", "Outcome", "Pipeline",
    "RawLine", "StageCount", "Timestamp", "compile_pipeline",
]
