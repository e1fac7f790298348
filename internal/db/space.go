package db

import (
	"database/sql"
	"errors"

	"coffer"
)

// spaceQuota is what a space may hold, -1 for no limit: what was set for it, or
// for its owner, or the default of all owners. So a change of the default is one
// row, and counts for those who come later too.
const spaceQuota = `COALESCE(space.quota, (SELECT u.quota FROM user_account AS u WHERE u.id = space.owner_id),
	(SELECT CAST(value AS BIGINT) FROM setting WHERE name = '` + SettingQuota + `' AND space.owner_id IS NOT NULL), -1)`

// SettingQuota names the setting that holds the default quota, in bytes; -1 is
// no limit, as is its absence.
const SettingQuota = "quota"

// SettingMakeSpaces names the setting that lets members make team spaces.
const SettingMakeSpaces = "members_make_spaces"

const spaceColumns = `space.id, space.kind, space.name, space.owner_id, space.root_id, space.seq, space.used, space.reserved, ` + spaceQuota + `,
	space.created_at, COALESCE(space.given_up_at, 0)`

func spaceFields(s *coffer.Space) []any {
	return []any{&s.ID, &s.Kind, &s.Name, &s.OwnerID, &s.RootID, &s.Seq, &s.Used, &s.Reserved, &s.Quota, &s.CreatedAt, &s.GivenUpAt}
}

func scanSpace(scan scan) (s coffer.Space, err error) { err = scan(spaceFields(&s)...); return s, err }

// quota stores -1, nothing set for this space, as NULL.
func quota(bytes int64) sql.NullInt64 { return sql.NullInt64{Int64: bytes, Valid: bytes >= 0} }

// InsertSpace adds an empty space, made now, and reports whether it did: false
// when its owner has one already.
func (tx *Tx) InsertSpace(s coffer.Space) (bool, error) {
	n, err := tx.exec(`INSERT INTO space (id, kind, name, owner_id, root_id, seq, used, reserved, quota, created_at)
		VALUES ($1, $2, $3, $4, $5, 0, 0, 0, $6, $7) ON CONFLICT (owner_id) DO NOTHING`,
		s.ID, s.Kind, s.Name, s.OwnerID, s.RootID, quota(s.Quota), tx.Now)
	return n == 1, err
}

// Space returns a space by its id.
func (tx *Tx) Space(id coffer.ID) (coffer.Space, error) {
	return scanSpace(tx.row(`SELECT `+spaceColumns+` FROM space WHERE id = $1`, id).Scan)
}

// PersonalSpace returns the space of a person.
func (tx *Tx) PersonalSpace(owner coffer.ID) (coffer.Space, error) {
	return scanSpace(tx.row(`SELECT `+spaceColumns+` FROM space WHERE owner_id = $1`, owner).Scan)
}

// Spaces returns up to limit spaces in order of id, those above after.
func (tx *Tx) Spaces(after coffer.ID, limit int) ([]coffer.Space, error) {
	return collect(tx, scanSpace, `SELECT `+spaceColumns+` FROM space WHERE id > $1 ORDER BY id LIMIT CAST($2 AS BIGINT)`, after[:], limit)
}

// LockSpace makes this transaction the only one that changes the tree of a
// space until it ends, and returns the space. It is the first statement of
// each such change; two spaces are locked in order of their ids.
func (tx *Tx) LockSpace(id coffer.ID) (coffer.Space, error) {
	return scanSpace(tx.row(`UPDATE space SET seq = seq + 1 WHERE id = $1 RETURNING `+spaceColumns, id).Scan)
}

// TakeQuota adds to the used and reserved bytes of a space and reports whether
// the quota allows it. Either may be less than nothing; what does not make
// their sum greater is always allowed.
func (tx *Tx) TakeQuota(id coffer.ID, used, reserved int64) (bool, error) {
	n, err := tx.exec(`UPDATE space SET used = used + $2, reserved = reserved + $3
		WHERE id = $1 AND (CAST($4 AS BIGINT) <= 0 OR used + reserved + $4 <= COALESCE(NULLIF(`+spaceQuota+`, -1), 9223372036854775807))`,
		id, used, reserved, used+reserved)
	return n == 1, err
}

// RenameSpace gives a team space another name.
func (tx *Tx) RenameSpace(id coffer.ID, name string) error {
	return tx.execOne(`UPDATE space SET name = $2 WHERE id = $1`, id, name)
}

// SetSpaceQuota sets the most bytes that a team space may hold; -1 = no limit.
func (tx *Tx) SetSpaceQuota(id coffer.ID, bytes int64) error {
	return tx.execOne(`UPDATE space SET quota = $2 WHERE id = $1`, id, quota(bytes))
}

// MakeTeamSpace turns a personal space into a team's.
func (tx *Tx) MakeTeamSpace(id coffer.ID, name string) error {
	return tx.revokeOne(`UPDATE space SET kind = $2, name = $3, owner_id = NULL WHERE id = $1 AND kind = $4`, id, coffer.Team, name, coffer.Personal)
}

