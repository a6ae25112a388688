-- Log documents. A change here needs a new version number in schema/__init__.py.

CREATE TABLE IF NOT EXISTS log_index (
    key  INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE                 -- clew-logs-2026.11.21
) STRICT;

-- What filters read, lifted out of the document; '' where the document does not say.
CREATE TABLE IF NOT EXISTS line (
    key          INTEGER PRIMARY KEY,
    index_key    INTEGER NOT NULL,
    id           TEXT    NOT NULL,            -- the document's _id
    timestamp_ns INTEGER NOT NULL,
    sequence     INTEGER NOT NULL,
    service      TEXT    NOT NULL,
    level        TEXT    NOT NULL,
    trace_id     TEXT,
    event_id     TEXT,                        -- only where it is not the id
    request_id   TEXT,
    order_id     TEXT,
    user_id      TEXT,
    text         TEXT    NOT NULL,            -- message and error, folded to one case; searched from the newest backwards
    document     TEXT    NOT NULL,            -- JSON
    UNIQUE (id, index_key)
) STRICT;

-- Newest first, and everything that the usual filters and the histogram need, without a look into the table.
CREATE INDEX IF NOT EXISTS line_newest ON line (timestamp_ns, sequence, level, service, index_key);

CREATE INDEX IF NOT EXISTS line_trace   ON line (trace_id, timestamp_ns, sequence) WHERE trace_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS line_event   ON line (event_id)   WHERE event_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS line_request ON line (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS line_order   ON line (order_id)   WHERE order_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS line_user    ON line (user_id)    WHERE user_id IS NOT NULL;

-- The ledger: what was ever stored, deleted or not.
CREATE TABLE IF NOT EXISTS account (
    service   TEXT    NOT NULL,
    instance  TEXT    NOT NULL,
    stored    INTEGER NOT NULL,
    newest_ns INTEGER NOT NULL,
    PRIMARY KEY (service, instance)
) STRICT, WITHOUT ROWID;
