-- What a person wants to have at hand.
CREATE TABLE pin (
  user_id   BYTEA  NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
  node_id   BYTEA  NOT NULL REFERENCES node (id) ON DELETE CASCADE,
  pinned_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, node_id)
);
CREATE INDEX pin_node ON pin (node_id);
