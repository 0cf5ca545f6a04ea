-- What an adapter was taught to answer to a learned question, so that an answer from the weights can
-- be held against it. Adapters from before have none and answer nothing until they are rebuilt.

ALTER TABLE adapter_questions ADD COLUMN answer VARCHAR NOT NULL DEFAULT '';
