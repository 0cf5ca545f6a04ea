-- A full-text index over the chunks, kept true by triggers inside the very transaction that changes
-- them. It holds no text of its own: FTS5 reads that through the view. `searchable` is the function
-- of ragcl/catalog/full_text.py, known to every connection that the catalog opens.

CREATE VIEW searchable_chunks AS
    SELECT id, searchable(heading) AS heading, searchable(text) AS text FROM chunks;

CREATE VIRTUAL TABLE full_text USING fts5 (
    heading,
    text,
    content = 'searchable_chunks',
    content_rowid = 'id',
    tokenize = "porter unicode61 remove_diacritics 2"
);

CREATE TRIGGER full_text_insert AFTER INSERT ON chunks BEGIN
    INSERT INTO full_text (rowid, heading, text)
    VALUES (new.id, searchable(new.heading), searchable(new.text)); END;

CREATE TRIGGER full_text_delete AFTER DELETE ON chunks BEGIN
    INSERT INTO full_text (full_text, rowid, heading, text)
    VALUES ('delete', old.id, searchable(old.heading), searchable(old.text)); END;

INSERT INTO full_text (full_text) VALUES ('rebuild');
