-- Versions and dates are words of their own since: `searchable` gives other words for the same text.
INSERT INTO full_text (full_text) VALUES ('rebuild');
