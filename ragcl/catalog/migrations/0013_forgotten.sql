-- What was forgotten lately, by digest, for answers and rounds that were under way. Of what a round
-- selected, digests of the questions are kept and no longer their words.

CREATE TABLE forgotten (
    digest VARCHAR NOT NULL,
    forgotten_at FLOAT NOT NULL,
    PRIMARY KEY (digest)
);

UPDATE rounds SET selection = '{}';
