package db

import "coffer"

// TrashNode marks a node as trash, with everything below it.
func (tx *Tx) TrashNode(id, by coffer.ID) error {
	return tx.revokeOne(`UPDATE node SET trashed_at = $2, trashed_by = $3, rev = rev + 1 WHERE id = $1 AND trashed_at IS NULL`, id, tx.Now, by)
}

// DoomNode deletes a node of the trash for ever: it and what lies below are
// gone for everybody at once, the rows go with PurgeBatch.
func (tx *Tx) DoomNode(id coffer.ID) error {
	return tx.execOne(`UPDATE node SET doomed_at = $2 WHERE id = $1 AND trashed_at IS NOT NULL`, id, tx.Now)
}

// Trash returns up to limit nodes in the trash of a space, newest first; those
// after the position (time, id), which is zero for the first.
func (tx *Tx) Trash(space coffer.ID, trashedAt int64, id coffer.ID, limit int) ([]coffer.Node, error) {
	if trashedAt == 0 {
		return collect(tx, scanNode, `SELECT `+nodeColumns+` FROM node AS n
			WHERE n.space_id = $1 AND n.trashed_at IS NOT NULL AND n.doomed_at IS NULL
			ORDER BY n.trashed_at DESC, n.id DESC LIMIT CAST($2 AS BIGINT)`, space, limit)
	}
	return collect(tx, scanNode, `SELECT `+nodeColumns+` FROM node AS n
		WHERE n.space_id = $1 AND n.trashed_at IS NOT NULL AND n.doomed_at IS NULL AND (n.trashed_at, n.id) < ($3, $4)
		ORDER BY n.trashed_at DESC, n.id DESC LIMIT CAST($2 AS BIGINT)`, space, limit, trashedAt, id)
}

// CountTrash returns how many nodes are in the trash of a space.
func (tx *Tx) CountTrash(space coffer.ID) (n int64, err error) {
	err = tx.row(`SELECT CAST(COUNT(*) AS BIGINT) FROM node WHERE space_id = $1 AND trashed_at IS NOT NULL AND doomed_at IS NULL`, space).Scan(&n)
	return n, err
}

// OldTrash returns up to limit nodes that are in any trash since before the
// time.
func (tx *Tx) OldTrash(before int64, limit int) ([]coffer.Node, error) {
	return collect(tx, scanNode, `SELECT `+nodeColumns+` FROM node AS n
		WHERE n.trashed_at IS NOT NULL AND n.trashed_at < $1 AND n.doomed_at IS NULL ORDER BY n.id LIMIT CAST($2 AS BIGINT)`, before, limit)
}

// Doomed returns up to limit nodes whose rows and those below may go now.
func (tx *Tx) Doomed(limit int) ([]coffer.Node, error) {
	return collect(tx, scanNode, `SELECT `+nodeColumns+` FROM node AS n WHERE n.doomed_at IS NOT NULL AND n.doomed_at <= $1
		ORDER BY n.doomed_at, n.id LIMIT CAST($2 AS BIGINT)`, tx.Now, limit)
}

// SubfoldersOf returns up to limit living folders in a folder.
func (tx *Tx) SubfoldersOf(parent coffer.ID, limit int) ([]coffer.ID, error) {
	return collect(tx, scanID, `SELECT id FROM node WHERE parent_id = $1 AND kind = 0 AND trashed_at IS NULL ORDER BY sort_key, id LIMIT CAST($2 AS BIGINT)`, parent, limit)
}

// DetachTrash takes nodes that are in the trash by themselves out of a folder
// that goes: they stay in the trash without a place to go back to. It returns
// how many, at most limit.
func (tx *Tx) DetachTrash(parent coffer.ID, limit int) (int64, error) {
	return tx.exec(`UPDATE node SET parent_id = NULL WHERE id IN
		(SELECT id FROM node WHERE parent_id = $1 AND trashed_at IS NOT NULL ORDER BY id LIMIT CAST($2 AS BIGINT))`, parent, limit)
}

// A purged version freed this many bytes and maybe this blob.
type purged struct {
	blob coffer.ID
	size int64
}

