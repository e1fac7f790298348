package db

import (
	"database/sql"

	"coffer"
)

// Grants that have ended stand in the table until the node goes or another one
// takes their place, and count for nothing: every query here asks for the others
// only.
const (
	grantLives   = `(g.until IS NULL OR g.until > $1)`
	grantNames   = `(g.user_id = $2 OR g.group_id IN (SELECT group_id FROM group_member WHERE user_id = $2))` // the person $2
	grantColumns = `g.id, g.node_id, g.user_id, g.group_id, g.role, COALESCE(g.until, 0), g.given_by, g.given_at`
)

// grantFields are the destinations of grantColumns; role is read by its name.
func grantFields(g *coffer.Grant) []any {
	return []any{&g.ID, &g.NodeID, &g.UserID, &g.GroupID, (*accessName)(&g.Access), &g.Until, &g.GivenBy, &g.GivenAt}
}

// accessName reads a level by its name. What has another name gives nothing.
type accessName coffer.Access

// Scan reads the text of a row (sql.Scanner).
func (a *accessName) Scan(src any) error {
	var s sql.NullString
	err := s.Scan(src)
	*a = accessName(coffer.ParseAccess(s.String))
	return err
}

// InsertGrant adds a grant, given now. It is ErrTaken where the node has a
// living one for the same person or group; one that has ended makes room.
func (tx *Tx) InsertGrant(g coffer.Grant) error {
	if _, err := tx.exec(`DELETE FROM grants WHERE node_id = $1 AND (user_id = $2 OR group_id = $3) AND until <= $4`, g.NodeID, g.UserID, g.GroupID, tx.Now); err != nil {
		return err
	}
	n, err := tx.exec(`INSERT INTO grants (id, node_id, user_id, group_id, role, until, given_by, given_at, since)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT DO NOTHING`,
		g.ID, g.NodeID, g.UserID, g.GroupID, g.Access.String(), orNull(g.Until), g.GivenBy, tx.Now)
	if err == nil && n == 0 {
		return ErrTaken
	}
	return err
}

// Grant returns a living grant of a node.
func (tx *Tx) Grant(node, id coffer.ID) (g coffer.Grant, err error) {
	err = tx.row(`SELECT `+grantColumns+` FROM grants AS g WHERE `+grantLives+` AND g.node_id = $2 AND g.id = $3`, tx.Now, node, id).Scan(grantFields(&g)...)
	return g, err
}

// ChangeGrant sets how much a grant gives and until when, and who gives it.
func (tx *Tx) ChangeGrant(id coffer.ID, a coffer.Access, until int64, by coffer.ID) error {
	return tx.revokeOne(`UPDATE grants SET role = $2, until = $3, given_by = $4, given_at = $5 WHERE id = $1`, id, a.String(), orNull(until), by, tx.Now)
}

// DeleteGrant takes a grant away.
func (tx *Tx) DeleteGrant(id coffer.ID) error {
	return tx.revokeOne(`DELETE FROM grants WHERE id = $1`, id)
}

// GrantTo returns the living grant of a node that names a person or a group;
// the other id is zero.
func (tx *Tx) GrantTo(node, user, group coffer.ID) (g coffer.Grant, err error) {
	err = tx.row(`SELECT `+grantColumns+` FROM grants AS g WHERE `+grantLives+` AND g.node_id = $2 AND (g.user_id = $3 OR g.group_id = $4)`,
		tx.Now, node, user, group).Scan(grantFields(&g)...)
	return g, err
}

// GrantsOf returns the living grants of a node that name a person, or a group
// that the person is in.
func (tx *Tx) GrantsOf(node, user coffer.ID) ([]coffer.Grant, error) {
	return collect(tx, func(scan scan) (g coffer.Grant, err error) { err = scan(grantFields(&g)...); return g, err },
		`SELECT `+grantColumns+` FROM grants AS g WHERE `+grantLives+` AND `+grantNames+` AND g.node_id = $3 ORDER BY g.id`, tx.Now, user, node)
}

// A PathGrant is a living grant on a node or on a folder above it, with the
// names that people know.
type PathGrant struct {
	coffer.Grant
	Up          int64 // folders above the node; 0 = the node itself
	NodeName    string
	Name        string // of the person or group
	Email       string // of a person
	Disabled    bool   // the person's account is turned off
	Members     int64  // of a group
	GivenByName string
}

// GrantsOnPath returns the grants on a node and on all folders above it, the
// nearest first.
func (tx *Tx) GrantsOnPath(node coffer.ID) ([]PathGrant, error) {
	return collect(tx, func(scan scan) (g PathGrant, err error) {
		err = scan(append(grantFields(&g.Grant), &g.Up, &g.NodeName, &g.Name, &g.Email, &g.Disabled, &g.Members, &g.GivenByName)...)
		return g, err
	}, `WITH RECURSIVE up (id, parent_id, name, depth) AS (
			SELECT id, parent_id, name, 0 FROM node WHERE id = $2
			UNION ALL
			SELECT n.id, n.parent_id, n.name, up.depth + 1 FROM up JOIN node AS n ON n.id = up.parent_id WHERE up.depth < `+tooDeep+`
		)
		SELECT `+grantColumns+`, up.depth, up.name, COALESCE(u.name, c.name, ''), COALESCE(u.email, ''), COALESCE(u.disabled, FALSE),
			CAST((SELECT COUNT(*) FROM group_member AS m WHERE m.group_id = g.group_id) AS BIGINT), COALESCE(b.name, '')
		FROM up JOIN grants AS g ON g.node_id = up.id
			LEFT JOIN user_account AS u ON u.id = g.user_id
			LEFT JOIN identity_group AS c ON c.id = g.group_id
			LEFT JOIN user_account AS b ON b.id = g.given_by
		WHERE `+grantLives+` ORDER BY up.depth, g.given_at, g.id`, tx.Now, node)
}

