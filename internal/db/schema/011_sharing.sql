-- Who else may open what. Grants only add and only flow down: the strongest on
-- the way from the root to a node counts.

-- Groups of people. The word "group" is the language's own.
CREATE TABLE identity_group (
  id         BYTEA  PRIMARY KEY,
  name       TEXT   NOT NULL,
  name_key   BYTEA  NOT NULL UNIQUE,             -- folded
  created_by BYTEA,                              -- may look after it, beside the administrators
  created_at BIGINT NOT NULL
);

CREATE TABLE group_member (
  group_id BYTEA  NOT NULL REFERENCES identity_group (id) ON DELETE CASCADE,
  user_id  BYTEA  NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
  added_at BIGINT NOT NULL,
  PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_member_user ON group_member (user_id, group_id);

CREATE TABLE grants (
  id       BYTEA  PRIMARY KEY,
  node_id  BYTEA  NOT NULL REFERENCES node (id) ON DELETE CASCADE,
  user_id  BYTEA  REFERENCES user_account (id) ON DELETE CASCADE,
  group_id BYTEA  REFERENCES identity_group (id) ON DELETE CASCADE,
  role     TEXT   NOT NULL,                      -- view, edit, manage; owner on the root of a team space
  until    BIGINT,                               -- NULL = without an end
  given_by BYTEA,
  given_at BIGINT NOT NULL,
  CHECK ((user_id IS NULL) <> (group_id IS NULL))
);
CREATE INDEX grants_node ON grants (node_id);
CREATE UNIQUE INDEX grants_user ON grants (user_id, node_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX grants_group ON grants (group_id, node_id) WHERE group_id IS NOT NULL;

-- What somebody left that a group still gives: it is not listed for them.
CREATE TABLE share_left (
  user_id BYTEA  NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
  node_id BYTEA  NOT NULL REFERENCES node (id) ON DELETE CASCADE,
  left_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, node_id)
);
CREATE INDEX share_left_node ON share_left (node_id);

-- Team spaces: owned by those who have the role owner on the root.
ALTER TABLE space ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE space ADD COLUMN given_up_at BIGINT;     -- a job removes it; so it does where a personal space has no owner
