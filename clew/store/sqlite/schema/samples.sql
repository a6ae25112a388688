-- Samples and exemplars. A change here needs a new version number in schema/__init__.py.

-- AUTOINCREMENT: a key is never used again, so that whoever remembers one cannot mean another series.
CREATE TABLE IF NOT EXISTS series (
    key    INTEGER PRIMARY KEY AUTOINCREMENT,
    name   TEXT NOT NULL,                     -- the label __name__
    labels TEXT NOT NULL UNIQUE               -- sorted pairs, JSON
) STRICT;

CREATE INDEX IF NOT EXISTS series_name ON series (name);

-- SQLite has no NaN: a value that is NULL is one, and *stale* says which.
CREATE TABLE IF NOT EXISTS point (
    series       INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    value        REAL,
    stale        INTEGER NOT NULL,
    PRIMARY KEY (series, timestamp_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS exemplar (
    series       INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    trace_id     TEXT    NOT NULL,
    labels       TEXT    NOT NULL,            -- sorted pairs, JSON
    value        REAL,
    PRIMARY KEY (series, timestamp_ms, trace_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS exemplar_trace ON exemplar (trace_id);
CREATE INDEX IF NOT EXISTS exemplar_time  ON exemplar (timestamp_ms);

CREATE TABLE IF NOT EXISTS family (
    name TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    help TEXT NOT NULL,
    unit TEXT NOT NULL
) STRICT, WITHOUT ROWID;
