-- The code that was mailed last to somebody whom a link was made for.
CREATE TABLE link_code (
  recipient_id BYTEA  PRIMARY KEY REFERENCES link_recipient (id) ON DELETE CASCADE,
  mac          BYTEA  NOT NULL,                  -- of the six digits
  kek_ver      BIGINT NOT NULL,
  until        BIGINT NOT NULL,
  tries        BIGINT NOT NULL,
  sent_at      BIGINT NOT NULL
);

-- The end that the maker of a link was told of in time.
ALTER TABLE link ADD COLUMN end_told BIGINT NOT NULL DEFAULT 0;
CREATE INDEX link_ends ON link (ends_at) WHERE off_at IS NULL AND ends_at IS NOT NULL;

CREATE INDEX visit_recipient ON visit (recipient_id) WHERE recipient_id IS NOT NULL;
