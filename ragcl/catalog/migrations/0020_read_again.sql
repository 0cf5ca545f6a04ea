-- Tables of web pages, signs of DOCX, negative numbers of XLSX, years in PDF and tables of messages are
-- read that were not: what was read before is read again by the next ingest, as if its size had changed.

UPDATE documents SET size = -1, sha256 = ''
WHERE media_type IN (
  'text/html', 'application/pdf', 'application/epub+zip', 'application/mbox', 'message/rfc822',
  'application/vnd.ms-outlook', 'multipart/related',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
);
