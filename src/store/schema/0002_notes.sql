-- What is remembered of others from one run to the next: one small JSON text for each name.
CREATE TABLE note (
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (subject, name)
);
