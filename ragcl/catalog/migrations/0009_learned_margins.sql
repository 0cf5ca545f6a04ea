-- How decisive the retrieval of a learned question was. Of those learned before it is not known: no
-- lead in cosine is as large as this.

ALTER TABLE adapter_questions ADD COLUMN margin FLOAT NOT NULL DEFAULT 2;
