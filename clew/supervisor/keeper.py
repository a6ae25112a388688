"""
Keeps one part running: starts it, asks whether it is ready, starts it again when it dies, stops it when told to.
"""

from __future__ import annotations

import random
import selectors
import signal
import time
from collections.abc import Callable, Collection
from pathlib import Path

from clew.supervisor.child import Child
from clew.supervisor.console import BoundedLog, Console
from clew.supervisor.part import Part, Policy
from clew.supervisor.probe import Probe
from clew.supervisor.run_record import PartRecord


class Keeper:
    """
    A state machine that moves only in `step`, `start` and `stop`. States: ``waiting starting ready restarting failed
    stopping stopped``; ``failed`` (given up) and ``stopped`` are final.
    """

    def __init__(
        self,
        part: Part,
        *,
        selector: selectors.BaseSelector,
        console: Console,
        run_dir: Path,
        policy: Policy,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.part = part
        self.state = "waiting"
        self.ready_after_s: float | None = None
        self._selector = selector
        self._console = console
        self._log = BoundedLog(run_dir / f"{part.name}.log")
        self._policy = policy
        self._clock = clock
        self._wall = wall
        self._jitter = jitter
        self._child: Child | None = None
        self._probes: list[Probe] = []
        self._since_s = wall()
        self._started = 0.0
        self._due = 0.0
        self._kill_at = 0.0
        self._killed = False
        self._quick_deaths = 0
        self._restarts = 0
        self._last_exit = ""

    @property
    def gone(self) -> bool:
        """Nothing of it runs and nothing will."""
        return self.state == "stopped" or (self.state == "failed" and self._is_clear())

    def start(self) -> None:
        part = self.part
        self._close_child()
        self._started = self._clock()
        self._killed = False
        try:
            self._child = Child(
                part.command, environ=part.environ, cwd=part.cwd, selector=self._selector, on_line=self._relay
            )
        except OSError as error:
            self._last_exit = f"cannot start {part.command[0]}: {error.strerror}"
            self._plan_restart()
            return
        self._probes = [Probe(check, self._selector, clock=self._clock) for check in part.checks]
        self._enter("starting")

    def step(self, ready: Collection[str]) -> None:
        """Look at the child and the clock, and do what is due. *ready* are the parts that are."""
        if self.state in ("starting", "ready"):
            self._look_at_child(ready)
        elif self.state == "restarting":
            if self._is_clear() and self._clock() >= self._due:
                self._restarts += 1
                self.start()
        elif self.state == "stopping" and self._is_clear():
            self._close_child()
            self._enter("stopped")
        elif self.state == "failed":
            self._is_clear()

    def stop(self) -> None:
        """SIGTERM now, SIGKILL to the whole group after the part's grace. Asked again: nothing more."""
        if self.state in ("stopping", "stopped"):
            return
        self._close_probes()
        self._kill_at = self._clock() + self.part.grace_s
        if self._child is None:
            self._enter("stopped")
            return
        self._child.ask_to_stop()
        self._enter("stopping")

    def stop_at_once(self) -> None:
        """SIGKILL to the whole group."""
        self.stop()
        self._kill_at = self._clock()

    def waiting_for(self) -> str:
        """The check that has not passed and what it last answered, for the sentence after too long a start."""
        return next((f"{probe.check.url}: {probe.last}" for probe in self._probes if not probe.passed), "not started")

    def record(self) -> PartRecord:
        return PartRecord(
            name=self.part.name,
            state=self.state,
            pid=self._child.pid if self._child is not None else 0,
            identity=self._child.identity if self._child is not None else "",
            port=self.part.port,
            since_s=self._since_s,
            restarts=self._restarts,
            ready_after_s=self.ready_after_s,
            last_exit=self._last_exit,
        )

    def close(self) -> None:
        """Let go of everything; whatever of the part should still live is killed."""
        if self._child is not None and not self._child.group_is_empty():
            self._child.end_group(signal.SIGKILL)
        self._close_probes()
        self._close_child()
        self._log.close()

    def _look_at_child(self, ready: Collection[str]) -> None:
        assert self._child is not None
        exit_text = self._child.exit_text()
        if exit_text is not None:
            self._last_exit = exit_text
            self._child.end_group(signal.SIGTERM)  # what it started must not keep its port
            self._plan_restart()
        elif self.state == "starting":
            probe = next((probe for probe in self._probes if not probe.passed), None)
            if probe is not None and set(probe.check.after) <= set(ready):
                probe.step()
            elif probe is None:
                self.ready_after_s = self._clock() - self._started
                self._enter("ready")
                again = " again" if self._restarts else ""
                where = f"http://127.0.0.1:{self.part.port}"
                self._console.say(f"{self.part.name:<8} ready{again} in {self.ready_after_s:.1f} s   {where}")

    def _plan_restart(self) -> None:
        now = self._clock()
        self._close_probes()
        self._kill_at = now + self._policy.orphan_grace_s
        self._killed = False
        self._quick_deaths = self._quick_deaths + 1 if now - self._started < self._policy.settled_s else 1
        name = self.part.name
        hopeless = self.ready_after_s is None and not self._last_exit.startswith("signal")  # it ended itself, said why
        if hopeless or self._quick_deaths >= self._policy.quick_deaths:
            when = "before it was ready" if hopeless else f"{self._quick_deaths} times within seconds of its start"
            self._enter("failed")
            self._console.say(
                f"{name} stopped ({self._last_exit}) {when}. Giving it up. Read why: {self._log.path}   "
                "Then: clew down && clew up"
            )
            return
        delay = min(self._policy.longest_delay_s, self._policy.first_delay_s * 2 ** (self._quick_deaths - 1))
        delay *= 1 + self._policy.jitter * self._jitter()
        self._due = now + delay
        self._enter("restarting")
        self._console.say(f"{name} stopped ({self._last_exit}). Restarting in {delay:.1f} s. See it: clew status")

    def _is_clear(self) -> bool:
        """Whether nothing of the last child is left; kills what is when its time is up."""
        if self._child is None or self._child.group_is_empty():
            return True
        if self._clock() >= self._kill_at and not self._killed:
            self._killed = True
            self._child.end_group(signal.SIGKILL)
        return False

    def _enter(self, state: str) -> None:
        self.state = state
        self._since_s = self._wall()

    def _relay(self, line: bytes) -> None:
        self._log.write(line)
        self._console.relay(self.part.name, line.decode("utf-8", "replace"))

    def _close_probes(self) -> None:
        for probe in self._probes:
            probe.close()

    def _close_child(self) -> None:
        if self._child is not None:
            self._child.close()
