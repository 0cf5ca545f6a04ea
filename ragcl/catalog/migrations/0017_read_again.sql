-- Attachments of messages are read, less of the front matter of Markdown, and YAML with all lines of a
-- record: what was read before is read again by the next ingest, as if its size had changed.

UPDATE documents SET size = -1, sha256 = ''
WHERE media_type IN ('message/rfc822', 'application/vnd.ms-outlook', 'text/markdown', 'application/yaml');
