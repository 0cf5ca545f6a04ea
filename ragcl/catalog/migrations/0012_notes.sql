-- What a reader left out of a file, a line each. Of files that were read before it is not known.

ALTER TABLE documents ADD COLUMN notes JSON NOT NULL DEFAULT '[]';
