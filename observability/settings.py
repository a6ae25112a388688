"""
One frozen `Settings` per process, read from one mapping, all complaints at once.

Names are OpenTelemetry's own where it has one (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
A secret may also come from a file: ``TOKEN_SECRET_FILE`` names a file whose content is the value of ``TOKEN_SECRET``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


class SettingsError(ValueError):
    """What is wrong with the environment; one complaint per line, every one of them."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = tuple(complaints)


def _text(raw: str) -> str:
    return raw


def _port(raw: str) -> int:
    number = int(raw) if raw.isascii() and raw.isdigit() else -1
    if not 0 <= number <= 65535:
        raise ValueError("must be a port, 0 to 65535")
    return number


def _switch(raw: str) -> bool:
    known = {"true": True, "on": True, "1": True, "yes": True, "false": False, "off": False, "0": False, "no": False}
    if raw.lower() not in known:
        raise ValueError("must be on or off (or true, false, 1, 0)")
    return known[raw.lower()]


def _seconds(raw: str) -> float:
    try:
        number = float(raw)
    except ValueError:
        number = -1.0
    if not 0 < number < 86_400:
        raise ValueError("must be a number of seconds above 0")
    return number


def _count(raw: str) -> int:
    if not (raw.isascii() and raw.isdigit() and 0 < int(raw) < 10**9):
        raise ValueError("must be a whole number above 0")
    return int(raw)


def _url(raw: str) -> str:
    parts = urlsplit(raw)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// URL")
    return raw.rstrip("/")


def _level(raw: str) -> str:
    known = ("debug", "info", "warning", "error", "critical")
    if raw.lower() not in known:
        raise ValueError(f"must be one of {', '.join(known)}")
    return raw.lower()


SAMPLERS = (
    "always_on", "always_off", "traceidratio",
    "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
)


def _sampler(raw: str) -> str:
    if raw not in SAMPLERS:
        raise ValueError(f"must be one of {', '.join(SAMPLERS)}")
    return raw


def _ratio(raw: str) -> float:
    try:
        number = float(raw)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError("must be a number from 0 to 1")
    return number


def _pairs(raw: str) -> tuple[tuple[str, str], ...]:
    """``a=1,b=2`` with percent-encoded values, as OpenTelemetry writes lists of attributes and headers."""
    pairs = []
    for item in filter(None, (part.strip() for part in raw.split(","))):
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"must look like name=value,name=value; {item!r} does not")
        pairs.append((name.strip(), unquote(value.strip())))
    return tuple(pairs)


def _names(raw: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in raw.split(","))))


