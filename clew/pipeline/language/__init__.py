"""The configuration language of Logstash: text to AST."""

from __future__ import annotations

from clew.pipeline.language.parser import parse

__all__ = ["parse"]
