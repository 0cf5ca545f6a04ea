-- A folder that lies in another ingested folder is a part of it, and a file of both is one document:
-- that of the outer folder. Of two documents of one file, the one that was looked at last stays.

ALTER TABLE roots ADD COLUMN part_of INTEGER REFERENCES roots (id);

ALTER TABLE roots ADD COLUMN prefix VARCHAR NOT NULL DEFAULT '';

UPDATE roots SET part_of = (
    SELECT holding.id FROM roots AS holding
    WHERE substr(roots.path, 1, length(rtrim(holding.path, '/')) + 1) = rtrim(holding.path, '/') || '/'
    AND holding.id != roots.id
    ORDER BY length(holding.path) LIMIT 1
);

UPDATE roots SET prefix = (
    SELECT substr(roots.path, length(rtrim(holding.path, '/')) + 2) || '/'
    FROM roots AS holding WHERE holding.id = roots.part_of
) WHERE part_of IS NOT NULL;

CREATE TEMPORARY TABLE twins AS
    SELECT id FROM (
        SELECT
            documents.id AS id,
            row_number() OVER (
                PARTITION BY coalesce(roots.part_of, roots.id), roots.prefix || documents.path
                ORDER BY documents.checked_ns DESC, documents.id DESC
            ) AS place
        FROM documents JOIN roots ON roots.id = documents.root_id
    ) WHERE place > 1;

CREATE TEMPORARY TABLE freed AS
    SELECT DISTINCT chunk_id FROM occurrences WHERE document_id IN (SELECT id FROM twins);

DELETE FROM occurrences WHERE document_id IN (SELECT id FROM twins);

DELETE FROM freed WHERE chunk_id IN (SELECT chunk_id FROM occurrences);

DELETE FROM documents WHERE id IN (SELECT id FROM twins);

DROP TABLE twins;

UPDATE documents SET
    path = (SELECT roots.prefix FROM roots WHERE roots.id = documents.root_id) || path,
    root_id = (SELECT roots.part_of FROM roots WHERE roots.id = documents.root_id)
WHERE root_id IN (SELECT id FROM roots WHERE part_of IS NOT NULL);

DELETE FROM failures WHERE root_id IN (SELECT id FROM roots WHERE part_of IS NOT NULL);

UPDATE state SET value = CAST(value AS INTEGER) + 1 + abs(random() % 2147483648)
WHERE "key" = 'generation' AND EXISTS (SELECT 1 FROM freed);

INSERT OR IGNORE INTO generations (generation)
    SELECT CAST(value AS INTEGER) FROM state WHERE "key" = 'generation';

INSERT INTO removed_chunks (chunk_id, generation)
    SELECT freed.chunk_id, CAST(state.value AS INTEGER) FROM freed, state
    WHERE state."key" = 'generation';

DELETE FROM chunks WHERE id IN (SELECT chunk_id FROM freed);

DROP TABLE freed;
