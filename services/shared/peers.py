"""Calls to another service: what came back, or why nothing did, in the words of `observability.STATUS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import requests
from requests.adapters import HTTPAdapter

from observability import Problem, Telemetry

PROBE_PATH = "/healthz"
PROBE_TIMEOUT_S = 0.5


class PeerFailed(Problem):
    """
    A service that we need did not give a usable answer; raised out of a view it becomes a 502, 503 or 504.

    It has been logged as ``peer.failed``, so whoever catches it only decides what to do without the answer.
    """

    def __init__(self, peer: str, word: str, detail: str) -> None:
        super().__init__(word, detail, headers={"Retry-After": "1"} if word == "unavailable" else None)
        self.peer = peer


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object and its status: 2xx, or 4xx when the request was at fault."""

    status: int
    body: dict[str, object]

    @property
    def is_refusal(self) -> bool:
        return self.status >= 400


class Peer:
    """
    One other service.

    :param session: from ``telemetry.session()``: it makes span, metric and propagation.
    :param timeout_s: longest wait for the connection, and for each part of the answer.
    """

    def __init__(
        self, name: str, url: str, *, session: requests.Session, telemetry: Telemetry, timeout_s: float
    ) -> None:
        self.name = name
        self._url = url
        self._session = session
        self._telemetry = telemetry
        self._timeout_s = timeout_s
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
    ) -> Answer:
        """
        Ask for *path*, which must be made of checked parts only. Headers are those given here and no others.

        :raises PeerFailed: ``unavailable`` (cannot be reached, or says so), ``timeout``, ``bad_gateway`` (anything but
            a JSON object with 2xx or 4xx).
        """
        try:
            response = self._session.request(
                method,
                self._url + path,
                json=body,
                params=query,
                headers=headers,
                timeout=self._timeout_s,
                allow_redirects=False,
            )
        except requests.Timeout as error:
            raise self._failed("timeout", f"did not answer within {self._timeout_s:g} s", error) from None
        except requests.ConnectionError as error:
            raise self._failed("unavailable", "cannot be reached", error) from None
        except requests.RequestException as error:
            raise self._failed("bad_gateway", "gave an answer that makes no sense", error) from None
        return self._usable(response)

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

    def _usable(self, response: requests.Response) -> Answer:
        status = response.status_code
        try:
            body = response.json()
        except ValueError:
            body = None
        if status == 503:
            said = body.get("detail") if isinstance(body, dict) else None
            raise self._failed("unavailable", "is not available", said=said if isinstance(said, str) else "")
        if not (200 <= status < 300 or 400 <= status < 500) or not isinstance(body, dict):
            raise self._failed("bad_gateway", f"gave an answer that makes no sense (status {status})")
        return Answer(status, body)

    def _failed(self, word: str, what: str, error: Exception | None = None, *, said: str = "") -> PeerFailed:
        sentence = f"The {self.name} service {what}."
        level = "error" if word == "bad_gateway" else "warning"
        self._telemetry.log(
            "peer.failed", sentence, level=level, error=error, labels={"peer": self.name, "reason": word}
        )
        return PeerFailed(self.name, word, said or sentence)
