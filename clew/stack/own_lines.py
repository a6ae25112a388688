"""
The stack's own log lines: the shape of everybody's (design: `observability/log-line.schema.json`), on standard output,
which `clew up` keeps in `.clew/run/stack.log`. They are not stored: the watcher does not watch itself.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import uuid
from datetime import UTC, datetime
from typing import TextIO

ECS_VERSION = "9.4.0"


class OwnLines(logging.Handler):
    """
    Writes each record as one JSON line to *stream*. For the root logger, so that libraries' lines come out the same.
    """

    def __init__(self, stream: TextIO, *, version: str) -> None:
        super().__init__()
        self._stream = stream
        self._instance = str(uuid.uuid4())
        self._service = {
            "name": "clew", "version": version, "environment": "development", "node": {"name": self._instance},
        }
        self._numbers = itertools.count(1)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._stream.write(json.dumps(self._document(record), ensure_ascii=False, default=str) + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # nobody is left who could read it
            return

    def _document(self, record: logging.LogRecord) -> dict[str, object]:
        number = next(self._numbers)
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        document: dict[str, object] = {
            "@timestamp": moment,
            "log": {"level": record.levelname.lower(), "logger": record.name},
            "message": record.getMessage().replace("\n", "\\n"),
            "ecs": {"version": ECS_VERSION},
            "service": self._service,
            "process": {"pid": os.getpid()},
            "event": {"id": f"{self._instance}-{number}", "sequence": number},
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            document["error"] = {
                "type": type(error).__qualname__,
                "message": str(error),
                "stack_trace": logging.Formatter().formatException(record.exc_info),
            }
        return document
