-- Nodes that a download ticket for a ZIP names: too many for its address.
CREATE TABLE selection (
  id         BYTEA  PRIMARY KEY,
  node_ids   BYTEA  NOT NULL,                    -- 16 bytes each, in order
  expires_at BIGINT NOT NULL                     -- with the ticket
);
