-- The object may not have come to what it was woken for, and nothing later was proven of it. It is asked for whatever came
-- since then.
ALTER TABLE work ADD COLUMN is_unapplied BOOLEAN NOT NULL DEFAULT FALSE;

UPDATE work SET is_unapplied = TRUE WHERE kind IS NOT NULL AND (NOT is_over OR is_followed);

CREATE INDEX work_that_is_unapplied ON work (cluster, kind, namespace, name, id) WHERE is_unapplied;
