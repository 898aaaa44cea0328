-- Read by SQLite and PostgreSQL alike. JSON is kept as text: it is read whole or not at all.

-- One row. Whoever writes takes it first, so that writers go one after the other and numbers are given in the
-- order in which they are committed: a reader that goes on after a number misses nothing.
CREATE TABLE head (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    last_delivery BIGINT NOT NULL,
    last_work BIGINT NOT NULL,
    -- How many deliveries are accepted or working.
    unfinished BIGINT NOT NULL,
    -- RFC 3339; null until somebody listens for the first time.
    beat_at TEXT
);

INSERT INTO head (id, last_delivery, last_work, unfinished, beat_at) VALUES (1, 0, 0, 0, NULL);

-- How many there are, so that nobody has to count: deliveries by state, open work by cluster.
CREATE TABLE tally (
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (subject, name)
);

CREATE TABLE delivery (
    id BIGINT NOT NULL PRIMARY KEY,
    webhook TEXT NOT NULL,
    guid TEXT NOT NULL,
    -- `owner/name` in small letters.
    repository TEXT,
    -- The name of its state.
    phase TEXT NOT NULL,
    state TEXT NOT NULL,
    content TEXT NOT NULL,
    -- How much of its work is not over.
    open_work BIGINT NOT NULL,
    -- Microseconds since 1970; null while it is not over.
    ended_at BIGINT
);

CREATE UNIQUE INDEX delivery_by_key ON delivery (guid, webhook);
CREATE INDEX delivery_by_phase ON delivery (phase, id);
CREATE INDEX delivery_by_repository ON delivery (repository, id) WHERE repository IS NOT NULL;
CREATE INDEX delivery_by_end ON delivery (ended_at, id) WHERE ended_at IS NOT NULL;

CREATE TABLE work (
    id BIGINT NOT NULL PRIMARY KEY,
    delivery BIGINT NOT NULL REFERENCES delivery (id),
    cluster TEXT NOT NULL,
    -- All three are null where the cluster was not listed yet.
    kind TEXT,
    namespace TEXT,
    name TEXT,
    state TEXT NOT NULL,
    is_over BOOLEAN NOT NULL
);

CREATE INDEX work_by_delivery ON work (delivery, id);
CREATE INDEX work_that_is_open ON work (cluster, id) WHERE NOT is_over;
