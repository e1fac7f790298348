-- Small pictures of versions, made when they are first asked for: blobs of their
-- own, which belong to one version and go with it. They can be made again, so
-- losing one is no damage.
CREATE TABLE thumbnail (
  version_id BYTEA  NOT NULL REFERENCES version (id) ON DELETE CASCADE,
  edge       BIGINT NOT NULL,                    -- longest side in pixels: 256, 1024
  space_id   BYTEA  NOT NULL REFERENCES space (id),
  blob_id    BYTEA  NOT NULL UNIQUE REFERENCES blob (id),
  dek_sealed BYTEA  NOT NULL,
  sk_ver     BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (version_id, edge),
  FOREIGN KEY (space_id, sk_ver) REFERENCES space_key (space_id, sk_ver)
);
CREATE INDEX thumbnail_key ON thumbnail (space_id, sk_ver);

-- Versions of which none could be made, so that nobody tries again and again.
CREATE TABLE thumbnail_refused (
  version_id BYTEA  PRIMARY KEY REFERENCES version (id) ON DELETE CASCADE,
  reason     TEXT   NOT NULL,                    -- kind, large, broken, slow
  refused_at BIGINT NOT NULL
);
