-- `searchable` gives other words for the same text: full-width letters and the digits of any script as
-- those of ASCII.

INSERT INTO full_text (full_text) VALUES ('rebuild');
