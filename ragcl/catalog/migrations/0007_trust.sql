-- Whether what stands in an ingested folder may be learned.

ALTER TABLE roots ADD COLUMN trusted BOOLEAN NOT NULL DEFAULT 1;
