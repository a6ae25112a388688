"""
The tables of each store, as SQL files, and which file on disk is whose.

A database file says what it is in its header: `application_id` (which store) and `user_version` (which form of its
tables). See https://www.sqlite.org/pragma.html#pragma_application_id.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Schema:
    """
    One store's tables. *mark* is four letters that the file's header carries.
    """

    name: str
    mark: str
    version: int

    @property
    def application_id(self) -> int:
        return int.from_bytes(self.mark.encode("ascii"), "big")

    def script(self) -> str:
        """
        SQL that makes an empty database one of these, all or nothing; harmless where it was already run.
        """
        tables = resources.files(__package__).joinpath(f"{self.name}.sql").read_text(encoding="utf-8")
        return (
            f"BEGIN IMMEDIATE;\n{tables}\n"
            f"PRAGMA application_id = {self.application_id};\nPRAGMA user_version = {self.version};\nCOMMIT;"
        )


LOGS = Schema("logs", "ClwL", version=1)
SAMPLES = Schema("samples", "ClwM", version=1)
SPANS = Schema("spans", "ClwS", version=1)
