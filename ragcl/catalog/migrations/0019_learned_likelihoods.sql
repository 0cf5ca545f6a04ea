-- How likely the base model finds the learned answer where it reads its sentence; unknown of adapters
-- that were verified before: they answer only the verified questions themselves until the next round.

ALTER TABLE adapter_questions ADD COLUMN likelihood FLOAT;
