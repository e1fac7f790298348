-- Addresses at which people without an account put files into a folder.
CREATE TABLE file_request (
  id              BYTEA    PRIMARY KEY,
  space_id        BYTEA    NOT NULL,
  node_id         BYTEA    NOT NULL REFERENCES node (id) ON DELETE CASCADE,
  made_by         BYTEA    NOT NULL,             -- a person, who may be gone: then it takes nothing
  title           TEXT     NOT NULL,
  note            TEXT     NOT NULL,
  token_hash      BYTEA    NOT NULL UNIQUE,
  token_sealed    BYTEA    NOT NULL,             -- to show the address again
  sk_ver          BIGINT   NOT NULL,
  password_sealed BYTEA,
  kek_ver         BIGINT,
  version         BIGINT   NOT NULL,             -- raised with the password
  ends_at         BIGINT,                        -- NULL = never
  off_at          BIGINT,
  max_files       BIGINT,                        -- in all
  max_bytes       BIGINT,                        -- of one file
  types           TEXT     NOT NULL,             -- space separated; '' = all
  ask_email       SMALLINT NOT NULL,
  subfolders      SMALLINT NOT NULL,
  notify          SMALLINT NOT NULL,
  files           BIGINT   NOT NULL,             -- received
  bytes           BIGINT   NOT NULL,
  last_at         BIGINT,
  created_at      BIGINT   NOT NULL
);
CREATE INDEX file_request_node ON file_request (node_id);
CREATE INDEX file_request_maker ON file_request (made_by, created_at);

-- What one sender sent in one go. Closed, it has told everybody.
CREATE TABLE delivery (
  id         BYTEA  PRIMARY KEY,
  request_id BYTEA  NOT NULL REFERENCES file_request (id) ON DELETE CASCADE,
  name       TEXT   NOT NULL,                    -- as the sender typed it
  name_key   BYTEA  NOT NULL,
  email      TEXT   NOT NULL,                    -- '' = none was asked for
  receipt_to TEXT   NOT NULL,                    -- address that gets a receipt; '' = nobody yet
  folder_id  BYTEA,                              -- of the sender
  files      BIGINT NOT NULL,
  bytes      BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  last_at    BIGINT NOT NULL,
  closed_at  BIGINT
);
CREATE INDEX delivery_sender ON delivery (request_id, name_key, email);
CREATE INDEX delivery_open ON delivery (last_at) WHERE closed_at IS NULL;

ALTER TABLE upload ADD COLUMN delivery_id BYTEA;     -- of what comes by a request
CREATE INDEX upload_delivery ON upload (delivery_id) WHERE delivery_id IS NOT NULL;

-- Browsers that typed the password of a request.
ALTER TABLE visit ADD COLUMN request_id BYTEA REFERENCES file_request (id) ON DELETE CASCADE;
CREATE INDEX visit_request ON visit (request_id) WHERE request_id IS NOT NULL;
