-- `searchable` gives other words for the same text: pairs of Thai, Lao, Burmese and Khmer too, and
-- versions and dates as words of their own.

INSERT INTO full_text (full_text) VALUES ('rebuild');
