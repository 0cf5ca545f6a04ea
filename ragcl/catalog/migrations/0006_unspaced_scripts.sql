-- `searchable` makes pairs of Thai, Lao, Burmese and Khmer too.

INSERT INTO full_text (full_text) VALUES ('rebuild');
