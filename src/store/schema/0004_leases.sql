-- Who of several replicas does what. Times are microseconds since 1970 by the database's clock, the only one that all
-- of them share. SQLite has one process, which does everything: there both stay empty.
CREATE TABLE lease (
    name TEXT NOT NULL PRIMARY KEY,
    -- Empty where it was given back.
    holder TEXT NOT NULL,
    -- Another one each time that it is taken.
    epoch BIGINT NOT NULL,
    until BIGINT NOT NULL,
    -- Who writes under a lease locks it as one does that refers to it: of those who change it, only who takes it, and so
    -- changes what is unique here, has to wait.
    UNIQUE (name, epoch)
);

CREATE TABLE replica (
    id TEXT NOT NULL PRIMARY KEY,
    -- The leases that it may take, one a line: those who may take the same share them.
    knows TEXT NOT NULL,
    seen_at BIGINT NOT NULL
);
