-- Keys that rotate. A key that is no longer active opens what was sealed under
-- it; since when that is so bounds how long work that began before may last.
ALTER TABLE keyring ADD COLUMN inactive_since BIGINT;
ALTER TABLE space_key ADD COLUMN inactive_since BIGINT;

-- The newest rotation of each kind, for people who watch it and for servers that
-- end what was cut off. The work itself follows from the keys: this is its story.
CREATE TABLE rotation (
  what       TEXT   PRIMARY KEY,                 -- kek, spaces
  target     BIGINT NOT NULL,                    -- version that becomes the only one; 0 with spaces
  total      BIGINT NOT NULL,                    -- records that were to be sealed again
  done       BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at   BIGINT                              -- NULL = goes on
);
CREATE INDEX space_key_kek ON space_key (kek_ver);
CREATE INDEX user_account_kek ON user_account (kek_ver);
CREATE INDEX version_key ON version (space_id, sk_ver);
