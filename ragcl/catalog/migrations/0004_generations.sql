-- Every generation that the catalog has been at, so that an index of another history is recognised:
-- of the same catalog as it went on after the copy was taken that has been put in its place.

CREATE TABLE generations (
    generation INTEGER NOT NULL,
    PRIMARY KEY (generation)
);

INSERT INTO generations (generation)
    SELECT CAST(value AS INTEGER) FROM state WHERE "key" = 'generation';
