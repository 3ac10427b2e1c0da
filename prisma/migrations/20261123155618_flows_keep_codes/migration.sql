-- Which flow a code was drawn for, so that a flow can go on under another token with the same code.
ALTER TABLE flows ADD COLUMN code_flow bytea;
UPDATE flows SET code_flow = token_digest WHERE code_digest IS NOT NULL;
