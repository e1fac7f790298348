-- The servers that run. A key becomes the active one only when each of them has
-- opened it; one that is silent for a while does not count.
CREATE TABLE server (
  id         BYTEA PRIMARY KEY,
  host       TEXT   NOT NULL,
  newest_kek BIGINT NOT NULL,                    -- newest version that it has opened
  active_kek BIGINT NOT NULL,                    -- version that it seals under
  seen_at    BIGINT NOT NULL
);
