-- What a file says of itself: a list of values by key, all in lower case. Files that may have some and
-- were read before are read again by the next ingest, as if their size had changed.

ALTER TABLE documents ADD COLUMN metadata JSON NOT NULL DEFAULT '{}';

UPDATE documents SET size = -1, sha256 = ''
WHERE media_type IN ('text/markdown', 'text/html', 'message/rfc822')
OR media_type LIKE 'application/vnd.openxmlformats-officedocument.%';
