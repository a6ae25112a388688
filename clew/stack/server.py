"""
A WSGI app on 127.0.0.1, in threads that have names.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from waitress.server import create_server
from waitress.task import ThreadedTaskDispatcher

_REQUEST_LIMIT_S = 30


class LocalServer:
    """
    Listens when made (:raises OSError: the port is taken), serves from `start` to `stop`. Keep-alive.

    :param name: of its threads: ``<name>-loop``, ``<name>-0``, ``<name>-1`` …
    :param max_body_bytes: larger request bodies get 413 before the app sees them.
    """

    def __init__(self, app: Any, *, port: int, name: str, threads: int = 4, max_body_bytes: int = 1024 * 1024) -> None:
        self._dispatcher = _NamedThreads(name)
        self._server: Any = create_server(
            app, host="127.0.0.1", port=port, threads=threads, ident="", _dispatcher=self._dispatcher,
            max_request_body_size=max_body_bytes, channel_timeout=_REQUEST_LIMIT_S, asyncore_use_poll=True,
            connection_limit=200, clear_untrusted_proxy_headers=True,
        )
        self._dispatcher.set_thread_count(threads)
        self._loop = threading.Thread(target=self._server.run, name=f"{name}-loop", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.effective_port)

    def start(self) -> None:
        self._loop.start()

    def stop(self, *, within_s: int = 1) -> None:
        """No new connections, requests in progress get *within_s* seconds, then everything is closed."""
        self._in_loop(self._stop_listening)
        self._dispatcher.shutdown(cancel_pending=True, timeout=within_s)
        self._in_loop(self._close_connections)
        if self._loop.is_alive():
            self._loop.join(within_s)
        if not self._loop.is_alive() and not self._dispatcher.threads:
            self._server.trigger.close()  # whoever may still pull it would write into a file that has its number then

    def _in_loop(self, action: Callable[[], None]) -> None:
        if not self._loop.is_alive():
            action()
            return
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self._server.trigger.pull_trigger(act)
        done.wait(1.0)

    def _stop_listening(self) -> None:
        self._server.del_channel()
        self._server.socket.close()

    def _close_connections(self) -> None:
        """The loop ends when it has nothing to listen to, the trigger included."""
        self._server.trigger.del_channel()
        for channel in list(self._server._map.values()):
            channel.close()


class _NamedThreads(ThreadedTaskDispatcher):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def start_new_thread(self, target: Callable[[int], object], thread_no: int) -> None:
        threading.Thread(target=target, name=f"{self._name}-{thread_no}", args=(thread_no,), daemon=True).start()
