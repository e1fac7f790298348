-- Addresses that open a file or folder without an account.
CREATE TABLE link (
  id              BYTEA   PRIMARY KEY,
  node_id         BYTEA   NOT NULL REFERENCES node (id) ON DELETE CASCADE,
  space_id        BYTEA   NOT NULL,
  token_hash      BYTEA   NOT NULL UNIQUE,         -- of the secret part of the address
  token_sealed    BYTEA   NOT NULL,                -- the same part, to show the address again
  sk_ver          BIGINT  NOT NULL,
  password_sealed BYTEA,                           -- NULL = none is asked for
  kek_ver         BIGINT  REFERENCES keyring (kek_ver),
  name            TEXT    NOT NULL,                -- who it is for
  message         TEXT    NOT NULL,
  may             TEXT    NOT NULL,                -- view, download, upload
  ends_at         BIGINT,                          -- NULL = never
  downloads_max   BIGINT,                          -- NULL = no limit
  taken           BIGINT  NOT NULL,                -- claims that were not given back
  notify          BOOLEAN NOT NULL,
  version         BIGINT  NOT NULL,                -- raised by what ends open visits
  off_at          BIGINT,
  off_by          BYTEA,
  made_by         BYTEA   NOT NULL,                -- stays when the account goes; the link stops then
  made_at         BIGINT  NOT NULL,
  opened          BIGINT  NOT NULL,
  opened_at       BIGINT,
  FOREIGN KEY (space_id, sk_ver) REFERENCES space_key (space_id, sk_ver),
  CHECK (taken >= 0)
);
CREATE INDEX link_node ON link (node_id);
CREATE INDEX link_maker ON link (made_by, made_at, id);
CREATE INDEX link_made ON link (made_at, id);

-- Addresses that a link was made for.
CREATE TABLE link_recipient (
  id       BYTEA  PRIMARY KEY,
  link_id  BYTEA  NOT NULL REFERENCES link (id) ON DELETE CASCADE,
  email    TEXT   NOT NULL,                        -- ASCII lower case
  added_at BIGINT NOT NULL,
  off_at   BIGINT,
  UNIQUE (link_id, email)
);

-- Networks that a link was opened from.
CREATE TABLE link_network (
  link_id  BYTEA  NOT NULL REFERENCES link (id) ON DELETE CASCADE,
  network  TEXT   NOT NULL,                        -- IPv4 /24, IPv6 /56
  opened   BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at  BIGINT NOT NULL,
  PRIMARY KEY (link_id, network)
);

-- Browsers that came by a link: the session of who has no account.
CREATE TABLE visit (
  id           BYTEA  PRIMARY KEY,
  link_id      BYTEA  REFERENCES link (id) ON DELETE CASCADE,
  recipient_id BYTEA  REFERENCES link_recipient (id) ON DELETE CASCADE,
  token_hash   BYTEA  NOT NULL UNIQUE,             -- of its cookie
  version      BIGINT NOT NULL,                    -- of the link, when it began
  proved_at    BIGINT,                             -- when the password was typed; NULL = there is none
  address      TEXT   NOT NULL,
  began_at     BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL
);
CREATE INDEX visit_link ON visit (link_id);
CREATE INDEX visit_expires ON visit (expires_at);

-- Downloads: one press of the button. The same browser may go on with the same
-- copy and have it again, within the bytes, until the end.
CREATE TABLE claim (
  id         BYTEA   PRIMARY KEY,
  link_id    BYTEA   NOT NULL REFERENCES link (id) ON DELETE CASCADE,
  visit_id   BYTEA,
  recipient_id BYTEA,
  node_id    BYTEA   NOT NULL,
  version_id BYTEA,                                -- NULL = the node and all below, as a ZIP
  name       TEXT    NOT NULL,
  size       BIGINT  NOT NULL,
  sent       BIGINT  NOT NULL,                     -- bytes, those on their way included
  ranges     TEXT    NOT NULL,                     -- of the content, that the socket took: "0-99 200-299"
  network    TEXT    NOT NULL,
  made_at    BIGINT  NOT NULL,
  last_at    BIGINT  NOT NULL,
  ends_at    BIGINT  NOT NULL,
  returned   BOOLEAN NOT NULL                      -- nothing was sent: it does not count
);
CREATE INDEX claim_link ON claim (link_id, made_at, id);
CREATE INDEX claim_visit ON claim (visit_id);
CREATE INDEX claim_unsent ON claim (ends_at) WHERE sent = 0 AND NOT returned;
