"""
gunicorn, set up from our settings and from nothing else: no configuration file, no command line, no
``GUNICORN_CMD_ARGS``; its own lines go to the root logger.
"""

from __future__ import annotations

import gc
import os
import signal
import time
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from selectors import EVENT_READ

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

from observability import Settings, Telemetry

KEEPALIVE_S = 15
GRACE_S = 3
"""How long a stopping worker waits for requests in flight."""
FAREWELL_S = 2
"""How long it may then take to hand over its telemetry, before the master kills it."""
LINGER_S = 0.2
"""How long a stopping worker keeps idle connections, for a request that may be on its way already."""


class Server(BaseApplication):  # type: ignore[misc]
    """
    *app* behind a listening socket, in forked workers with threads.
    """

    def __init__(self, app: Flask, settings: Settings, telemetry: Telemetry, listener: int) -> None:
        self._app = app
        self._settings = settings
        self._telemetry = telemetry
        self._listener = listener
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        values: dict[str, object] = {
            "bind": f"fd://{self._listener}",
            "proc_name": settings.service_name,
            "worker_class": Worker,
            "workers": settings.workers,
            "threads": settings.threads,
            "preload_app": True,
            "keepalive": KEEPALIVE_S,
            "graceful_timeout": GRACE_S + FAREWELL_S,
            # the heartbeat file: in memory where there is such a place, because a busy disk makes workers look dead
            "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,
            "control_socket_disable": True,
            "logger_class": RootLogger,
            "loglevel": settings.log_level,
            "errorlog": None,
            "accesslog": None,
            # no header makes a request look as if it came another way
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "when_ready": self._before_the_first_fork,
            "post_fork": _inherit_signals,
            "post_worker_init": self._started,
            "worker_exit": self._stopped,
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app

    def _before_the_first_fork(self, _arbiter: object) -> None:
        # what exists now stays shared between the workers: the collector never writes to it
        gc.collect()
        gc.freeze()

    def _started(self, worker: ThreadWorker) -> None:
        self._telemetry.log("service.started", f"Worker {worker.pid} takes requests.")

    def _stopped(self, _arbiter: object, worker: ThreadWorker) -> None:
        self._telemetry.log("service.stopped", f"Worker {worker.pid} has ended.")
        self._telemetry.stop()


def _inherit_signals(arbiter: Arbiter, worker: Worker) -> None:
    worker.early_signals = arbiter.SIG_QUEUE


class RootLogger(Logger):  # type: ignore[misc]
    """
    gunicorn's loggers without handlers of their own.
    """

    def __init__(self, cfg: Config) -> None:
        super().__init__(cfg)
        self.error_log.propagate = True


class Worker(ThreadWorker):  # type: ignore[misc]
    """
    gunicorn's threaded worker, except that a connection on which nothing is asked costs no thread and delays no stop.
    """

    early_signals: SimpleQueue[int]

    def init_process(self) -> None:
        self.cfg.set("graceful_timeout", GRACE_S)  # in this process; the master waits FAREWELL_S longer
        super().init_process()

    def init_signals(self) -> None:
        """
        A new worker has the master's handlers at first. gunicorn forgets what came in that moment, and a worker that
        was told to stop then would have to be killed.
        """
        super().init_signals()
        while not self.early_signals.empty():
            if self.early_signals.get_nowait() in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
                self.alive = False

    def enqueue_req(self, conn: TConn) -> None:
        """
        Wait for a new connection's first byte here. gunicorn lets a thread wait for it, so that a few silent
        connections (a browser opens some in advance) would keep all threads busy for 5 seconds.
        """
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def finish_request(self, conn: TConn, fs: Future[object]) -> None:
        super().finish_request(conn, fs)
        if not self.alive:
            self._cap_keepalive(time.monotonic() + LINGER_S)

    def _cap_keepalive(self, deadline: float) -> None:
        soon = min(deadline, time.monotonic() + LINGER_S)
        super()._cap_keepalive(soon)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, soon)