def _bytes(raw: str) -> int:
    units = {"kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3, "b": 1}
    text = raw.strip().lower()
    unit = next((name for name in sorted(units, key=len, reverse=True) if text.endswith(name)), "")
    number = text.removesuffix(unit).strip()
    if not (number.isascii() and number.isdigit() and int(number) > 0):
        raise ValueError("must be a size such as 64MiB or 1048576")
    return int(number) * units.get(unit, 1)


def _path(raw: str) -> Path:
    return Path(raw)


def setting(env: str, read: Callable[[str], Any], default: Any, text: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"env": env, "read": read, "help": text, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    Everything that can be set from outside. A process uses the part that concerns it.
    """

    # who
    service_name: str = setting("OTEL_SERVICE_NAME", _text, "unknown_service", "Name of this service: service.name, job and Jaeger's service.")
    resource_attributes: tuple[tuple[str, str], ...] = setting("OTEL_RESOURCE_ATTRIBUTES", _pairs, (), "Further attributes of the resource; service.version and deployment.environment.name are used in log lines too.")
    # logs
    log_dir: Path | None = setting("LOG_DIR", _path, None, "Directory of the log files, <service>-<instance>.jsonl. Unset: standard output only.")
    log_level: str = setting("LOG_LEVEL", _level, "info", "Lowest level that is written: debug, info, warning, error or critical.")
    log_stdout: bool = setting("LOG_STDOUT", _switch, True, "Write log lines to standard output too.")
    log_max_bytes: int = setting("LOG_MAX_BYTES", _bytes, 64 * 1024**2, "A log file is continued in a new one beyond this size.")
    # metrics
    metrics_dir: Path | None = setting("METRICS_DIR", _path, None, "Directory in which the workers of one service share their counters. Unset: a temporary one, which forked workers share.")
    # traces
    otlp_endpoint: str = setting("OTEL_EXPORTER_OTLP_ENDPOINT", _url, "http://localhost:4318", "Base URL of the OTLP/HTTP collector; /v1/traces is appended.")
    otlp_headers: tuple[tuple[str, str], ...] = setting("OTEL_EXPORTER_OTLP_HEADERS", _pairs, (), "Headers of each export, name=value,name=value.", secret=True)
    otlp_certificate: Path | None = setting("OTEL_EXPORTER_OTLP_CERTIFICATE", _path, None, "CA bundle that the collector's certificate must be signed by.")
    otlp_client_certificate: Path | None = setting("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", _path, None, "Certificate that the exporter shows to the collector.")
    otlp_client_key: Path | None = setting("OTEL_EXPORTER_OTLP_CLIENT_KEY", _path, None, "Private key of that certificate.")
    otlp_compression: str = setting("OTEL_EXPORTER_OTLP_COMPRESSION", lambda raw: _one_of(raw, ("gzip", "none")), "gzip", "gzip or none.")
    otlp_timeout_s: float = setting("OTEL_EXPORTER_OTLP_TIMEOUT", lambda raw: _count(raw) / 1000, 1.0, "Longest time for one export, in milliseconds as OpenTelemetry defines it.")
    export_delay_s: float = setting("OTEL_BSP_SCHEDULE_DELAY", lambda raw: _count(raw) / 1000, 0.2, "Longest time a span waits before it is sent, in milliseconds.")
    export_queue: int = setting("OTEL_BSP_MAX_QUEUE_SIZE", _count, 8192, "Spans that may wait; more are dropped and counted.")
    export_batch: int = setting("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", _count, 512, "Most spans in one export.")
    sampler: str = setting("OTEL_TRACES_SAMPLER", _sampler, "parentbased_always_on", f"Which traces are kept: {', '.join(SAMPLERS)}.")
    sampler_ratio: float = setting("OTEL_TRACES_SAMPLER_ARG", _ratio, 1.0, "Share of traces that a ratio sampler keeps, 0 to 1.")
    trust_sampled: bool = setting("TRUST_SAMPLED_FLAG", _switch, True, "Believe a caller's sampled flag. The gateway, open to everyone, does not.")
    baggage_keys: tuple[str, ...] = setting("BAGGAGE_KEYS", _names, (), "Baggage keys that are taken over and passed on; all others are dropped.")
    sdk_disabled: bool = setting("OTEL_SDK_DISABLED", _switch, False, "Switch all telemetry off.")
    instrumentation: str = setting("INSTRUMENTATION", lambda raw: _one_of(raw, ("record", "flask_instrumentor")), "record", "record: one RequestRecord per request. flask_instrumentor: OpenTelemetry's own FlaskInstrumentor makes the spans.")
    # the services
    gateway_port: int = setting("GATEWAY_PORT", _port, 8080, "Port of the gateway.")
    user_port: int = setting("USER_PORT", _port, 8081, "Port of the user service.")
    order_port: int = setting("ORDER_PORT", _port, 8082, "Port of the order service.")
    bind_host: str = setting("BIND_HOST", _text, "127.0.0.1", "Address the services listen on.")
    workers: int = setting("WEB_CONCURRENCY", _count, 2, "gunicorn worker processes per service.")
    threads: int = setting("WEB_THREADS", _count, 4, "Threads per worker process.")
    user_url: str = setting("USER_URL", _url, "http://127.0.0.1:8081", "Where the user service answers.")
    order_url: str = setting("ORDER_URL", _url, "http://127.0.0.1:8082", "Where the order service answers.")
    call_timeout_s: float = setting("CALL_TIMEOUT", _seconds, 1.0, "Longest wait for another service's answer, seconds.")
    database_url: str = setting("DATABASE_URL", _text, "", "SQLAlchemy URL of the service's database. Unset: a SQLite file in DATA_DIR.", secret=True)
    data_dir: Path = setting("DATA_DIR", _path, Path("data"), "Directory of the services' SQLite files.")
    token_secret: str = setting("TOKEN_SECRET", _text, "", "Key that signs session tokens; gateway and user share it.", secret=True)
    rate_limit: str = setting("RATE_LIMIT", _text, "1000/10 seconds", "How often one user, or one address without a session, may ask the gateway; off for no limit.")
    faults_file: Path | None = setting("FAULTS_FILE", _path, None, "TOML file of faults for exercises. Unset: no faults.")
    # the embedded stack
    clew_home: Path = setting("CLEW_HOME", _path, Path(".clew"), "Where the embedded stack keeps its state.")
    explorer_port: int = setting("EXPLORER_PORT", _port, 8090, "Port of the explorer.")
    otlp_port: int = setting("OTLP_PORT", _port, 4318, "Port of the OTLP/HTTP receiver.")

    @classmethod
    def from_env(cls, environ: Mapping[str, str], **defaults: Any) -> Settings:
        """
        Read *environ*; *defaults* replace a field's own default (a service names itself so). Empty means unset.

        :raises SettingsError: naming every variable that is wrong.
        """
        complaints: list[str] = []
        values: dict[str, Any] = dict(defaults)
        for item in dataclasses.fields(cls):
            env = item.metadata["env"]
            raw = environ.get(env, "")
            if item.metadata["secret"] and environ.get(env + "_FILE"):
                if raw:
                    complaints.append(f"{env} and {env}_FILE are both set; keep one.")
                raw = _read_secret(env, Path(environ[env + "_FILE"]), complaints)
            if raw == "":
                continue
            try:
                values[item.name] = item.metadata["read"](raw)
            except ValueError as error:
                wrong = "is not well formed" if item.metadata["secret"] else f"{error}, not {raw!r}"
                complaints.append(f"{env} {wrong}. {item.metadata['help']}")
        if complaints:
            raise SettingsError(complaints)
        return cls(**values)

    def resource_attribute(self, name: str, default: str = "") -> str:
        return dict(self.resource_attributes).get(name, default)


def _one_of(raw: str, known: tuple[str, ...]) -> str:
    if raw not in known:
        raise ValueError(f"must be one of {', '.join(known)}")
    return raw


def _read_secret(env: str, path: Path, complaints: list[str]) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        complaints.append(f"{env}_FILE names {path}, which cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}.")
        return ""


SETTINGS: tuple[tuple[str, str, str], ...] = tuple(
    (item.metadata["env"], "" if item.default in (None, "", ()) else str(item.default), item.metadata["help"])
    for item in dataclasses.fields(Settings)
)
"""(variable, default, help) of every setting, in order; documentation and `.env.example` are checked against it."""
