"""
Children that start in order, are kept running, and leave nothing behind. Knows nothing of telemetry.
"""

from __future__ import annotations

from clew.supervisor.console import BoundedLog, Console, line_writer
from clew.supervisor.part import RUN_VARIABLE, Check, Part, Policy
from clew.supervisor.run_record import PartRecord, RunLock, RunRecord, read_record
from clew.supervisor.supervisor import Errand, Supervisor
from clew.supervisor.sweep import sweep

__all__ = [
    "RUN_VARIABLE", "BoundedLog", "Check", "Console", "Errand", "Part", "PartRecord", "Policy", "RunLock", "RunRecord",
    "Supervisor", "line_writer", "read_record", "sweep",
]
