-- The scrub: all contents are read and authenticated, again and again. Exactly
-- one row, from the first run on.
CREATE TABLE scrub (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  after_id   BYTEA   NOT NULL,                   -- version that was looked at last; 16 zero bytes: from the start
  started_at BIGINT  NOT NULL,                   -- of the pass that runs, or ran last
  ended_at   BIGINT,                             -- end of the last whole pass
  versions   BIGINT  NOT NULL,                   -- looked at in this pass
  bytes      BIGINT  NOT NULL
);

-- What it found, until the content is whole again or gone.
CREATE TABLE damage (
  version_id BYTEA  PRIMARY KEY REFERENCES version (id) ON DELETE CASCADE,
  kind       TEXT   NOT NULL,                    -- as the problems of a check: lost_blob, damaged_data, ...
  detail     TEXT   NOT NULL,
  found_at   BIGINT NOT NULL
);
