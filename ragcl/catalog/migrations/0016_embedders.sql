-- An adapter belongs to the embedder of its proofs, and the log has no vectors: its questions are
-- embedded when they are needed. The vectors of the next embedder wait until they are whole.

ALTER TABLE adapters ADD COLUMN embedder JSON;

UPDATE adapters SET embedder = (SELECT value FROM state WHERE key = 'embedder');

ALTER TABLE asks DROP COLUMN vector;

CREATE TABLE next_vectors (
    chunk_id INTEGER NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (chunk_id),
    FOREIGN KEY(chunk_id) REFERENCES chunks (id) ON DELETE CASCADE
);
