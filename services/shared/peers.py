"""Calls to another service: what came back, or why nothing did, in the words of `observability.STATUS`."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests
from requests.adapters import HTTPAdapter
from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_before_delay, wait_random_exponential
from urllib3 import Timeout

from observability import Problem, Telemetry
from services.shared.breaker import REST_S, Breaker
from services.shared.deadline import HEADER, time_left

IDLE_S = 5.0
"""So long after its rest an open breaker waits for somebody to try. A worker may get no request for hours."""
PROBE_PATH = "/healthz"
PROBE_TIMEOUT_S = 0.5
ATTEMPTS = 3
PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.2
FAIR_SHARE = 0.5
"""A peer that had less than this share of our patience, because our caller is in a hurry, is not to blame."""


class PeerFailed(Problem):
    """
    A service that we need did not give a usable answer; raised out of a view it becomes a 502, 503 or 504.

    It has been logged as ``peer.failed``, so whoever catches it only decides what to do without the answer. *late*: it
    was not even asked, because our caller's time is up.
    """

    def __init__(
        self, peer: str, word: str, detail: str, *, retry_after_s: float = 1.0, late: bool = False
    ) -> None:
        after = {"Retry-After": str(math.ceil(retry_after_s))} if word == "unavailable" else None
        # named in the answer: whoever asked us can tell that we are well ourselves
        super().__init__(word, detail, headers=after, peer=peer)
        self.peer = peer
        self.late = late


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object and its status: 2xx, or 4xx when the request was at fault."""

    status: int
    body: dict[str, object]

    @property
    def is_refusal(self) -> bool:
        return self.status >= 400


class _Failed(Exception):
    """
    One attempt failed. *what* completes the sentence "The user service …"; *said* is the peer's own sentence.
    """

    def __init__(
        self, word: str, what: str, error: Exception | None = None, *, said: str = "", at_fault: bool = True
    ) -> None:
        super().__init__(what)
        self.word, self.what, self.error, self.said, self.at_fault = word, what, error, said, at_fault