// TeamSpaces returns all team spaces that are not being removed, by name.
func (tx *Tx) TeamSpaces() ([]coffer.Space, error) {
	return collect(tx, scanSpace, `SELECT `+spaceColumns+` FROM space WHERE kind = $1 AND given_up_at IS NULL ORDER BY name, id`, coffer.Team)
}

// GiveUpSpace takes a space away from its owner, who may make another one, or
// from its team, and deletes its tree for ever: its keys are erased here and
// now, so that nothing of it can be opened any more. The rows go with PurgeNode and the like, at last
// with DeleteSpace.
func (tx *Tx) GiveUpSpace(s coffer.Space) error {
	if err := tx.revokeOne(`UPDATE space SET owner_id = NULL, given_up_at = COALESCE(given_up_at, $2) WHERE id = $1`, s.ID, tx.Now); err != nil {
		return err
	}
	if err := tx.eraseSpaceKeys(s.ID); err != nil {
		return err
	}
	_, err := tx.exec(`UPDATE node SET doomed_at = $2 WHERE id = $1 AND doomed_at IS NULL`, s.RootID, tx.Now)
	return err
}

// GivenUpSpaces returns up to limit spaces that belong to nobody any more.
func (tx *Tx) GivenUpSpaces(limit int) ([]coffer.ID, error) {
	return collect(tx, scanID, `SELECT id FROM space WHERE given_up_at IS NOT NULL OR owner_id IS NULL AND kind = $1 ORDER BY id LIMIT CAST($2 AS BIGINT)`, coffer.Personal, limit)
}

// DeleteSpace removes a space that was given up, with its keys. Nothing else
// may be left of it.
func (tx *Tx) DeleteSpace(id coffer.ID) error {
	return tx.execOne(`DELETE FROM space WHERE id = $1 AND given_up_at IS NOT NULL`, id)
}

// SetQuota sets the most bytes that the own space of a person may hold: nil =
// the default, -1 = no limit. There need be no space yet.
func (tx *Tx) SetQuota(user coffer.ID, bytes *int64) error {
	return tx.execOne(`UPDATE user_account SET quota = $2 WHERE id = $1`, user, bytes)
}

// Counts are bytes of a space, counted anew.
type Counts struct{ Used, Reserved int64 }

// CountSpace counts anew what the used and reserved bytes of one space should
// be.
func (tx *Tx) CountSpace(id coffer.ID) (c Counts, err error) {
	err = tx.row(`SELECT CAST(COALESCE((SELECT SUM(size) FROM version WHERE space_id = $1), 0) AS BIGINT),
		CAST(COALESCE((SELECT SUM(reserved) FROM upload WHERE space_id = $1), 0) + COALESCE((SELECT SUM(reserved) FROM work WHERE space_id = $1), 0) AS BIGINT)`, id).Scan(&c.Used, &c.Reserved)
	return c, err
}

// CountSpaces counts anew what the used and reserved bytes of all spaces
// should be.
func (tx *Tx) CountSpaces() (map[coffer.ID]Counts, error) {
	all := map[coffer.ID]Counts{}
	for _, q := range [...]string{
		`SELECT space_id, CAST(SUM(size) AS BIGINT), CAST(0 AS BIGINT) FROM version GROUP BY space_id`,
		`SELECT space_id, CAST(0 AS BIGINT), CAST(SUM(reserved) AS BIGINT) FROM upload GROUP BY space_id`,
		`SELECT space_id, CAST(0 AS BIGINT), CAST(SUM(reserved) AS BIGINT) FROM work WHERE reserved > 0 GROUP BY space_id`,
	} {
		err := tx.each(q, nil, func(scan scan) error {
			var id coffer.ID
			var c Counts
			if err := scan(&id, &c.Used, &c.Reserved); err != nil {
				return err
			}
			all[id] = Counts{all[id].Used + c.Used, all[id].Reserved + c.Reserved}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Standing is what may have changed about a user since a request began.
type Standing struct {
	Role     coffer.Role
	Disabled bool
}

// Standing returns how a user stands now. It is ErrNotFound when the account
// is gone, or the session or token (where not zero) has ended.
func (tx *Tx) Standing(user, session, token coffer.ID) (s Standing, err error) {
	switch {
	case !session.IsZero():
		err = tx.row(`SELECT u.role, u.disabled FROM user_account AS u JOIN session AS s ON s.user_id = u.id
			WHERE u.id = $1 AND s.id = $2 AND s.expires_at > $3`, user, session, tx.Now).Scan(&s.Role, &s.Disabled)
	case !token.IsZero():
		err = tx.row(`SELECT u.role, u.disabled FROM user_account AS u JOIN token AS t ON t.user_id = u.id
			WHERE u.id = $1 AND t.id = $2 AND t.expires_at > $3`, user, token, tx.Now).Scan(&s.Role, &s.Disabled)
	default:
		err = tx.row(`SELECT role, disabled FROM user_account WHERE id = $1`, user).Scan(&s.Role, &s.Disabled)
	}
	return s, err
}

// PersonName returns the name of an account, "" when there is none.
func (tx *Tx) PersonName(id coffer.ID) (name string, err error) {
	err = tx.row(`SELECT name FROM user_account WHERE id = $1`, id).Scan(&name)
	if errors.Is(err, coffer.ErrNotFound) {
		return "", nil
	}
	return name, err
}
