-- One schema for SQLite and PostgreSQL. Written in PostgreSQL's dialect; the one
-- type that differs stands as a word in capitals, which migrate.go replaces. Times
-- are milliseconds since 1970 in UTC, from the server's clock. Ids are 16 raw bytes.
-- Columns named *sealed hold records of package seal, with the version of their
-- key beside them.

-- The installation. Exactly one row.
CREATE TABLE install (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  id         BYTEA   NOT NULL,
  setup_hash BYTEA,                        -- SHA-256 of the newest printed setup code
  created_at BIGINT  NOT NULL
);

CREATE TABLE setting (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- Key-encryption keys, each wrapped by the provider of the master key.
CREATE TABLE keyring (
  kek_ver      BIGINT PRIMARY KEY,
  active       BOOLEAN NOT NULL,
  provider     TEXT    NOT NULL,
  key_ref      TEXT    NOT NULL,
  wrapped      BYTEA   NOT NULL,
  check_sealed BYTEA   NOT NULL,
  created_at   BIGINT  NOT NULL
);
CREATE UNIQUE INDEX keyring_active ON keyring (active) WHERE active;

-- People.
CREATE TABLE user_account (
  id                  BYTEA   PRIMARY KEY,
  email               TEXT    NOT NULL UNIQUE,   -- ASCII lower case
  name                TEXT    NOT NULL,
  role                TEXT    NOT NULL,
  disabled            BOOLEAN NOT NULL,
  password_sealed     BYTEA   NOT NULL,
  kek_ver             BIGINT  NOT NULL REFERENCES keyring (kek_ver),
  theme               TEXT    NOT NULL,
  language            TEXT    NOT NULL,
  created_at          BIGINT  NOT NULL,
  password_changed_at BIGINT  NOT NULL,
  last_seen_at        BIGINT  NOT NULL
);

-- An account that waits for its e-mail address to be confirmed; its id becomes
-- the user's id.
CREATE TABLE signup (
  id              BYTEA  PRIMARY KEY,
  email           TEXT   NOT NULL UNIQUE,
  name            TEXT   NOT NULL,
  password_sealed BYTEA  NOT NULL,
  kek_ver         BIGINT NOT NULL REFERENCES keyring (kek_ver),
  cookie_hash     BYTEA  NOT NULL UNIQUE,        -- of the browser that signed up
  link_hash       BYTEA  NOT NULL UNIQUE,        -- of the token in the mail's button
  code_mac        BYTEA  NOT NULL,               -- of the six digits
  code_kek_ver    BIGINT NOT NULL,
  code_until      BIGINT NOT NULL,
  code_tries      BIGINT NOT NULL,
  address         TEXT   NOT NULL,               -- network it was asked for from
  sent_at         BIGINT NOT NULL,
  created_at      BIGINT NOT NULL,
  expires_at      BIGINT NOT NULL
);

-- Addresses that somebody invited, one row each: a new invitation takes the
-- place of the older. It goes when it is accepted or withdrawn, and some weeks
-- after its end.
CREATE TABLE invitation (
  id         BYTEA  PRIMARY KEY,
  email      TEXT   NOT NULL UNIQUE,             -- ASCII lower case
  role       TEXT   NOT NULL,
  invited_by BYTEA  REFERENCES user_account (id) ON DELETE CASCADE, -- who answers for it; NULL = the server itself
  token_hash BYTEA  NOT NULL UNIQUE,             -- of the token in the mail's button
  created_at BIGINT NOT NULL,
  sent_at    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);

-- Browsers that are signed in.
CREATE TABLE session (
  id           BYTEA  PRIMARY KEY,
  user_id      BYTEA  NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
  token_hash   BYTEA  NOT NULL UNIQUE,
  user_agent   TEXT   NOT NULL,
  address      TEXT   NOT NULL,
  created_at   BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  stepped_up_at BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL                   -- absolute end; the idle end follows from last_seen_at
);
CREATE INDEX session_of_user ON session (user_id);

-- Bearer tokens of programs (kind pat).
CREATE TABLE token (
  id           BYTEA  PRIMARY KEY,
  user_id      BYTEA  NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
  token_hash   BYTEA  NOT NULL UNIQUE,
  name         TEXT   NOT NULL,
  last4        TEXT   NOT NULL,
  scopes       TEXT   NOT NULL,                  -- space separated
  address      TEXT   NOT NULL,
  created_at   BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL
);
CREATE INDEX token_user ON token (user_id);

CREATE TABLE password_reset (
  id         BYTEA  PRIMARY KEY,
  user_id    BYTEA  NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
  token_hash BYTEA  NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX password_reset_user ON password_reset (user_id);

-- Counted tries: one row per counter, e.g. account + address prefix.
CREATE TABLE attempt (
  counter       TEXT   PRIMARY KEY,
  tries         BIGINT NOT NULL,
  window_until  BIGINT NOT NULL,
  blocked_until BIGINT NOT NULL
);

-- From where an account signed in with success: "net 192.0.2.0/24",
-- "browser Firefox on Linux".
CREATE TABLE known_sign_in (
  user_id BYTEA  NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
  mark    TEXT   NOT NULL,
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, mark)
);

-- Mails that wait to be sent. The row goes when the server took the mail.
CREATE TABLE mail (
  id         BYTEA  PRIMARY KEY,
  sealed     BYTEA  NOT NULL,
  kek_ver    BIGINT NOT NULL REFERENCES keyring (kek_ver),
  created_at BIGINT NOT NULL
);

-- Work that is done behind the answers (package jobs). Its only argument is an
-- id. A claim moves run_at to the end of its lease, so that a row is due again
-- when its server died; lease is the proof of who has claimed it last.
CREATE TABLE job (
  id         BYTEA  PRIMARY KEY,
  kind       TEXT   NOT NULL,
  object_id  BYTEA,
  run_at     BIGINT NOT NULL,
  tries      BIGINT NOT NULL,
  lease      BYTEA,                              -- NULL = nobody has it
  error      TEXT   NOT NULL,                    -- of the last try
  created_at BIGINT NOT NULL,
  dead_at    BIGINT                              -- given up; kept for people to see
);
CREATE INDEX job_due ON job (run_at, id) WHERE dead_at IS NULL;

-- Spaces: the unit of ownership and of encryption.
CREATE TABLE space (
  id         BYTEA  PRIMARY KEY,
  kind       TEXT   NOT NULL,                    -- personal
  owner_id   BYTEA  UNIQUE REFERENCES user_account (id) ON DELETE SET NULL, -- NULL = given up: a job removes it
  root_id    BYTEA  NOT NULL,
  seq        BIGINT NOT NULL,                    -- raised first by each change to the tree: serialises them
  used       BIGINT NOT NULL,                    -- bytes of all versions, trash included
  reserved   BIGINT NOT NULL,                    -- bytes of running uploads
  quota      BIGINT,                             -- NULL = no limit
  created_at BIGINT NOT NULL,
  CHECK (used >= 0 AND reserved >= 0)
);

CREATE TABLE space_key (
  space_id   BYTEA   NOT NULL REFERENCES space (id) ON DELETE CASCADE,
  sk_ver     BIGINT  NOT NULL,
  active     BOOLEAN NOT NULL,
  wrap_kind  TEXT    NOT NULL,                   -- kek
  kek_ver    BIGINT  NOT NULL REFERENCES keyring (kek_ver),
  sealed     BYTEA   NOT NULL,
  created_at BIGINT  NOT NULL,
  PRIMARY KEY (space_id, sk_ver)
);
CREATE UNIQUE INDEX space_key_active ON space_key (space_id) WHERE active;

-- Files and folders. A root has no parent and an empty name. Trash marks the top
-- node only: what lies below is gone because an ancestor is. A node in the trash
-- has no parent once that is deleted for ever.
CREATE TABLE node (
  id          BYTEA    PRIMARY KEY,
  space_id    BYTEA    NOT NULL REFERENCES space (id),
  parent_id   BYTEA    REFERENCES node (id),
  kind        SMALLINT NOT NULL,                 -- 0 folder, 1 file: folders sort first
  name        TEXT     NOT NULL,                 -- bytes as sent
  name_key    BYTEA    NOT NULL,                 -- folded, unique among living siblings
  sort_key    BYTEA    NOT NULL,                 -- collation key, numeric
  child_count BIGINT   NOT NULL,                 -- living children of a folder
  size        BIGINT   NOT NULL,                 -- bytes of a file's current version, 0 for folders
  media_type  TEXT     NOT NULL,                 -- of a file's current version, '' for folders
  version_id  BYTEA,                             -- a file's current version
  rev         BIGINT   NOT NULL,                 -- raised by each change of the metadata
  created_by  BYTEA,
  changed_by  BYTEA,
  created_at  BIGINT   NOT NULL,
  changed_at  BIGINT   NOT NULL,
  trashed_at  BIGINT,
  trashed_by  BYTEA,
  doomed_at   BIGINT                             -- deleted for ever: from then on a job removes it and the rows below
);
CREATE UNIQUE INDEX node_name ON node (parent_id, name_key) WHERE trashed_at IS NULL;
CREATE INDEX node_by_name ON node (parent_id, kind, sort_key, id) WHERE trashed_at IS NULL;
CREATE INDEX node_by_changed ON node (parent_id, kind, changed_at, id) WHERE trashed_at IS NULL;
CREATE INDEX node_by_size ON node (parent_id, kind, size, id) WHERE trashed_at IS NULL;
CREATE INDEX node_parent ON node (parent_id, id);
CREATE INDEX node_trash ON node (space_id, trashed_at, id) WHERE trashed_at IS NOT NULL;
CREATE INDEX node_doomed ON node (doomed_at, id) WHERE doomed_at IS NOT NULL;

-- Sealed bytes in the blob store.
CREATE TABLE blob (
  id         BYTEA    PRIMARY KEY,
  state      SMALLINT NOT NULL,                  -- 0 pending, 1 live, 2 dead
  part_log2  SMALLINT NOT NULL,
  size       BIGINT   NOT NULL,                  -- sealed bytes, 0 while pending
  created_at BIGINT   NOT NULL,
  dead_at    BIGINT
);
CREATE INDEX blob_dead ON blob (dead_at, id) WHERE state = 2;

-- The immutable contents that a file has had.
CREATE TABLE version (
  id         BYTEA  PRIMARY KEY,
  node_id    BYTEA  NOT NULL REFERENCES node (id) ON DELETE CASCADE,
  space_id   BYTEA  NOT NULL REFERENCES space (id),
  number     BIGINT NOT NULL,
  blob_id    BYTEA  NOT NULL REFERENCES blob (id),
  size       BIGINT NOT NULL,
  media_type TEXT   NOT NULL,                    -- told by the first bytes, never by the sender
  dek_sealed BYTEA  NOT NULL,
  sk_ver     BIGINT NOT NULL,
  created_by BYTEA,
  created_at BIGINT NOT NULL,
  UNIQUE (node_id, number),
  FOREIGN KEY (space_id, sk_ver) REFERENCES space_key (space_id, sk_ver)
);
CREATE INDEX version_blob ON version (blob_id);

-- Unfinished versions. Collected after expires_at, which moves with each durable byte.
CREATE TABLE upload (
  id         BYTEA  PRIMARY KEY,
  space_id   BYTEA  NOT NULL REFERENCES space (id),
  parent_id  BYTEA  NOT NULL,                    -- folder it goes into
  node_id    BYTEA,                              -- file it becomes a version of, NULL for a new file
  name       TEXT   NOT NULL,
  if_exists  TEXT   NOT NULL,
  blob_id    BYTEA  NOT NULL REFERENCES blob (id),
  dek_sealed BYTEA  NOT NULL,
  sk_ver     BIGINT NOT NULL,
  size       BIGINT,                             -- NULL = unknown
  reserved   BIGINT NOT NULL,
  created_by BYTEA,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  FOREIGN KEY (space_id, sk_ver) REFERENCES space_key (space_id, sk_ver)
);
CREATE INDEX upload_blob ON upload (blob_id);
CREATE INDEX upload_expires ON upload (expires_at);

-- Who did what. Append-only; the one later update sets leaf_index.
CREATE TABLE event (
  num        IDENTITY,
  at         BIGINT NOT NULL,
  actor_kind TEXT   NOT NULL,                    -- user, system
  actor_id   BYTEA,
  action     TEXT   NOT NULL,                    -- noun.verb, e.g. file.uploaded
  space_id   BYTEA,
  node_id    BYTEA,
  target_id  BYTEA,
  record     TEXT   NOT NULL,                    -- JSON with sorted keys, as hashed later
  salt       BYTEA  NOT NULL,
  leaf_index BIGINT
);
CREATE INDEX event_node ON event (node_id, num);
CREATE INDEX event_space ON event (space_id, num);
CREATE INDEX event_actor ON event (actor_id, num);
CREATE INDEX event_opened ON event (target_id, actor_id, at) WHERE action = 'file.opened';
