"""
Start a service: settings, telemetry, port, application, gunicorn, in that order; each failure is one sentence and
exit code 1.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, Never

from flask import Flask

from observability import Settings, SettingsError, Telemetry
from services.shared.faults import inject_faults

BACKLOG = 512


def serve(
    build: Callable[[Settings, Telemetry], Flask],
    environ: MutableMapping[str, str],
    *,
    service: str,
    port: Callable[[Settings], int],
    **defaults: Any,
) -> Never:
    """
    Serve what *build* makes until a signal ends it.

    :param environ: the environment; variables that gunicorn would read on its own are taken out of it.
    :param service: its name, unless ``OTEL_SERVICE_NAME`` says otherwise.
    :param port: picks its port; 0 takes any free one, which the log names.
    :param defaults: settings that are this service's own defaults.
    """
    try:
        settings = Settings.from_env(environ, service_name=service, **defaults)
    except SettingsError as error:
        _give_up(service, error)
    telemetry = Telemetry.from_settings(settings).start()
    try:
        listener = _listen(settings.bind_host, port(settings), f"{service.upper()}_PORT")
        app = build(settings, telemetry)
        if settings.faults_file is not None:
            inject_faults(app, telemetry, settings.faults_file)
    except SettingsError as error:
        logging.getLogger(service).critical("%s cannot start. %s", service, " ".join(error.complaints))
        telemetry.stop()
        _give_up(service, error)

    # what gunicorn reads on its own: the settings have it, and an empty WEB_CONCURRENCY would break its import
    for variable in ("WEB_CONCURRENCY", "PORT", "SCRIPT_NAME", "FORWARDED_ALLOW_IPS"):
        environ.pop(variable, None)
    from services.shared.server import Server

    Server(app, settings, telemetry, listener.detach()).run()
    sys.exit(0)


def _listen(host: str, port: int, variable: str) -> socket.socket:
    """
    A listening socket, so that a taken port is found out before anything else happens, and once.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"Port {port} of {host} is taken. See who has it: ss -ltnp 'sport = :{port}'. Or set {variable}."
        else:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such address"
            why = f"Cannot listen on port {port} of {host}: {reason}. See BIND_HOST and {variable}."
        raise SettingsError([why]) from None


def _give_up(service: str, error: SettingsError) -> Never:
    for complaint in error.complaints:
        sys.stderr.write(f"{service}: {complaint}\n")
    sys.exit(1)
