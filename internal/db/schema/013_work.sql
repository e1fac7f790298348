-- Batches that take longer than an answer may: done by a job, step by step, with
-- what is made hidden until the end. Each step moves the row on in its own
-- transaction, so that the work goes on where a server has died.
CREATE TABLE work (
  id         BYTEA  PRIMARY KEY,
  user_id    BYTEA  NOT NULL REFERENCES user_account (id) ON DELETE CASCADE, -- who started it, and alone may see it
  address    TEXT   NOT NULL,                    -- of the request that started it, for events
  request    TEXT   NOT NULL,
  op         TEXT   NOT NULL,                    -- copy
  node_ids   BYTEA  NOT NULL,                    -- what is copied: 16 bytes each, in order
  to_id      BYTEA  NOT NULL,                    -- folder
  if_exists  TEXT   NOT NULL,
  space_id   BYTEA  NOT NULL,                    -- of the folder: has the reserved bytes
  reserved   BIGINT NOT NULL,                    -- bytes that are still to be taken
  state      TEXT   NOT NULL,                    -- waiting, running, done, failed, cancelled
  done       BIGINT NOT NULL,                    -- nodes
  total      BIGINT NOT NULL,                    -- nodes, as counted at the start
  item       BIGINT NOT NULL,                    -- which of node_ids it is at
  root_id    BYTEA,                              -- the hidden copy of that one, once begun
  nodes      BIGINT NOT NULL,                    -- made below it
  path       BYTEA  NOT NULL,                    -- where it goes on: see files.copying
  results    TEXT   NOT NULL,                    -- JSON, one for each item that is over
  created_at BIGINT NOT NULL,
  ended_at   BIGINT
);
CREATE INDEX work_user ON work (user_id, created_at);
CREATE INDEX work_space ON work (space_id);
