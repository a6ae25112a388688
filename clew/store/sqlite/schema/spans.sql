-- Spans. A change here needs a new version number in schema/__init__.py.

CREATE TABLE IF NOT EXISTS span (
    key         INTEGER PRIMARY KEY,
    trace_id    TEXT    NOT NULL,
    span_id     TEXT    NOT NULL,
    service     TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    start_ns    INTEGER NOT NULL,
    duration_ns INTEGER NOT NULL,
    error       INTEGER NOT NULL,
    content     TEXT    NOT NULL,             -- the whole span, JSON; see clew/store/sqlite/span_content.py
    UNIQUE (span_id, trace_id)
) STRICT;

CREATE INDEX IF NOT EXISTS span_trace  ON span (trace_id, start_ns);
CREATE INDEX IF NOT EXISTS span_newest ON span (start_ns, trace_id, service, duration_ns, error);
CREATE INDEX IF NOT EXISTS span_name   ON span (service, name, start_ns);
CREATE INDEX IF NOT EXISTS span_error  ON span (start_ns) WHERE error = 1;

-- The ledger: what was ever stored, deleted or not.
CREATE TABLE IF NOT EXISTS account (
    service   TEXT    NOT NULL,
    instance  TEXT    NOT NULL,
    stored    INTEGER NOT NULL,
    newest_ns INTEGER NOT NULL,
    PRIMARY KEY (service, instance)
) STRICT, WITHOUT ROWID;
