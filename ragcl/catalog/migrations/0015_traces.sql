-- How an answer came to be stands in columns, and what it retrieved in one place.

ALTER TABLE asks ADD COLUMN asked VARCHAR;

ALTER TABLE asks ADD COLUMN reason VARCHAR NOT NULL DEFAULT '';

ALTER TABLE asks ADD COLUMN tried VARCHAR;

ALTER TABLE asks ADD COLUMN adapter VARCHAR;

ALTER TABLE asks ADD COLUMN adapter_set INTEGER;

ALTER TABLE asks ADD COLUMN features JSON;

ALTER TABLE asks ADD COLUMN form VARCHAR NOT NULL DEFAULT 'phrase';

ALTER TABLE asks ADD COLUMN forms JSON NOT NULL DEFAULT '{}';

ALTER TABLE asks ADD COLUMN prompt_tokens INTEGER;

ALTER TABLE asks ADD COLUMN chosen JSON;

ALTER TABLE asks ADD COLUMN forgotten BOOLEAN NOT NULL DEFAULT 0;

UPDATE asks SET
    asked = json_extract(trace, '$.asked'),
    reason = coalesce(json_extract(trace, '$.reason'), ''),
    tried = json_extract(trace, '$.tried'),
    adapter = json_extract(trace, '$.adapter'),
    adapter_set = json_extract(trace, '$.adapter_set'),
    features = json_extract(trace, '$.features'),
    form = coalesce(json_extract(trace, '$.form'), 'phrase'),
    forms = coalesce(json_extract(trace, '$.forms'), '{}'),
    prompt_tokens = json_extract(trace, '$.prompt_tokens'),
    chosen = json_extract(trace, '$.chosen'),
    forgotten = coalesce(json_extract(trace, '$.forgotten'), 0);

CREATE TABLE logged (
    ask_id INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    support INTEGER,
    content_hash VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    score FLOAT NOT NULL,
    lexical FLOAT NOT NULL,
    fused FLOAT NOT NULL,
    root VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    heading VARCHAR NOT NULL,
    first_line INTEGER,
    last_line INTEGER,
    page INTEGER,
    elsewhere JSON NOT NULL,
    supersedes JSON NOT NULL,
    flags JSON NOT NULL,
    PRIMARY KEY (ask_id, rank),
    FOREIGN KEY(ask_id) REFERENCES asks (id) ON DELETE CASCADE
);

INSERT INTO logged SELECT
    hit.ask_id,
    hit.rank,
    (SELECT one.key FROM json_each(asks.trace, '$.support') AS one
     WHERE one.value = hit.content_hash),
    hit.content_hash,
    coalesce(json_extract(citation, '$.text'), ''),
    hit.score,
    coalesce(json_extract(trace, '$.hits[' || hit.rank || '].lexical'), 0),
    coalesce(json_extract(trace, '$.hits[' || hit.rank || '].fused'), 0),
    coalesce(json_extract(citation, '$.root'), ''),
    coalesce(json_extract(citation, '$.source'), ''),
    coalesce(json_extract(citation, '$.heading'), ''),
    json_extract(citation, '$.lines[0]'),
    json_extract(citation, '$.lines[1]'),
    json_extract(citation, '$.page'),
    coalesce(json_extract(citation, '$.elsewhere'), '[]'),
    coalesce(json_extract(citation, '$.supersedes'), '[]'),
    coalesce(json_extract(citation, '$.flags'), '[]')
FROM ask_hits AS hit JOIN asks ON asks.id = hit.ask_id;

DROP TABLE ask_hits;

ALTER TABLE logged RENAME TO ask_hits;

CREATE INDEX ix_ask_hits_content_hash ON ask_hits (content_hash);

ALTER TABLE asks DROP COLUMN trace;
