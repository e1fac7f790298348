-- How much a person's own space may hold. NULL: the default, which is the
-- setting "quota"; -1: no limit.
ALTER TABLE user_account ADD COLUMN quota BIGINT;
