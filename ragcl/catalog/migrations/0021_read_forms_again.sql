-- Two columns of labels and values are read as such: the tables that were read as if their first fact were
-- a header are read again by the next ingest.

UPDATE documents SET size = -1, sha256 = ''
WHERE media_type IN (
  'text/csv', 'text/tab-separated-values', 'application/vnd.ms-excel',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
);
