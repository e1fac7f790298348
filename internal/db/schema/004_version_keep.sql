-- A version that somebody wants to stay, whatever the rule says.
ALTER TABLE version ADD COLUMN keep BOOLEAN NOT NULL DEFAULT FALSE;
