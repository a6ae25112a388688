"""
A database through SQLAlchemy: a client span and a sample per statement, and the connection pool as metrics.

Spans follow OpenTelemetry's stable semantic conventions for database clients: the statement's shape, never its values.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from opentelemetry import trace
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode
from sqlalchemy import Engine, event
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool

from observability.context import active_request
from observability.spans import readable, type_name
from observability.statements import Shape, shape
from observability.telemetry import exemplar_of

if TYPE_CHECKING:
    from observability.telemetry import Telemetry

_SYSTEMS = {
    "sqlite": "sqlite", "postgresql": "postgresql", "mysql": "mysql", "mariadb": "mariadb", "oracle": "oracle.db",
    "mssql": "microsoft.sql_server",
}
_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
_UNSET, _FAILED = Status(StatusCode.UNSET), Status(StatusCode.ERROR)
_SHAPES = 512


def observe_engine(engine: Engine, telemetry: Telemetry) -> Engine:
    """
    See `Telemetry.observe_engine`.
    """
    if telemetry.enabled:
        _Statements(engine, telemetry)
        _pool(engine, telemetry)
    return engine


class _Statements:
    """
    Takes the time of what an engine executes. A statement outside of any span, or in a health check, leaves nothing.
    """

    def __init__(self, engine: Engine, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._server = server_of(engine)
        mysql = engine.dialect.name in ("mysql", "mariadb")
        self._described = lru_cache(_SHAPES)(lambda statement: self._describe(shape(statement, mysql=mysql)))
        self._durations = telemetry.histogram("db_client_operation_duration_seconds")
        # not before_ and after_cursor_execute, which cost 6 us per statement before they are even called
        dialect = engine.dialect
        for name, execute in (
            ("do_execute", dialect.do_execute),
            ("do_executemany", dialect.do_executemany),
            ("do_execute_no_params", dialect.do_execute_no_params),
        ):
            event.listen(engine, name, partial(self._execute, execute))

    def _describe(self, of: Shape) -> tuple[Shape, dict[str, str | int]]:
        attributes = self._server | {
            "db.operation.name": of.operation, "db.query.summary": of.summary, "db.query.text": of.text
        }
        if of.table:
            attributes["db.collection.name"] = of.table
        return of, attributes

    def _execute(self, execute: Callable[..., None], cursor: Any, statement: str, *rest: Any) -> bool:
        """
        True: executed here. False: SQLAlchemy does it, because nobody wants to know.
        """
        parent = trace.get_current_span().get_span_context()
        active = active_request()
        if not parent.is_valid or (active is not None and active.quiet):
            return False
        start_ns, perf_ns = self._telemetry.clock_ns(), time.perf_counter_ns()
        try:
            execute(cursor, statement, *rest)
        except BaseException as error:
            self._executed(statement, parent, start_ns, time.perf_counter_ns() - perf_ns, error)
            raise
        self._executed(statement, parent, start_ns, time.perf_counter_ns() - perf_ns, None)
        return True

    def _executed(
        self, statement: str, parent: SpanContext, start_ns: int, duration_ns: int, error: BaseException | None
    ) -> None:
        of, attributes = self._described(statement)
        telemetry, seconds = self._telemetry, self._durations.labels(of.operation)
        if not parent.trace_flags.sampled:
            seconds.observe(duration_ns / 1e9)
            return
        own = SpanContext(
            parent.trace_id, telemetry.ids.generate_span_id(), False, parent.trace_flags, parent.trace_state
        )
        end_ns = start_ns + duration_ns
        seconds.observe(duration_ns / 1e9, exemplar_of(own, end_ns))
        telemetry.span_ended(
            readable(
                name=of.summary, context=own, parent=parent, kind=SpanKind.CLIENT, start_ns=start_ns, end_ns=end_ns,
                attributes=attributes if error is None else attributes | _why(error), events=(), links=(),
                status=_UNSET if error is None else _FAILED, resource=telemetry.instance.resource,
            )
        )


def server_of(engine: Engine) -> dict[str, str | int]:
    """
    The attributes that are the same for every statement: which system, which database, where. No credentials.
    """
    url = engine.url
    system = _SYSTEMS.get(engine.dialect.name, "other_sql")
    found: dict[str, str | int] = {"db.system.name": system}
    if system != "sqlite":
        if url.database:
            found["db.namespace"] = url.database
        if url.host:
            found["server.address"] = url.host
            port = url.port or _PORTS.get(engine.dialect.name)
            if port:
                found["server.port"] = port
    return found


def _why(error: BaseException) -> dict[str, str | int]:
    """
    The class and the database's own code, never the message: it may quote a row.
    """
    code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    why: dict[str, str | int] = {"error.type": type_name(error)}
    return why | {"db.response.status_code": str(code)} if code else why


def _pool(engine: Engine, telemetry: Telemetry) -> None:
    """
    Counted by the pool's events. Who is in use is remembered, because the events of a connection that breaks do not
    come in pairs.
    """
    count, most = telemetry.gauge("db_client_connection_count"), telemetry.gauge("db_client_connection_max")
    idle, used = count.labels("idle"), count.labels("used")
    in_use: WeakSet[ConnectionPoolEntry] = WeakSet()

    def opened(_connection: object, _entry: ConnectionPoolEntry) -> None:
        idle.inc()
        pool = engine.pool
        if isinstance(pool, QueuePool) and pool._max_overflow >= 0:
            most.set(pool.size() + pool._max_overflow)

    def taken(_connection: object, entry: ConnectionPoolEntry, _proxy: object) -> None:
        in_use.add(entry)
        idle.dec()
        used.inc()

    def given_back(_connection: object, entry: ConnectionPoolEntry) -> None:
        if entry in in_use:
            in_use.discard(entry)
            used.dec()
            idle.inc()

    def closed(_connection: object, entry: ConnectionPoolEntry) -> None:
        (used if entry in in_use else idle).dec()
        in_use.discard(entry)

    listeners: dict[str, Callable[..., None]] = {
        "connect": opened, "checkout": taken, "checkin": given_back, "close": closed, "detach": closed
    }
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    _count_timeouts(engine, telemetry)


def _count_timeouts(engine: Engine, telemetry: Telemetry) -> None:
    """
    SQLAlchemy has no event for a wait in vain.
    """
    timeouts = telemetry.counter("db_client_connection_timeouts_total")
    connect = engine.raw_connection

    def counted() -> PoolProxiedConnection:
        try:
            return connect()
        except PoolTimeoutError:
            timeouts.inc()
            raise

    engine.raw_connection = counted  # type: ignore[method-assign]
