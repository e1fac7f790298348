-- A row for each transaction that took a right from somebody. Servers look for
-- new ones every second: running transfers decide again then.
CREATE TABLE revocation (
  num IDENTITY,
  at  BIGINT NOT NULL
);
