package db

import (
	"errors"

	"coffer"
)

// Scrub is how far the reading of all contents is.
type Scrub struct {
	After     coffer.ID // version that was looked at last
	StartedAt int64     // of the pass that runs, or ran last
	EndedAt   int64     // end of the last whole pass; 0: none yet
	Versions  int64     // looked at in this pass
	Bytes     int64
}

// Scrub returns the state of the scrub; before the first run it is zero.
func (tx *Tx) Scrub() (s Scrub, err error) {
	var ended *int64
	var after []byte
	err = tx.row(`SELECT after_id, started_at, ended_at, versions, bytes FROM scrub WHERE one = 1`).Scan(&after, &s.StartedAt, &ended, &s.Versions, &s.Bytes)
	if errors.Is(err, coffer.ErrNotFound) {
		return s, nil
	}
	if err == nil {
		copy(s.After[:], after)
		if ended != nil {
			s.EndedAt = *ended
		}
	}
	return s, err
}

// SetScrub stores the state of the scrub.
func (tx *Tx) SetScrub(s Scrub) error {
	_, err := tx.exec(`INSERT INTO scrub (one, after_id, started_at, ended_at, versions, bytes) VALUES (1, $1, $2, $3, $4, $5)
		ON CONFLICT (one) DO UPDATE SET after_id = excluded.after_id, started_at = excluded.started_at, ended_at = excluded.ended_at,
			versions = excluded.versions, bytes = excluded.bytes`, s.After[:], s.StartedAt, orNull(s.EndedAt), s.Versions, s.Bytes)
	return err
}

// Damage is a version whose content cannot be read as a whole.
type Damage struct {
	VersionID coffer.ID
	NodeID    coffer.ID
	Name      string // of the file
	Number    int64  // of the version
	Current   bool   // it is the file's current one
	OwnerID   coffer.ID
	Owner     string // name of the owner of the space, "" when it was given up
	Kind      string
	Detail    string
	FoundAt   int64
}

// SetDamage remembers that a version is damaged; the first finding stays.
func (tx *Tx) SetDamage(version coffer.ID, kind, detail string) error {
	_, err := tx.exec(`INSERT INTO damage (version_id, kind, detail, found_at) VALUES ($1, $2, $3, $4) ON CONFLICT (version_id) DO NOTHING`, version, kind, detail, tx.Now)
	return err
}

// ClearDamage forgets the damage of a version that is whole again.
func (tx *Tx) ClearDamage(version coffer.ID) error {
	_, err := tx.exec(`DELETE FROM damage WHERE version_id = $1`, version)
	return err
}

// Damages returns damaged versions, found last first, of one owner or, with the
// zero id, of all.
func (tx *Tx) Damages(owner coffer.ID, limit int) ([]Damage, error) {
	query, args := `SELECT d.version_id, v.node_id, n.name, v.number, n.version_id = v.id, s.owner_id, COALESCE(u.name, ''), d.kind, d.detail, d.found_at
		FROM damage AS d JOIN version AS v ON v.id = d.version_id JOIN node AS n ON n.id = v.node_id JOIN space AS s ON s.id = v.space_id
			LEFT JOIN user_account AS u ON u.id = s.owner_id`, []any{limit}
	if !owner.IsZero() {
		query, args = query+` WHERE s.owner_id = $2`, append(args, owner)
	}
	return collect(tx, func(scan scan) (d Damage, err error) {
		err = scan(&d.VersionID, &d.NodeID, &d.Name, &d.Number, &d.Current, &d.OwnerID, &d.Owner, &d.Kind, &d.Detail, &d.FoundAt)
		return d, err
	}, query+` ORDER BY d.found_at DESC, d.version_id LIMIT CAST($1 AS BIGINT)`, args...)
}

// CountDamages returns how many versions are damaged.
func (tx *Tx) CountDamages() (n int64, err error) {
	err = tx.row(`SELECT CAST(COUNT(*) AS BIGINT) FROM damage`).Scan(&n)
	return n, err
}

// CountSpaceAgain sets the used and reserved bytes of a space to what they
// should be, and reports whether they were something else.
func (tx *Tx) CountSpaceAgain(space coffer.ID) (bool, error) {
	const used, reserved = `(SELECT COALESCE(CAST(SUM(size) AS BIGINT), 0) FROM version WHERE space_id = $1)`, `(COALESCE((SELECT CAST(SUM(reserved) AS BIGINT) FROM upload WHERE space_id = $1), 0) + COALESCE((SELECT CAST(SUM(reserved) AS BIGINT) FROM work WHERE space_id = $1), 0))`
	n, err := tx.exec(`UPDATE space SET used = `+used+`, reserved = `+reserved+` WHERE id = $1 AND (used <> `+used+` OR reserved <> `+reserved+`)`, space)
	return n > 0, err
}

// CountChildrenAgain sets the child count of a folder to what it should be, and
// reports whether it was something else.
func (tx *Tx) CountChildrenAgain(folder coffer.ID) (bool, error) {
	const count = `(SELECT CAST(COUNT(*) AS BIGINT) FROM node AS c WHERE c.parent_id = $1 AND c.trashed_at IS NULL)`
	n, err := tx.exec(`UPDATE node SET child_count = `+count+` WHERE id = $1 AND child_count <> `+count, folder)
	return n > 0, err
}

// IsDamaged reports whether a version is remembered as damaged.
func (tx *Tx) IsDamaged(version coffer.ID) (is bool, err error) {
	err = tx.row(`SELECT EXISTS (SELECT 1 FROM damage WHERE version_id = $1)`, version).Scan(&is)
	return is, err
}

// HasVersion reports whether a version is there.
func (tx *Tx) HasVersion(version coffer.ID) (is bool, err error) {
	err = tx.row(`SELECT EXISTS (SELECT 1 FROM version WHERE id = $1)`, version).Scan(&is)
	return is, err
}
