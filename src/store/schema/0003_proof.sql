-- What became of an object after it was annotated: JSON, null until something was seen of it.
ALTER TABLE work ADD COLUMN proof TEXT;
-- It was annotated, and what becomes of it is still to be seen.
ALTER TABLE work ADD COLUMN is_followed BOOLEAN NOT NULL DEFAULT FALSE;

CREATE INDEX work_that_is_followed ON work (cluster, id) WHERE is_followed;
