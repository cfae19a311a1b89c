CREATE TABLE entry(
    id TEXT NOT NULL PRIMARY KEY,
    item TEXT NOT NULL,
    pieces INTEGER NOT NULL,
    note TEXT
);
