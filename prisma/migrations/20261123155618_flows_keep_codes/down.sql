-- Their codes open nothing without it.
DELETE FROM flows WHERE code_flow <> token_digest;

ALTER TABLE flows DROP COLUMN code_flow;
