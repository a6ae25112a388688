"""Log files into the log store: at least once from here, and once by `event.id`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from clew.intake.aside import Aside
from clew.intake.shaping import Shape, Shaped
from clew.intake.sink import LogSink, PartlyKept
from clew.intake.tail import Tail, TailStatus
from clew.intake.tally import Tally, unheard
from clew.intake.watched import Batch
from clew.store import LogLine, StoreError

FIRST_RETRY_S = 0.1
LAST_RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class LogIntakeStatus:
    """
    :param counts: ``lines_read``, ``documents_stored`` (new ones), ``documents_replaced`` (were there already),
        ``dropped:<reason>`` (by the pipeline), ``aside:<reason>`` (kept in the aside directory), ``store_retries``.
    :param tail_counts: what the tail counts, see `Tail`.
    :param last_stored_s: when something was stored last (seconds since the epoch), or None.
    :param waiting: what the store said when it last refused; empty when it works. Nothing is lost meanwhile.
    """

    counts: Mapping[str, int]
    tail_counts: Mapping[str, int]
    tail: TailStatus
    last_stored_s: float | None
    waiting: str


@dataclass(frozen=True, slots=True)
class _Prepared:
    batches: Sequence[Batch]
    lines: Sequence[LogLine]


class LogIntake:
    """
    Polls a tail, shapes what it finds, stores it, and only then commits it. One thread runs it (`run`, or `step` by
    step); `status` may be read from any.

    A store that refuses (StoreError) is asked again, with a growing pause; the positions stay where they are. One that
    kept a part (PartlyKept) is offered the rest. A line that the pipeline or the store cannot digest is kept aside and
    counted: it never stops the others.

    :param shape: see `clew.intake.shaping`.
    :param store: a `LogStore`, or what takes the documents elsewhere.
    :param retry_s: the first pause before a store that refuses is asked again, and the longest (seconds).
    :param interval_s: the pause when there is nothing to read (seconds). With so many files that looking takes long,
        the pause grows until looking costs at most a tenth of a core.
    :param report: gets one sentence when the store begins and stops refusing.
    """

    def __init__(
        self,
        tail: Tail,
        shape: Shape,
        store: LogSink,
        aside: Aside,
        *,
        interval_s: float = 0.1,
        retry_s: tuple[float, float] = (FIRST_RETRY_S, LAST_RETRY_S),
        clock: Callable[[], float] = time.time,
        report: Callable[[str], None] = unheard,
    ) -> None:
        self._tail = tail
        self._shape = shape
        self._store = store
        self._aside = aside
        self._interval_s = interval_s
        self._retry_s = retry_s
        self._clock = clock
        self._report = report
        self._counts = Tally()
        self._prepared: _Prepared | None = None
        self._found = False
        self._last_stored_s: float | None = None
        self._waiting = ""
        self._status = self._now()

    def status(self) -> LogIntakeStatus:
        """How it stood after the last step or retry."""
        return self._status

    def run(self, stop: threading.Event, *, last_look_s: float = 0.5) -> None:
        """
        Until *stop* is set; then one last look, for at most *last_look_s* (seconds), and the files are closed.
        """
        try:
            while not stop.is_set():
                began = time.thread_time()
                more = self.step(stop)
                spent = 0.0 if self._found else time.thread_time() - began
                if not more:
                    stop.wait(max(self._interval_s, 9 * spent))
            deadline = time.monotonic() + last_look_s
            while self.step(stop) and time.monotonic() < deadline:
                continue
        finally:
            self._tail.close()

    def step(self, stop: threading.Event) -> bool:
        """
        Read, shape, store and commit once. True if more can be read at once. When the store refuses, it is asked again
        until it accepts or *stop* is set; what was read stays in hand for the next step.
        """
        self._prepared = self._prepared or self._prepare(self._tail.poll())
        self._found = bool(self._prepared.batches)
        batches = self._prepared.batches
        left = self._keep(self._prepared.lines, stop)
        if batches and not left:
            self._tail.commit(batches)
        self._prepared = _Prepared(batches, left) if left else None
        self._status = self._now()
        return not left and self._tail.more

    def _prepare(self, batches: Sequence[Batch]) -> _Prepared:
        lines: list[LogLine] = []
        for batch in batches:
            self._counts.add("lines_read", len(batch.lines) + (batch.overlong is not None))
            if batch.overlong is not None:
                self._put_aside("overlong", batch.overlong.head)
                continue
            for shaped in self._shaped(batch):
                lines.extend(shaped.lines)
                for reason in shaped.dropped:
                    self._counts.add(f"dropped:{reason}")
        return _Prepared(batches, lines)

    def _shaped(self, batch: Batch) -> list[Shaped]:
        try:
            return [self._shape(batch)]
        except Exception:  # noqa: BLE001 (one line that the pipeline trips over must not stop all others)
            if len(batch.lines) == 1:
                self._put_aside("pipeline-failed", batch.lines[0])
                return []
        return [shaped for single in batch.singles() for shaped in self._shaped(single)]

    def _keep(self, lines: Sequence[LogLine], stop: threading.Event) -> Sequence[LogLine]:
        """
        What is left of *lines*: nothing, unless *stop* was set before the store took all.
        """
        pause, longest = self._retry_s
        while lines:
            try:
                self._append(lines)
                break
            except PartlyKept as partly:
                self._book(partly)
                lines, why = partly.left, str(partly)
            except StoreError as error:
                why = str(error)
            if not lines:
                break  # what is not kept was refused for good
            if not self._waiting:
                self._report(f"The log store refuses, nothing is lost, it is asked again: {why}")
            self._waiting = why
            self._counts.add("store_retries")
            self._tail.look()  # how far behind we get is worth knowing
            self._status = self._now()
            if stop.wait(pause):
                return lines
            pause = min(2 * pause, longest)
        if self._waiting:
            self._report("The log store accepts again.")
            self._waiting = ""
        return ()

    def _append(self, lines: Sequence[LogLine]) -> None:
        try:
            new = self._store.append(lines)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 (a document that no store can write must not stop all others)
            if len(lines) == 1:
                self._put_aside("unstorable", repr(lines[0]).encode("utf-8", "backslashreplace"))
                return
            for line in lines:
                self._append([line])
            return
        self._stored(new, len(lines) - new)

    def _stored(self, new: int, replaced: int) -> None:
        self._counts.add("documents_stored", new)
        self._counts.add("documents_replaced", replaced)
        self._last_stored_s = self._clock()

    def _book(self, partly: PartlyKept) -> None:
        if partly.new or partly.replaced:
            self._stored(partly.new, partly.replaced)
        for line, why in partly.refused:
            self._put_aside("refused", f"{why}\n{line!r}\n".encode("utf-8", "backslashreplace"))

    def _put_aside(self, reason: str, body: bytes) -> None:
        self._aside.keep(f"log-line-{reason}", body)
        self._counts.add(f"aside:{reason}")

    def _now(self) -> LogIntakeStatus:
        return LogIntakeStatus(
            self._counts.snapshot(),
            self._tail.counts.snapshot(),
            self._tail.status(),
            self._last_stored_s,
            self._waiting,
        )
