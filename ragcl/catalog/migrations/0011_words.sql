-- `searchable` gives other words for the same text: versions behind letters as they are looked for,
-- and marks for acronyms that are spelled like common words. A text may come to be spaced otherwise.

CREATE TRIGGER full_text_update AFTER UPDATE OF heading, text ON chunks BEGIN
    INSERT INTO full_text (full_text, rowid, heading, text)
    VALUES ('delete', old.id, searchable(old.heading), searchable(old.text)); INSERT INTO full_text
    (rowid, heading, text) VALUES (new.id, searchable(new.heading), searchable(new.text)); END;

INSERT INTO full_text (full_text) VALUES ('rebuild');
