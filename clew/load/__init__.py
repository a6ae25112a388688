"""
Load from the outside: seeded journeys through the gateway, open loop, only ever to this machine.
"""

from __future__ import annotations

from clew.load.client import Client, Target, TargetError, source_address, target
from clew.load.journeys import JOURNEYS, Visitors
from clew.load.plan import Plan
from clew.load.result import Result
from clew.load.runner import Runner
from clew.load.tally import Glance, Tally
from clew.load.visit import VisitError, first_visitors

__all__ = [
    "JOURNEYS", "Client", "Glance", "Plan", "Result", "Runner", "Tally", "Target", "TargetError", "VisitError",
    "Visitors", "first_visitors", "source_address", "target",
]
