-- The first schema. Frozen: a change of the schema is a new step.

CREATE TABLE adapter_questions (
    id INTEGER NOT NULL,
    adapter_id VARCHAR NOT NULL,
    content_hash VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    vector BLOB NOT NULL,
    proved BOOLEAN NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX ix_adapter_questions_adapter_id ON adapter_questions (adapter_id);

CREATE TABLE asks (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    asked_at FLOAT NOT NULL,
    question VARCHAR NOT NULL,
    vector BLOB NOT NULL,
    mode VARCHAR NOT NULL,
    route VARCHAR NOT NULL,
    answer VARCHAR NOT NULL,
    trace JSON NOT NULL
);

CREATE INDEX ix_asks_asked_at ON asks (asked_at);

CREATE TABLE chunks (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    content_hash VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    heading VARCHAR NOT NULL,
    flags JSON NOT NULL,
    vector BLOB NOT NULL,
    generation INTEGER NOT NULL,
    UNIQUE (content_hash)
);

CREATE INDEX ix_chunks_generation ON chunks (generation);

CREATE TABLE removed_chunks (
    chunk_id INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (chunk_id)
);

CREATE INDEX ix_removed_chunks_generation ON removed_chunks (generation);

CREATE TABLE roots (
    id INTEGER NOT NULL,
    path VARCHAR NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (path)
);

CREATE TABLE rounds (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    started_at FLOAT NOT NULL,
    finished_at FLOAT,
    stage VARCHAR NOT NULL,
    selection JSON NOT NULL,
    report JSON
);

CREATE TABLE state (
    "key" VARCHAR NOT NULL,
    value JSON NOT NULL,
    PRIMARY KEY ("key")
);

CREATE TABLE study_rows (
    id INTEGER NOT NULL,
    content_hash VARCHAR NOT NULL,
    teacher VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    "row" JSON NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (content_hash, teacher, question)
);

CREATE INDEX ix_study_rows_content_hash ON study_rows (content_hash);

CREATE TABLE adapter_sets (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    round_id INTEGER NOT NULL,
    previous_id INTEGER,
    created_at FLOAT NOT NULL,
    FOREIGN KEY(round_id) REFERENCES rounds (id) ON DELETE CASCADE
);

CREATE TABLE adapters (
    id VARCHAR NOT NULL,
    round_id INTEGER NOT NULL,
    created_at FLOAT NOT NULL,
    thresholds JSON NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(round_id) REFERENCES rounds (id) ON DELETE CASCADE
);

CREATE TABLE ask_hits (
    ask_id INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    content_hash VARCHAR NOT NULL,
    score FLOAT NOT NULL,
    citation JSON NOT NULL,
    PRIMARY KEY (ask_id, rank),
    FOREIGN KEY(ask_id) REFERENCES asks (id) ON DELETE CASCADE
);

CREATE INDEX ix_ask_hits_content_hash ON ask_hits (content_hash);

CREATE TABLE documents (
    id INTEGER NOT NULL,
    root_id INTEGER NOT NULL,
    path VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    media_type VARCHAR NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    sha256 VARCHAR NOT NULL,
    checked_ns INTEGER NOT NULL,
    ingested_at FLOAT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (root_id, path),
    FOREIGN KEY(root_id) REFERENCES roots (id) ON DELETE CASCADE
);

CREATE TABLE failures (
    root_id INTEGER NOT NULL,
    path VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    failed_at FLOAT NOT NULL,
    PRIMARY KEY (root_id, path),
    FOREIGN KEY(root_id) REFERENCES roots (id) ON DELETE CASCADE
);

CREATE TABLE feedback (
    id INTEGER NOT NULL,
    ask_id INTEGER NOT NULL,
    rating INTEGER NOT NULL,
    correction VARCHAR,
    created_at FLOAT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(ask_id) REFERENCES asks (id) ON DELETE CASCADE
);

CREATE INDEX ix_feedback_ask_id ON feedback (ask_id);

CREATE TABLE adapter_chunks (
    adapter_id VARCHAR NOT NULL,
    content_hash VARCHAR NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (adapter_id, content_hash),
    FOREIGN KEY(adapter_id) REFERENCES adapters (id) ON DELETE CASCADE
);

CREATE INDEX adapter_chunks_by_hash ON adapter_chunks (content_hash);

CREATE TABLE occurrences (
    document_id INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    chunk_id INTEGER NOT NULL,
    first_line INTEGER,
    last_line INTEGER,
    page INTEGER,
    PRIMARY KEY (document_id, ordinal),
    FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE,
    FOREIGN KEY(chunk_id) REFERENCES chunks (id)
);

CREATE INDEX ix_occurrences_chunk_id ON occurrences (chunk_id);

CREATE TABLE set_members (
    set_id INTEGER NOT NULL,
    adapter_id VARCHAR NOT NULL,
    PRIMARY KEY (set_id, adapter_id),
    FOREIGN KEY(set_id) REFERENCES adapter_sets (id) ON DELETE CASCADE,
    FOREIGN KEY(adapter_id) REFERENCES adapters (id) ON DELETE CASCADE
);

INSERT INTO state (key, value) VALUES ('generation', '0');
