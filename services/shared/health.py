"""Alive and ready: the two questions that a supervisor asks."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint

from observability import Problem, Telemetry

Check = Callable[[], None]


def health(telemetry: Telemetry, **checks: Check) -> Blueprint:
    """
    ``/healthz`` answers while the process can take a request; ``/readyz`` 200 when every check passes, else 503.

    A check raises `Problem` when what it stands for is not there. The answer has the checks' names and ``ok`` or
    ``failed``; what went wrong is in the log, as ``dependency.failed``.
    """
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> dict[str, object]:
        return {"status": "ok"}

    @blueprint.get("/readyz")
    def readyz() -> tuple[dict[str, object], int]:
        results = {name: "ok" if _passes(telemetry, name, check) else "failed" for name, check in checks.items()}
        ready = "failed" not in results.values()
        return {"status": "ready" if ready else "not ready", "checks": results}, 200 if ready else 503

    return blueprint


def _passes(telemetry: Telemetry, name: str, check: Check) -> bool:
    try:
        check()
    except Problem as problem:
        telemetry.log(
            "dependency.failed",
            f"Not ready: {problem.detail}",
            level="warning",
            error=problem.__cause__ if isinstance(problem.__cause__, Exception) else problem,
            labels={"dependency": name},
        )
        return False
    return True