// A TopGrant is a living grant that a person holds on a living node, where no
// folder above gives them anything.
type TopGrant struct {
	Node        coffer.Node
	Space       coffer.Space
	Grant       coffer.Grant
	GivenByName string
	OwnerName   string // of a personal space
	Left        bool   // the person does not want to see it
}

// TopGrants returns what a person reaches by grants, the topmost nodes only,
// given last first. A node stands in it once for each grant on it.
func (tx *Tx) TopGrants(user coffer.ID) ([]TopGrant, error) {
	return collect(tx, func(scan scan) (t TopGrant, err error) {
		fields := append(nodeFields(&t.Node), spaceFields(&t.Space)...)
		err = scan(append(append(fields, grantFields(&t.Grant)...), &t.GivenByName, &t.OwnerName, &t.Left)...)
		return t, err
	}, `WITH RECURSIVE mine (node_id) AS (
			SELECT DISTINCT g.node_id FROM grants AS g WHERE `+grantLives+` AND `+grantNames+`
		), up (top, parent_id, gone, covered, depth) AS (
			SELECT n.id, n.parent_id, CASE WHEN n.trashed_at IS NULL AND n.doomed_at IS NULL THEN 0 ELSE 1 END, 0, 0
			FROM mine JOIN node AS n ON n.id = mine.node_id
			UNION ALL
			SELECT up.top, n.parent_id, CASE WHEN n.trashed_at IS NULL AND n.doomed_at IS NULL THEN 0 ELSE 1 END,
				CASE WHEN EXISTS (SELECT 1 FROM mine WHERE mine.node_id = n.id) THEN 1 ELSE 0 END, up.depth + 1
			FROM up JOIN node AS n ON n.id = up.parent_id WHERE up.depth < `+tooDeep+`
		), tops (id) AS (
			SELECT top FROM up GROUP BY top HAVING MAX(gone) = 0 AND MAX(covered) = 0
		)
		SELECT `+nodeColumns+`, `+spaceColumns+`, `+grantColumns+`, COALESCE(b.name, ''), COALESCE(o.name, ''),
			EXISTS (SELECT 1 FROM share_left AS l WHERE l.user_id = $2 AND l.node_id = n.id)
		FROM tops JOIN node AS n ON n.id = tops.id JOIN space ON space.id = n.space_id JOIN grants AS g ON g.node_id = n.id
			LEFT JOIN user_account AS b ON b.id = g.given_by LEFT JOIN user_account AS o ON o.id = space.owner_id
		WHERE `+grantLives+` AND `+grantNames+` AND COALESCE(space.owner_id <> $2, TRUE) ORDER BY g.given_at DESC, g.id DESC`, tx.Now, user)
}

// LeaveShare remembers that a person does not want to see a node in the list
// of what is shared with them.
func (tx *Tx) LeaveShare(user, node coffer.ID) error {
	_, err := tx.exec(`INSERT INTO share_left (user_id, node_id, left_at) VALUES ($1, $2, $3) ON CONFLICT (user_id, node_id) DO NOTHING`, user, node, tx.Now)
	return err
}

// ReturnShare forgets that a person, or those in a group, left a node: it was
// given to them anew. The other id is zero.
func (tx *Tx) ReturnShare(node, user, group coffer.ID) error {
	_, err := tx.exec(`DELETE FROM share_left WHERE node_id = $1 AND (user_id = $2 OR user_id IN (SELECT user_id FROM group_member WHERE group_id = $3))`, node, user, group)
	return err
}

// LastingOwners counts the people who own a team space by its root: by name,
// without an end, and with an account that is not turned off.
func (tx *Tx) LastingOwners(root coffer.ID) (n int64, err error) {
	err = tx.row(`SELECT CAST(COUNT(*) AS BIGINT) FROM grants AS g JOIN user_account AS u ON u.id = g.user_id
		WHERE g.node_id = $1 AND g.role = 'owner' AND g.until IS NULL AND NOT u.disabled`, root).Scan(&n)
	return n, err
}

// DropGrantTo takes away what a person has on a node by name, if anything.
func (tx *Tx) DropGrantTo(node, user coffer.ID) error {
	_, err := tx.exec(`DELETE FROM grants WHERE node_id = $1 AND user_id = $2`, node, user)
	return err
}

// OwnersOf returns the people who own a team space by its root, by name.
func (tx *Tx) OwnersOf(root coffer.ID) ([]coffer.User, error) {
	return collect(tx, scanUser, `SELECT `+userColumns+` FROM grants AS g JOIN user_account AS u ON u.id = g.user_id
		WHERE (g.until IS NULL OR g.until > $2) AND g.node_id = $1 AND g.role = 'owner' ORDER BY u.name, u.id`, root, tx.Now)
}

// OnlyOwnerOf returns the names of the team spaces that would be left without a
// lasting owner by a person's leaving.
func (tx *Tx) OnlyOwnerOf(user coffer.ID) ([]string, error) {
	return collect(tx, func(scan scan) (name string, err error) { err = scan(&name); return name, err },
		`SELECT s.name FROM space AS s JOIN grants AS g ON g.node_id = s.root_id
		WHERE g.user_id = $1 AND g.role = 'owner' AND g.until IS NULL AND s.given_up_at IS NULL
			AND NOT EXISTS (SELECT 1 FROM grants AS o JOIN user_account AS u ON u.id = o.user_id
				WHERE o.node_id = s.root_id AND o.role = 'owner' AND o.until IS NULL AND NOT u.disabled AND u.id <> $1)
		ORDER BY s.name, s.id`, user)
}