// PurgeFiles deletes up to limit files of a folder that goes, with all their
// versions, and marks their blobs dead where nothing else names them. It
// returns how many files went and the bytes of their versions.
func (tx *Tx) PurgeFiles(parent coffer.ID, limit int) (files, bytes int64, err error) {
	const some = `(SELECT id FROM node WHERE parent_id = $1 AND kind = 1 AND trashed_at IS NULL ORDER BY id LIMIT CAST($2 AS BIGINT))`
	bytes, err = tx.purgeVersions(`IN `+some, parent, limit)
	if err != nil {
		return 0, 0, err
	}
	files, err = tx.exec(`DELETE FROM node WHERE id IN `+some, parent, limit)
	return files, bytes, err
}

// PurgeTrashedFiles is PurgeFiles for files that are in the trash of a space by
// themselves, or hidden, wherever they were.
func (tx *Tx) PurgeTrashedFiles(space coffer.ID, limit int) (files, bytes int64, err error) {
	const some = `(SELECT id FROM node WHERE space_id = $1 AND kind = 1 AND trashed_at IS NOT NULL ORDER BY trashed_at, id LIMIT CAST($2 AS BIGINT))`
	bytes, err = tx.purgeVersions(`IN `+some, space, limit)
	if err != nil {
		return 0, 0, err
	}
	files, err = tx.exec(`DELETE FROM node WHERE id IN `+some, space, limit)
	return files, bytes, err
}

// TrashedFolder returns a folder that is in the trash of a space by itself, or
// hidden; coffer.ErrNotFound when there is none.
func (tx *Tx) TrashedFolder(space coffer.ID) (id coffer.ID, err error) {
	return scanID(tx.row(`SELECT id FROM node WHERE space_id = $1 AND kind = 0 AND trashed_at IS NOT NULL ORDER BY trashed_at, id LIMIT 1`, space).Scan)
}

// CountItems returns how many files and folders a space holds, what is in the
// trash included, without its root and what is deleted for ever.
func (tx *Tx) CountItems(space, root coffer.ID) (n int64, err error) {
	err = tx.row(`WITH RECURSIVE down (id) AS (
			SELECT id FROM node WHERE id = $2
			UNION ALL
			SELECT id FROM node WHERE space_id = $1 AND trashed_at IS NOT NULL AND doomed_at IS NULL
			UNION ALL
			SELECT n.id FROM down JOIN node AS n ON n.parent_id = down.id WHERE n.trashed_at IS NULL
		) SELECT CAST(COUNT(*) - 1 AS BIGINT) FROM down`, space, root).Scan(&n)
	return n, err
}

// PurgeNode deletes one node that has no children, a file with its versions,
// whose bytes it returns.
func (tx *Tx) PurgeNode(id coffer.ID) (bytes int64, err error) {
	bytes, err = tx.purgeVersions(`= $1`, id)
	if err != nil {
		return 0, err
	}
	return bytes, tx.execOne(`DELETE FROM node WHERE id = $1`, id)
}

// purgeVersions deletes the versions of files, told by what is compared with
// their ids, and what belongs to these versions.
func (tx *Tx) purgeVersions(files string, args ...any) (bytes int64, err error) {
	blobs, err := tx.thumbnailsOf(`v.node_id `+files, args...)
	if err != nil {
		return 0, err
	}
	gone, err := collect(tx, func(scan scan) (p purged, err error) { err = scan(&p.blob, &p.size); return p, err },
		`DELETE FROM version WHERE node_id `+files+` RETURNING blob_id, size`, args...)
	if err != nil {
		return 0, err
	}
	for _, p := range gone {
		bytes += p.size
		blobs = append(blobs, p.blob)
	}
	return bytes, tx.releaseBlobs(blobs)
}

// IsDoomed reports whether a node is there and its rows may go now.
func (tx *Tx) IsDoomed(id coffer.ID) (due bool, err error) {
	err = tx.row(`SELECT EXISTS (SELECT 1 FROM node WHERE id = $1 AND doomed_at IS NOT NULL AND doomed_at <= $2)`, id, tx.Now).Scan(&due)
	return due, err
}
