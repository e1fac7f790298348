package db

import "coffer"

const groupColumns = `c.id, c.name, c.created_by, c.created_at, CAST((SELECT COUNT(*) FROM group_member AS m WHERE m.group_id = c.id) AS BIGINT)`

func scanGroup(scan scan) (g coffer.Group, err error) {
	err = scan(&g.ID, &g.Name, &g.CreatedBy, &g.CreatedAt, &g.Members)
	return g, err
}

// InsertGroup adds an empty group, made now; ErrTaken when its name has one.
func (tx *Tx) InsertGroup(g coffer.Group) error {
	n, err := tx.exec(`INSERT INTO identity_group (id, name, name_key, created_by, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		g.ID, g.Name, coffer.NameKey(g.Name), g.CreatedBy, tx.Now)
	if err == nil && n == 0 {
		return ErrTaken
	}
	return err
}

// Group returns a group by its id.
func (tx *Tx) Group(id coffer.ID) (coffer.Group, error) {
	return scanGroup(tx.row(`SELECT `+groupColumns+` FROM identity_group AS c WHERE c.id = $1`, id).Scan)
}

// Groups returns all groups by name.
func (tx *Tx) Groups() ([]coffer.Group, error) {
	return collect(tx, scanGroup, `SELECT `+groupColumns+` FROM identity_group AS c ORDER BY c.name_key, c.id`)
}

// RenameGroup gives a group another name; ErrTaken when another has it.
func (tx *Tx) RenameGroup(id coffer.ID, name string) error {
	key := coffer.NameKey(name)
	var taken bool
	if err := tx.row(`SELECT EXISTS (SELECT 1 FROM identity_group WHERE name_key = $1 AND id <> $2)`, key, id).Scan(&taken); err != nil {
		return err
	}
	if taken {
		return ErrTaken
	}
	return tx.execOne(`UPDATE identity_group SET name = $2, name_key = $3 WHERE id = $1`, id, name, key)
}

// DeleteGroup removes a group with its members and all that was given to it.
// It returns how many grants that were.
func (tx *Tx) DeleteGroup(id coffer.ID) (grants int64, err error) {
	if grants, err = tx.revoke(`DELETE FROM grants WHERE group_id = $1`, id); err != nil {
		return 0, err
	}
	return grants, tx.revokeOne(`DELETE FROM identity_group WHERE id = $1`, id)
}

// AddMember puts a person into a group and reports whether that is new.
func (tx *Tx) AddMember(group, user coffer.ID) (bool, error) {
	n, err := tx.exec(`INSERT INTO group_member (group_id, user_id, added_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, group, user, tx.Now)
	return n == 1, err
}

// RemoveMember takes a person out of a group; ErrNotFound when not in it.
func (tx *Tx) RemoveMember(group, user coffer.ID) error {
	return tx.revokeOne(`DELETE FROM group_member WHERE group_id = $1 AND user_id = $2`, group, user)
}

// Members returns the people of a group by name.
func (tx *Tx) Members(group coffer.ID) ([]coffer.User, error) {
	return collect(tx, scanUser, `SELECT `+userColumns+` FROM group_member AS m JOIN user_account AS u ON u.id = m.user_id
		WHERE m.group_id = $1 ORDER BY u.name, u.id`, group)
}

// GroupsOf returns the groups that a person is in.
func (tx *Tx) GroupsOf(user coffer.ID) (map[coffer.ID]bool, error) {
	in := map[coffer.ID]bool{}
	return in, tx.each(`SELECT group_id FROM group_member WHERE user_id = $1`, []any{user}, func(scan scan) error {
		var id coffer.ID
		err := scan(&id)
		in[id] = true
		return err
	})
}
