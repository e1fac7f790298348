-- Names as search compares them, one row for each node that has a name. It is
-- kept in the transaction that changes the name; a job makes the rows of nodes
-- from before, and all anew when the rule of the keys changes.
CREATE TABLE node_search (
  num        IDENTITY,
  node_id    BYTEA NOT NULL UNIQUE REFERENCES node (id) ON DELETE CASCADE,
  space_id   BYTEA NOT NULL,
  space_mark TEXT  NOT NULL,                     -- of three capitals: narrows SQLite's index to a space
-- engine: sqlite
  search_key TEXT  NOT NULL
-- engine: end
-- engine: postgres
  search_key TEXT  COLLATE "C" NOT NULL
-- engine: end
);
CREATE INDEX node_search_begin ON node_search (space_id, search_key, num);
CREATE INDEX node_search_space ON node_search (space_id, num);

-- engine: postgres
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX node_search_part ON node_search USING gin (search_key gin_trgm_ops);
-- engine: end

-- engine: sqlite
-- Which rows have three characters in a row; what they are, node_search tells.
CREATE VIRTUAL TABLE node_search_part USING fts5 (space_mark, search_key, content = 'node_search', content_rowid = 'num',
  tokenize = 'trigram case_sensitive 1', detail = 'none', columnsize = 0);
INSERT INTO node_search_part (node_search_part, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER node_search_insert AFTER INSERT ON node_search BEGIN
  INSERT INTO node_search_part (rowid, space_mark, search_key) VALUES (new.num, new.space_mark, new.search_key);
END;
CREATE TRIGGER node_search_delete AFTER DELETE ON node_search BEGIN
  INSERT INTO node_search_part (node_search_part, rowid, space_mark, search_key) VALUES ('delete', old.num, old.space_mark, old.search_key);
END;
CREATE TRIGGER node_search_update AFTER UPDATE ON node_search BEGIN
  INSERT INTO node_search_part (node_search_part, rowid, space_mark, search_key) VALUES ('delete', old.num, old.space_mark, old.search_key);
  INSERT INTO node_search_part (rowid, space_mark, search_key) VALUES (new.num, new.space_mark, new.search_key);
END;
-- engine: end
