"""An `elasticsearch` output of `logstash.conf`, carried out: documents to a real server, by its bulk API."""

from __future__ import annotations

import base64
import ssl
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import urllib3

from clew.intake import bulk
from clew.intake.bulk import Request, UnusableAnswer, Verdict
from clew.intake.sink import PartlyKept
from clew.pipeline import ElasticsearchOutput
from clew.store import LogLine, StoreError

MOST_BYTES = 4 * 1024 * 1024
MOST_LINES = 2000
_TIMEOUT_S = 60.0
_PATH = "/_bulk?filter_path=items.*.status,items.*.result,items.*.error"


class ElasticsearchSink:
    """
    A `LogSink`. What a caller may rely on: when `append` returns, the server has said of each document that it has it.
    A document whose index and id are there already is replaced, so sending again does no harm.

    A server that cannot be reached, that is too busy (429), that fails (5xx) or that does not let us in (401, 403) has
    kept nothing, or some: StoreError or PartlyKept, and the same lines may be offered again, when the next of the
    output's hosts is asked. A document that it will never take (400, 404) is named in PartlyKept, with its reason.

    For one thread.

    :raises ValueError: the output has an option that is not obeyed here, or its certificates cannot be read.
    """

    def __init__(self, output: ElasticsearchOutput) -> None:
        settings = output.settings
        _check(output)
        self._hosts = output.hosts
        self._host = 0
        self._headers = {"Content-Type": bulk.CONTENT_TYPE}
        if output.user or output.password:
            self._headers["Authorization"] = f"Basic {_base64(f'{output.user}:{output.password}')}"
        elif settings.get("api_key"):
            self._headers["Authorization"] = f"ApiKey {_base64(str(settings['api_key']))}"
        self._pool = urllib3.PoolManager(
            retries=False, timeout=float(str(settings.get("timeout", _TIMEOUT_S))), maxsize=1, **_tls(output)
        )

    def append(self, lines: Iterable[LogLine]) -> int:
        everything = list(lines)
        waiting = deque(bulk.requests(everything, most_bytes=MOST_BYTES, most_lines=MOST_LINES))
        verdict = Verdict()
        while waiting:
            request = waiting.popleft()
            try:
                waiting.extendleft(reversed(self._send(request, verdict)))
            except StoreError as error:
                if verdict == Verdict():
                    raise
                verdict.why = str(error)
                verdict.left.extend(line for rest in (request, *waiting) for line in rest.lines)
                waiting.clear()
        if verdict.left or verdict.refused:
            raise PartlyKept(
                f"{self._where} did not take {len(verdict.left)} of {len(everything)} documents: {verdict.why}",
                new=verdict.new, replaced=verdict.replaced, left=verdict.left, refused=verdict.refused,
            )
        return verdict.new

    def close(self) -> None:
        self._pool.clear()

    @property
    def _where(self) -> str:
        return self._hosts[self._host]

    def _send(self, request: Request, verdict: Verdict) -> Sequence[Request]:
        """What is to be sent instead: nothing, unless the server found *request* too large."""
        try:
            answer = self._pool.request("POST", self._where + _PATH, body=request.body, headers=self._headers)
            status, body = answer.status, answer.data
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._failed(f"cannot be asked: {_cause(error)}") from error
        if status == 413 and len(request.lines) > 1:
            return request.halves()
        if status == 413:
            bulk.refuse(request, "413 larger than the server takes", verdict)
            return ()
        if status != 200:
            raise self._failed(_complaint(status, body))
        try:
            bulk.read(body, request, verdict)
        except UnusableAnswer as error:
            raise self._failed(f"{error}: {_excerpt(body)}") from error
        return ()

    def _failed(self, what: str) -> StoreError:
        """And the next one asked is the next host."""
        message = f"{self._where} {what}"
        self._host = (self._host + 1) % len(self._hosts)
        return StoreError(message)


def sink_of(outputs: Sequence[ElasticsearchOutput]) -> ElasticsearchSink:
    """
    The sink of a pipeline's outputs, which must lead to one server with one account: each line goes to that one.

    :raises ValueError: they lead to several, or there is none.
    """
    accounts = {(output.hosts, output.user, output.password, str(output.settings)) for output in outputs}
    if len(accounts) != 1:
        raise ValueError(
            "There must be one elasticsearch output, or several with the same hosts, account and settings; "
            f"there are {len(accounts)} different ones. Run them from files of their own."
        )
    return ElasticsearchSink(outputs[0])


def _check(output: ElasticsearchOutput) -> None:
    settings = output.settings
    if settings.get("manage_template", True):
        raise ValueError(
            f"The output '{output.id}' would install Logstash's own index template, which clew does not have. "
            "Say manage_template => false, and put your own template first."
        )
    if settings.get("ilm_enabled") == "true":
        raise ValueError(
            f"The output '{output.id}' asks for a rollover alias. Leave ilm_enabled out: an index template can name "
            "the policy."
        )
    plain = [host for host in output.hosts if not host.startswith("https:")]
    if settings.get("ssl_enabled") and plain:
        raise ValueError(f"The output '{output.id}' wants TLS, and {plain[0]} is not https.")


def _tls(output: ElasticsearchOutput) -> dict[str, Any]:
    if not any(host.startswith("https:") for host in output.hosts):
        return {}
    context = ssl.create_default_context()
    authorities = output.settings.get("ssl_certificate_authorities") or ()
    try:
        for path in authorities if isinstance(authorities, (list, tuple)) else (authorities,):
            context.load_verify_locations(cafile=str(path))
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"The certificate authorities of '{output.id}' cannot be read: {error}") from error
    if output.settings.get("ssl_verification_mode") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return {"ssl_context": context}


def _base64(text: str) -> str:
    """Logstash takes an API key as ``id:key``; in a header both it and a password stand in base64, of UTF-8."""
    return base64.b64encode(text.encode()).decode("ascii")


def _complaint(status: int, body: bytes) -> str:
    if status in (401, 403):
        return f"does not let this account write ({status}): check user and password, and the role's privileges."
    return f"answered {status}: {_excerpt(body)}"


def _excerpt(body: bytes) -> str:
    return body[:300].decode("utf-8", "replace").replace("\n", " ")


def _cause(error: Exception) -> str:
    """The operating system's own words, without the wrapping that names our objects."""
    inner: BaseException = error
    while inner.__cause__ or inner.__context__:
        inner = inner.__cause__ or inner.__context__ or inner
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
