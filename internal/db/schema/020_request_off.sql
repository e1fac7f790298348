-- Who turned a file request off: what an administrator did is theirs to undo.
ALTER TABLE file_request ADD COLUMN off_by BYTEA;