class Peer:
    """
    One other service, and what this process has learnt about it: after several failures in a row it is left alone for
    a while (see `Breaker`), which ``circuit_breaker_open`` shows.

    :param session: from ``telemetry.session()``: it makes span, metric and propagation, for each attempt.
    :param timeout_s: longest time for a call with all its attempts; less when the caller's deadline is nearer.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        session: requests.Session,
        telemetry: Telemetry,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._url = url
        self._session = session
        self._telemetry = telemetry
        self._timeout_s = timeout_s
        self._clock = clock
        self._open = telemetry.gauge("circuit_breaker_open").labels(name)
        self._breaker = Breaker(self._changed, clock=clock)
        # a probe every few seconds leaves no span and no sample: requests takes the adapter with the longest prefix
        session.mount(url + PROBE_PATH, HTTPAdapter())

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
    ) -> Answer:
        """
        Ask for *path*, which must be made of checked parts only. Headers are those given here, the time that remains,
        and no others.

        An *idempotent* call (every GET, unless told otherwise) is tried again while there is time when it failed at
        once; one that took too long is not, because a slow service is not helped by more to do.

        :raises PeerFailed: ``unavailable`` (cannot be reached, or says so), ``timeout``, ``bad_gateway`` (anything but
            a JSON object with 2xx or 4xx).
        """
        left = time_left()
        budget_s = self._timeout_s if left is None else min(self._timeout_s, left)
        if int(budget_s * 1000) < 1:
            raise self._failed("timeout", "was not asked, because the time for this request is up", late=True)
        rest_s = self._breaker.enter()
        if rest_s:
            what = "is not asked at the moment, because it failed several times"
            raise self._failed("unavailable", what, retry_after_s=rest_s)
        again = method == "GET" if idempotent is None else idempotent
        ends = self._clock() + budget_s
        retrying = Retrying(
            retry=retry_if_exception(_is_worth_another),
            stop=stop_after_attempt(ATTEMPTS if again else 1) | stop_before_delay(budget_s),
            wait=wait_random_exponential(multiplier=PAUSE_S, max=LONGEST_PAUSE_S),
            reraise=True,
        )
        well: bool | None = None
        try:
            answer: Answer = retrying(self._attempt, ends, method, path, body, query, headers)
            well = True
        except _Failed as failed:
            well = False if failed.at_fault else None if failed.word == "timeout" and not failed.said else True
            raise self._failed(failed.word, failed.what, failed.error, said=failed.said) from None
        finally:
            self._breaker.leave(well)
        return answer

    def ping(self) -> None:
        """
        :raises Problem: ``unavailable`` when the peer is not alive. Nothing is logged.
        """
        try:
            response = self._session.get(self._url + PROBE_PATH, timeout=PROBE_TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            raise Problem("unavailable", f"The {self.name} service cannot be reached.") from error
        if response.status_code != 200:
            raise Problem("unavailable", f"The {self.name} service is not well.")

    def nonsense(self) -> PeerFailed:
        """
        For an answer that is an object but lacks what was asked for.
        """
        return self._failed("bad_gateway", "gave an answer that makes no sense")

    def _attempt(
        self,
        ends: float,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        left_s = max(0.001, ends - self._clock())
        fair = left_s >= FAIR_SHARE * self._timeout_s
        try:
            response = self._session.request(
                method,
                self._url + path,
                json=body,
                params=query,
                headers={**(headers or {}), HEADER: str(math.ceil(left_s * 1000))},
                timeout=Timeout(total=left_s),  # type: ignore[arg-type]  # requests takes urllib3's, its stubs do not
                allow_redirects=False,
            )
        except requests.Timeout as error:
            raise _Failed("timeout", f"did not answer within {round(left_s, 2):g} s", error, at_fault=fair) from None
        except requests.ConnectionError as error:
            raise _Failed("unavailable", "cannot be reached", error) from None
        except requests.RequestException as error:
            raise _Failed("bad_gateway", "gave an answer that makes no sense", error) from None
        return _usable(response, fair=fair)

    def _changed(self, is_open: bool) -> None:
        self._open.set(1.0 if is_open else 0.0)
        labels = {"peer": self.name}
        if is_open:
            what = f"The {self.name} service failed several times in a row and is left alone for a while."
            self._telemetry.log("breaker.opened", what, level="warning", labels=labels)
            self._look_later()
        else:
            self._telemetry.log("breaker.closed", f"The {self.name} service is asked again.", labels=labels)

    def _look_later(self) -> None:
        """In a thread, because what ends an open breaker is that nothing happens."""
        timer = threading.Timer(REST_S + IDLE_S, self._look)
        timer.daemon = True
        timer.start()

    def _look(self) -> None:
        if not self._breaker.expire(IDLE_S):
            self._look_later()

    def _failed(
        self,
        word: str,
        what: str,
        error: Exception | None = None,
        *,
        said: str = "",
        retry_after_s: float = 1.0,
        late: bool = False,
    ) -> PeerFailed:
        sentence = f"The {self.name} service {what}."
        level = "error" if word == "bad_gateway" else "warning"
        self._telemetry.log(
            "peer.failed", sentence, level=level, error=error, labels={"peer": self.name, "reason": word}
        )
        return PeerFailed(self.name, word, said or sentence, retry_after_s=retry_after_s, late=late)


def _is_worth_another(error: BaseException) -> bool:
    return isinstance(error, _Failed) and error.at_fault and error.word != "timeout"


def _usable(response: requests.Response, *, fair: bool) -> Answer:
    """*fair*: the peer had enough time; if it ran out of it, it is slow."""
    status = response.status_code
    try:
        body = response.json()
    except ValueError:
        body = None
    problem = body if isinstance(body, dict) else {}
    said = problem.get("detail")
    sentence = said if isinstance(said, str) else ""
    if status == 503:
        # not at fault: another service that it needs is away, and it can do the rest of its work
        raise _Failed("unavailable", "is not available", said=sentence, at_fault="peer" not in problem)
    if status == 504 and sentence:
        raise _Failed("timeout", "ran out of time", said=sentence, at_fault=fair and "peer" not in problem)
    if not (200 <= status < 300 or 400 <= status < 500) or not isinstance(body, dict):
        raise _Failed("bad_gateway", f"gave an answer that makes no sense (status {status})")
    return Answer(status, body)
