"""
The loop: start the parts in order, keep them, stop them in reverse, whatever happens in between.

One thread, one selector. Children's output, readiness checks and signals all arrive there, so nothing needs a lock.
"""

from __future__ import annotations

import selectors
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clew.supervisor.child import Child
from clew.supervisor.console import Console
from clew.supervisor.keeper import Keeper
from clew.supervisor.part import Part, Policy
from clew.supervisor.run_record import RunRecord, write_record
from clew.supervisor.signals import Signals

_TICK_S = 0.02
_SAME_KEY_PRESS_S = 0.3
_LONGEST_STOP_S = 4.9


@dataclass(frozen=True, slots=True)
class Errand:
    """A command that runs once when all parts are ready; what it prints is shown as it is."""

    command: tuple[str, ...]
    environ: Mapping[str, str]
    cwd: Path
    limit_s: float = 20.0


class Supervisor:
    """
    Runs the parts of one stack until it is told to stop (SIGINT, SIGTERM, SIGHUP) or the start fails.

    :param record: what `.clew/run/state.json` says at first; it is written at every change.
    :param farewell: lines said when everything is up, for example how to stop it.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        record: RunRecord,
        run_dir: Path,
        console: Console,
        errand: Errand | None = None,
        farewell: Sequence[str] = (),
        policy: Policy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy or Policy()
        self._record = record
        self._run_dir = run_dir
        self._console = console
        self._errand = errand
        self._farewell = farewell
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._keepers = {
            part.name: Keeper(
                part, selector=self._selector, console=console, run_dir=run_dir, policy=self._policy, clock=clock
            )
            for part in parts
        }
        self._running_errand: Child | None = None
        self._began = 0.0
        self._errand_until = 0.0
        self._stop_began = 0.0
        self._last_asked = 0.0
        self._exit_code = 0

    def run(self) -> int:
        """
        Return when nothing of the stack is left: 0 after a request to stop, 1 when the start failed or something could
        not be ended. At most 5 s after the request.
        """
        self._began = self._clock()
        try:
            with Signals(self._selector) as signals:
                while self._record.phase != "stopped":
                    for number in signals.taken():
                        self._asked_to_stop(number)
                    self._advance()
                    self._publish()
                    for key, _ in self._selector.select(self._pause()):
                        key.data()
        finally:
            for keeper in self._keepers.values():
                keeper.close()
            self._selector.close()
        return self._exit_code

    def _advance(self) -> None:
        ready = [keeper.part.name for keeper in self._keepers.values() if keeper.state == "ready"]
        for keeper in self._keepers.values():
            keeper.step(ready)
        phase = self._record.phase
        if phase == "starting":
            self._start_what_can()
        elif phase == "ready":
            self._watch_errand()
        elif phase == "stopping":
            self._stop_what_can()

    def _start_what_can(self) -> None:
        states = {name: keeper.state for name, keeper in self._keepers.items()}
        for keeper in self._keepers.values():
            if keeper.state == "waiting" and all(states[name] == "ready" for name in keeper.part.after):
                keeper.start()
        elapsed = self._clock() - self._began
        if all(keeper.state == "ready" for keeper in self._keepers.values()):
            self._console.say(f"All ready in {elapsed:.1f} s.")
            self._phase("ready")
            self._start_errand()
        elif any(keeper.state == "failed" for keeper in self._keepers.values()):
            self._fail("The stack could not start.")
        elif elapsed > self._policy.start_within_s:
            late = [f"{k.part.name} ({k.waiting_for()})" for k in self._keepers.values() if k.state != "ready"]
            self._fail(f"Not ready after {self._policy.start_within_s:g} s: {', '.join(late)}. Logs: {self._run_dir}")

    def _start_errand(self) -> None:
        if self._errand is None:
            self._greet()
            return
        self._errand_until = self._clock() + self._errand.limit_s
        self._running_errand = Child(
            self._errand.command,
            environ=self._errand.environ,
            cwd=self._errand.cwd,
            selector=self._selector,
            on_line=lambda line: self._console.say(line.decode("utf-8", "replace")),
        )

    def _watch_errand(self) -> None:
        errand = self._running_errand
        if errand is None or self._errand is None:
            return
        if errand.exit_text() is not None:
            errand.close()
            self._running_errand = None
            self._greet()
        elif self._clock() > self._errand_until:
            self._console.say(f"The first journey did not end in {self._errand.limit_s:g} s and was cut short.")
            errand.end_group(signal.SIGKILL)
            self._errand_until = float("inf")

    def _greet(self) -> None:
        for line in self._farewell:
            self._console.say(line)
        self._phase("up")

    def _asked_to_stop(self, number: signal.Signals) -> None:
        now = self._clock()
        if self._record.phase == "stopping":
            if now - self._last_asked > _SAME_KEY_PRESS_S:  # `timeout` and shells send one key press twice
                self._console.say("Stopping at once.")
                for keeper in self._keepers.values():
                    keeper.stop_at_once()
        else:
            self._console.say("" if number == signal.SIGINT else f"Asked to stop ({number.name}).")
            self._begin_stop()
        self._last_asked = now

    def _fail(self, sentence: str) -> None:
        self._exit_code = 1
        self._console.say(sentence)
        self._begin_stop()

    def _begin_stop(self) -> None:
        self._stop_began = self._last_asked = self._clock()
        self._phase("stopping")
        if self._running_errand is not None:
            self._running_errand.end_group(signal.SIGKILL)
        self._stop_what_can()

    def _stop_what_can(self) -> None:
        """Last started, first stopped; a part goes only when all that need it are gone."""
        now = self._clock()
        keepers = list(reversed(self._keepers.values()))
        elapsed = now - self._stop_began
        for place, keeper in enumerate(keepers):
            dependants_gone = all(other.gone for other in keepers if keeper.part.name in other.part.after)
            turn = elapsed >= place * self._policy.stagger_s or all(other.gone for other in keepers[:place])
            if dependants_gone and turn:
                keeper.stop()
        left = [keeper.part.name for keeper in keepers if not keeper.gone]
        if left and elapsed < _LONGEST_STOP_S:
            return
        if left:
            self._exit_code = 1
            self._console.say(f"Could not be ended: {', '.join(left)}. See the pids: clew status")
        else:
            self._console.say(f"All stopped in {elapsed:.1f} s.")
        if self._running_errand is not None:
            self._running_errand.close()
        self._phase("stopped")

    def _phase(self, phase: str) -> None:
        self._record = replace(self._record, phase=phase)
        self._publish(force=True)

    def _publish(self, *, force: bool = False) -> None:
        parts = tuple(keeper.record() for keeper in self._keepers.values())
        if force or parts != self._record.parts:
            self._record = replace(self._record, parts=parts)
            try:
                write_record(self._run_dir, self._record)
            except OSError as error:
                self._console.say(f"Cannot write in {self._run_dir} ({error.strerror}): clew status is out of date.")

    def _pause(self) -> float:
        quiet = self._record.phase == "up" and all(k.state in ("ready", "failed") for k in self._keepers.values())
        return 1.0 if quiet else _TICK_S
