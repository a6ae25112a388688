"""
The names we emit: events, metrics and span attributes. A name that is not here is a bug; a change here is breaking.

Sources: ECS 9 for log fields, Prometheus' naming rules and prometheus-flask-exporter for metrics, OpenTelemetry's
semantic conventions 1.x (HTTP, stable) for span attributes. `docs/reference/vocabulary.md` is generated from this.
"""

from __future__ import annotations

from dataclasses import dataclass

EVENTS: dict[str, str] = {
    "request.finished": "The one access line of a request, written when its response body was closed.",
    "request.crashed": "An exception reached Flask or the server; the stack trace is here and nowhere else.",
    "service.started": "A worker process began to take requests.",
    "service.stopped": "A worker process ended on request.",
    "thread.crashed": "An uncaught exception ended a thread.",
    "process.crashed": "An uncaught exception ended the process.",
    "warning.raised": "Python's warnings module said something.",
    "telemetry.failed": "Telemetry could not be delivered or kept; said once per outage.",
    "telemetry.recovered": "It is delivered again; the line counts what was lost meanwhile.",
    "user.registered": "A user was created.",
    "user.refused": "A registration was refused: malformed, or the name is taken.",
    "session.opened": "A user logged in.",
    "session.refused": "A login was refused.",
    "order.placed": "An order was stored.",
    "order.replayed": "An order that was placed before was asked for again under its Idempotency-Key.",
    "order.cancelled": "A placed order was cancelled.",
    "order.refused": "An order was refused: malformed, its key was used for another one, or the user does not exist.",
    "order.shown": "An order was shown with its user.",
    "order.degraded": "An order was shown without its user, because the user service did not answer.",
    "breaker.opened": "A peer failed several times in a row and is not asked for a while.",
    "breaker.closed": "A peer that was left alone is asked again.",
    "peer.failed": "A call to another service failed or timed out.",
    "fault.injected": "A request was made slow or failed on purpose: an exercise.",
    "faults.changed": "The faults of this service are others than before: somebody changed FAULTS_FILE.",
    "faults.refused": "FAULTS_FILE has a mistake; the faults that were on before stay.",
    "dependency.failed": "Something a service needs (its database, a peer) is not ready.",
}
"""Event (``event.action``), dotted and in the past tense, and its meaning."""

DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds; +Inf is added."""

STATEMENT_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
"""What OpenTelemetry advises for ``db.client.operation.duration``."""


@dataclass(frozen=True, slots=True)
class Metric:
    """
    *kind* is counter, gauge or histogram; a counter's *name* ends in ``_total``. *merge* says how workers' gauges add up.
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    merge: str = "sum"


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("flask_http_request_duration_seconds", "histogram", "Flask HTTP request duration in seconds", ("method", "url_rule", "status"), DURATION_BUCKETS),
        Metric("flask_http_request_total", "counter", "Total number of HTTP requests", ("method", "status")),
        Metric("flask_http_request_exceptions_total", "counter", "Total number of HTTP requests which resulted in an exception", ("method", "status")),
        Metric("http_client_request_duration_seconds", "histogram", "Time until a peer's answer was complete, or the call failed", ("peer", "method", "status"), DURATION_BUCKETS),
        Metric("circuit_breaker_open", "gauge", "1 while a peer that failed several times in a row is left alone, in any worker", ("peer",), merge="max"),
        Metric("db_client_operation_duration_seconds", "histogram", "Time until the database had executed a statement, or refused it", ("operation",), STATEMENT_BUCKETS),
        Metric("db_client_connection_count", "gauge", "Open database connections by state: idle or used", ("state",)),
        Metric("db_client_connection_max", "gauge", "Database connections that may be open at once"),
        Metric("db_client_connection_timeouts_total", "counter", "Requests for a database connection that waited for one in vain"),
        Metric("telemetry_emitted_total", "counter", "Log lines and spans that were made", ("signal",)),
        Metric("telemetry_dropped_total", "counter", "Log lines, spans and metric updates that were given up", ("signal", "reason")),
        Metric("telemetry_queue_length", "gauge", "Log lines and spans that wait to be written or sent", ("signal",)),
        Metric("telemetry_instance_emitted_total", "counter", "telemetry_emitted_total of one worker process", ("signal", "service_instance_id")),
        Metric("telemetry_instance_dropped_total", "counter", "telemetry_dropped_total of one worker process", ("signal", "service_instance_id")),
        Metric("log_lines_total", "counter", "Log lines by level", ("level",)),
        Metric("log_bytes_deleted_total", "counter", "Bytes of log files that were deleted to keep the disk bounded, shipped or not"),
        Metric("orders_total", "counter", "Orders by outcome: placed, replayed (asked for again under its key), cancelled or refused", ("outcome",)),
        Metric("users_registered_total", "counter", "Users that were created"),
        Metric("logins_total", "counter", "Logins by outcome: success or failure", ("outcome",)),
    )
}

ATTRIBUTES: dict[str, str] = {
    "http.request.method": "Known methods as they are, others _OTHER (the original is in http.request.method_original).",
    "http.request.method_original": "The method as it was sent, when it is not a known one.",
    "http.response.status_code": "The status on the wire.",
    "http.route": "The URL rule that matched, for example /api/orders/<order_id>.",
    "http.response.body.size": "Bytes of the body.",
    "url.path": "The path, redacted.",
    "url.query": "The query string, redacted; left out when empty.",
    "url.scheme": "http or https.",
    "url.full": "A client span's URL, without user info, redacted.",
    "server.address": "Host that was asked.",
    "server.port": "Port that was asked.",
    "client.address": "Who asked.",
    "user_agent.original": "The User-Agent header, redacted.",
    "network.protocol.version": "1.0 or 1.1.",
    "error.type": "Exception class, or the status code as text.",
    "peer.service": "The service a client span calls.",
    "db.system.name": "sqlite, postgresql, mysql, mariadb, oracle.db, microsoft.sql_server or other_sql.",
    "db.namespace": "The database's name, where there is a server.",
    "db.operation.name": "The statement's keyword: SELECT, INSERT, and so on; else _OTHER.",
    "db.collection.name": "The table, when the statement names one only.",
    "db.query.summary": "Keywords and tables, for example SELECT orders: the span's name.",
    "db.query.text": "The statement's shape: a placeholder or ? for every value.",
    "db.response.status_code": "The database's code of a failure: SQLSTATE, or SQLite's name.",
    "clew.request_id": "The request's X-Request-Id.",
    "clew.truncated": "true: the body broke off after its first byte, or the client went away.",
    "clew.fault": "true: this request was made slow or failed on purpose.",
    "exception.type": "On exception events.",
    "exception.message": "On exception events, redacted.",
    "exception.stacktrace": "On exception events, redacted.",
}
"""Attributes that our own spans and their events carry."""
