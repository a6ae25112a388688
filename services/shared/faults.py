"""
Faults on purpose, for exercises: a service is slow or fails, and telemetry tells the truth about it, because the
fault happens inside the observed request.
"""

from __future__ import annotations

import os
import random
import stat
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from flask import Flask, Response, request
from opentelemetry import trace

from observability import Problem, Telemetry, problem_response
from services.shared.deadline import time_left
from services.shared.fault_file import EVERY_ROUTE, Fault, FaultFileError, read_faults

FAULTS_PATH = "/faults"
NEVER = frozenset({"/healthz", "/readyz", "/metrics", FAULTS_PATH})
"""Rules that no fault touches: an exercise must not make the supervisor restart a service, nor blind the scrape."""

LOOK_EVERY_S = 0.1
LARGEST = 64 * 1024

DETAIL = "This is an injected fault. See which are on: clew fault list"


def inject_faults(
    app: Flask,
    telemetry: Telemetry,
    path: Path,
    *,
    chance: Callable[[], float] = random.random,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Flask:
    """
    From now on *app* has the faults that the file *path* names for it. To be called last, so that a fault hits what
    the app's own checks let through. ``GET /faults`` says which routes there are and which faults are on.

    A file that is not there means no faults. It is looked at again every 0.1 s, by a request; what cannot be used is
    logged as ``faults.refused`` and changes nothing.

    :param chance: 0 <= x < 1; gunicorn's workers must not draw the same numbers, which `random.random` sees to.
    """
    faults = Faults(path, telemetry, clock=clock)

    @app.before_request
    def inject() -> Response | None:
        route = _route()
        fault = faults.of(route) if route else None
        if fault is None:
            return None
        fails = fault.error_ratio > chance()
        if not fails and not fault.latency_ms:
            return None
        trace.get_current_span().set_attribute("clew.fault", True)
        latency_s, left_s = fault.latency_ms / 1000, time_left()
        sleep(latency_s if left_s is None else min(latency_s, left_s))
        _say(telemetry, route, fault, fails=fails)
        if left_s is not None and latency_s > left_s:
            raise Problem("timeout", "The time for this request was up before it was done.")
        return problem_response(fault.status, DETAIL) if fails else None

    @app.get(FAULTS_PATH)
    def get_faults() -> dict[str, object]:
        return {"service": telemetry.settings.service_name, "routes": routes(app), "faults": faults.active()}

    return app


def routes(app: Flask) -> list[str]:
    """Every route that can have a fault, as a fault names it."""
    return sorted(
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule not in NEVER
    )


class Faults:
    """
    The faults of one service as the file has them now. No thread; safe in many.
    """

    def __init__(self, path: Path, telemetry: Telemetry, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._telemetry = telemetry
        self._service = telemetry.settings.service_name
        self._clock = clock
        self._looking = threading.Lock()
        self._next_look = float("-inf")
        self._seen: tuple[int, ...] | None = None
        self._faults: Mapping[str, Fault] = {}

    def of(self, route: str) -> Fault | None:
        """The fault of *route*: its own rather than one for every route."""
        self._look_sometimes()
        return self._faults.get(route) or self._faults.get(EVERY_ROUTE)

    def active(self) -> dict[str, dict[str, float]]:
        """By route."""
        self._look_sometimes()
        return {
            route: {"latency_ms": fault.latency_ms, "error_ratio": fault.error_ratio, "status": fault.status}
            for route, fault in self._faults.items()
        }

    def _look_sometimes(self) -> None:
        now = self._clock()
        if now < self._next_look or not self._looking.acquire(blocking=False):
            return
        try:
            self._next_look = now + LOOK_EVERY_S
            self._look()
        finally:
            self._looking.release()

    def _look(self) -> None:
        try:
            state = os.stat(self._path)
            seen: tuple[int, ...] | None = (state.st_mtime_ns, state.st_size, state.st_ino)
        except FileNotFoundError:
            state, seen = None, None
        except OSError as error:
            self._refused(f"it cannot be read: {error.strerror}.", seen=(-1,))
            return
        if seen == self._seen:
            return
        try:
            faults = read_faults(_content(self._path, state)) if state else ()
        except (FaultFileError, OSError) as error:
            self._refused(str(error), seen=seen)
            return
        self._seen = seen
        mine = {fault.route: fault for fault in faults if fault.service == self._service}
        if mine != self._faults:
            self._faults = mine
            named = "; ".join(map(in_words, mine.values())) or "none"
            self._telemetry.log("faults.changed", f"Faults that are on now: {named}.", level="warning")

    def _refused(self, why: str, *, seen: tuple[int, ...] | None) -> None:
        if seen != self._seen:
            self._seen = seen
            sentence = f"The faults in {self._path} were not taken over, {why} The ones before stay."
            self._telemetry.log("faults.refused", sentence, level="warning")


def in_words(fault: Fault) -> str:
    """For example ``GET /users/<user_id> 800 ms later, 35 % answered with 503``."""
    said = [f"{fault.latency_ms:g} ms later"] if fault.latency_ms else []
    said += [f"{100 * fault.error_ratio:g} % answered with {fault.status}"] if fault.error_ratio else []
    return f"{fault.route} {', '.join(said) or 'does nothing'}"


def _content(path: Path, state: os.stat_result) -> bytes:
    if not stat.S_ISREG(state.st_mode) or state.st_size > LARGEST:
        raise FaultFileError(f"it must be a file of at most {LARGEST} bytes.")
    return path.read_bytes()


def _route() -> str:
    """The matched route of the current request as a fault names it; empty if none may have a fault."""
    rule = request.url_rule
    if rule is None or rule.rule in NEVER:
        return ""
    return f"{'GET' if request.method == 'HEAD' else request.method} {rule.rule}"


def _say(telemetry: Telemetry, route: str, fault: Fault, *, fails: bool) -> None:
    labels = {"route": route, "latency_ms": f"{fault.latency_ms:g}"} | ({"status": str(fault.status)} if fails else {})
    later = f"begins {fault.latency_ms:g} ms later" if fault.latency_ms else ""
    answered = f"is answered with {fault.status}" if fails else ""
    telemetry.log(
        "fault.injected", f"On purpose, this request {' and '.join(filter(None, (later, answered)))}.",
        level="error" if fails and fault.status >= 500 else "warning", labels=labels,
    )
