-- `searchable` gives other words for the same text: numbers without the signs that group their
-- digits, and names of things both together and apart, as SUP-1203 and SUP1203.

INSERT INTO full_text (full_text) VALUES ('rebuild');
