-- `searchable` gives other words for the same text: numbers without the signs that group their
-- digits, and names of things both together and apart, as SUP-1203 and SUP1203.

INSERT INTO full_text (full_text) VALUES ('rebuild');

-- Files of which more is said now, struck-out text no longer read, or records written as lines, are read again by the next
-- ingest, as if their size had changed.
UPDATE documents SET size = -1, sha256 = ''
WHERE media_type IN (
    'text/markdown', 'text/html', 'application/yaml', 'application/vnd.ms-excel'
)
OR media_type LIKE 'application/vnd.openxmlformats-officedocument.%';
