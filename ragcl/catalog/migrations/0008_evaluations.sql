-- What evaluations came to, so that rounds can be compared on the same questions. No question is kept.

CREATE TABLE evaluations (
    id INTEGER NOT NULL,
    evaluated_at FLOAT NOT NULL,
    file VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    mode VARCHAR NOT NULL,
    adapter_set INTEGER,
    round_id INTEGER,
    questions INTEGER NOT NULL,
    accuracy FLOAT NOT NULL,
    exact_match FLOAT NOT NULL,
    f1 FLOAT NOT NULL,
    abstained FLOAT NOT NULL,
    from_weights FLOAT NOT NULL,
    mean_prompt_tokens FLOAT NOT NULL,
    seconds FLOAT NOT NULL,
    PRIMARY KEY (id)
);
