-- Uploads that arrive in several requests (tus). Each piece is what one address
-- takes: the whole of an upload, or one of several parallel parts, which seal
-- into the same blob. When the upload is done, the piece tells for a while what
-- became of it.
CREATE TABLE piece (
  id         BYTEA    PRIMARY KEY,
  owner_id   BYTEA    NOT NULL,
  upload_id  BYTEA    REFERENCES upload (id) ON DELETE CASCADE, -- NULL = done
  partial    SMALLINT NOT NULL,                  -- 1: becomes a file with others only
  first      BIGINT   NOT NULL,                  -- offset of its first byte in the file
  size       BIGINT,                             -- NULL = unknown
  received   BIGINT   NOT NULL,                  -- bytes of it that are durable
  tail_blob  BYTEA    REFERENCES blob (id),      -- copy of the sealed beginning of the part where it goes on
  meta       TEXT     NOT NULL,                  -- what the client said of it, as it was sent
  lease      BYTEA,                              -- of the request that writes; NULL = none
  lease_end  BIGINT   NOT NULL,
  wanted_at  BIGINT   NOT NULL,                  -- somebody waits for the lease since; 0 = nobody
  node_id    BYTEA,                              -- of the file, when done
  version_id BYTEA,
  created_at BIGINT   NOT NULL,
  expires_at BIGINT   NOT NULL
);
CREATE INDEX piece_owner ON piece (owner_id, created_at);
CREATE INDEX piece_upload ON piece (upload_id);
CREATE INDEX piece_done ON piece (expires_at) WHERE upload_id IS NULL;
CREATE INDEX piece_tail ON piece (tail_blob) WHERE tail_blob IS NOT NULL;
