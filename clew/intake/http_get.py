"""GET one page again and again over one kept connection, within a deadline that a dripping server cannot stretch."""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import socket
import time
from collections.abc import Callable, Mapping

from clew.intake.inflate import CorruptGzip, TooLarge, gunzip

_CHUNK = 64 * 1024


class FetchError(Exception):
    """There was no usable answer; the message is one sentence that says why."""


class Fetcher:
    """
    One URL. `get` for one thread at a time; `abort` from any.

    :param address: host and perhaps port, as the target is called; it is also the Host header.
    :param resolve: where to connect instead: *address* -> host:port. Asked before each new connection.
    :param timeout_s: for everything from connecting to the last byte (seconds).
    :param body_limit: of the unpacked body (bytes).
    """

    def __init__(
        self,
        address: str,
        *,
        path: str,
        scheme: str,
        timeout_s: float,
        body_limit: int,
        headers: Mapping[str, str],
        resolve: Callable[[str], str],
    ) -> None:
        self._address = address
        self._path = path
        self._connect_with = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        self._timeout_s = timeout_s
        self._body_limit = body_limit
        self._headers = {"Host": address, "Accept-Encoding": "gzip", **headers}
        self._resolve = resolve
        self._connection: http.client.HTTPConnection | None = None
        self._aborted = False

    def get(self) -> tuple[str, bytes]:
        """
        Content-Type and body of a 200 answer. :raises FetchError:
        """
        deadline = time.monotonic() + self._timeout_s
        try:
            if self._connection is not None and self._connection.sock is not None:
                # A kept connection may have been closed by the server meanwhile: that costs one more try, not a scrape.
                with contextlib.suppress(http.client.RemoteDisconnected, ConnectionError):
                    return self._exchange(self._connection, deadline)
            self.close()
            return self._exchange(self._connect(deadline), deadline)
        except FetchError:
            self.close()
            raise
        except TimeoutError as error:
            self.close()
            raise FetchError(f"No complete answer from {self._where()} within {self._timeout_s:g} s.") from error
        except ConnectionRefusedError as error:
            self.close()
            raise FetchError(f"Nothing listens at {self._where()}: connection refused.") from error
        except (OSError, http.client.HTTPException, CorruptGzip, ValueError) as error:
            self.close()
            raise FetchError(f"No usable answer from {self._where()}: {error or type(error).__name__}.") from error

    def abort(self) -> None:
        """End a `get` that is under way: it raises FetchError at once, and so does each later one."""
        self._aborted = True
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):  # closed meanwhile
                connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _where(self) -> str:
        try:
            real = self._resolve(self._address)
        except LookupError:
            real = self._address
        return self._address if real == self._address else f"{self._address} ({real})"

    def _connect(self, deadline: float) -> http.client.HTTPConnection:
        try:
            real = self._resolve(self._address)
        except LookupError as error:
            raise FetchError(f"Nobody knows where {self._address} is.") from error
        self._connection = self._connect_with(real, timeout=_left(deadline))
        self._connection.connect()
        if self._aborted:
            raise FetchError("Stopped.")
        return self._connection

    def _exchange(self, connection: http.client.HTTPConnection, deadline: float) -> tuple[str, bytes]:
        connection.sock.settimeout(_left(deadline))
        connection.response_class = functools.partial(_Answer, deadline=deadline)  # type: ignore[assignment]
        connection.request("GET", self._path, headers=dict(self._headers))
        with connection.getresponse() as answer:
            body = self._body(answer)
            if answer.status != 200:
                raise FetchError(f"{self._where()} answered {answer.status} {answer.reason}.")
            if answer.getheader("Content-Encoding", "").lower() == "gzip":
                try:
                    body = gunzip(body, limit=self._body_limit)
                except TooLarge as error:
                    raise self._too_large() from error
            return answer.getheader("Content-Type", ""), body

    def _body(self, answer: http.client.HTTPResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while chunk := answer.read(_CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > self._body_limit:
                raise self._too_large()
        if answer.length:  # http.client takes a body that ends early for a whole one
            raise FetchError(f"The answer of {self._where()} ended {answer.length} bytes too early.")
        return b"".join(chunks)

    def _too_large(self) -> FetchError:
        return FetchError(f"The answer of {self._where()} is larger than {self._body_limit} bytes.")


class _Answer(http.client.HTTPResponse):
    """A response whose every read, those of the headers included, ends at the deadline."""

    def __init__(self, sock: socket.socket, *args: object, deadline: float, **kwargs: object) -> None:
        super().__init__(sock, *args, **kwargs)  # type: ignore[arg-type]
        self.fp = io.BufferedReader(_Deadlined(self.fp.detach(), sock, deadline), _CHUNK)


class _Deadlined(io.RawIOBase):
    """The socket's own file, which also keeps the socket open until the answer is read."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: float) -> None:
        self._raw = raw
        self._socket = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        self._socket.settimeout(_left(self._deadline))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
