-- Since when whom a grant names has had something by it, however it was changed
-- later: from then on they are told what happened.
ALTER TABLE grants ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
