package files

import (
	"context"
	"errors"
	"slices"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/keyring"
)

// openedElsewhere are the sealed columns that a check opens where it looks at
// what they are for: keys of spaces, of versions, of small pictures.
var openedElsewhere = []string{"space_key.sealed", "version.dek_sealed", "thumbnail.dek_sealed"}

// sealedAbout says in words what a sealed column holds, and what is to be done
// where that is lost: no backup of a single record is needed for any of them.
func sealedAbout(c db.SealedColumn) (of, what, cure string) {
	switch c.Name() {
	case "user_account.password_sealed":
		return "person", "password", "They set a new one with “Forgot your password?”."
	case "signup.password_sealed":
		return "sign-up", "password", "Whoever it is signs up again."
	case "mail.sealed":
		return "mail", "text", "It cannot be sent."
	case "link.password_sealed":
		return "link", "password", "Nobody gets past it: give the link a new one."
	case "link.token_sealed":
		return "link", "address", "It opens for who has it, but cannot be shown again: make a new link."
	case "file_request.password_sealed":
		return "file request", "password", "Nobody gets past it: give the request a new one."
	case "file_request.token_sealed":
		return "file request", "address", "It works for who has it, but cannot be shown again: make a new request."
	case "upload.dek_sealed":
		return "upload", "key", "It has to begin again."
	}
	return c.Table, c.Column, ""
}

// records opens every sealed record that no other step opens. It goes by the
// list that rotations go by, so that what is sealed is checked.
func (c *check) records(ctx context.Context) error {
	for _, col := range db.SealedColumns() {
		if slices.Contains(openedElsewhere, col.Name()) {
			continue
		}
		if err := c.column(ctx, col); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) column(ctx context.Context, col db.SealedColumn) error {
	limit := checkPage
	if col.Table == "mail" { // of up to 1 MiB each
		limit = 8
	}
	for after := (coffer.ID{}); ; {
		n := 0
		err := c.s.inspect(ctx, func(tx *db.Tx) error {
			page, err := tx.SealedAfter(col, after, limit)
			n = len(page)
			for _, r := range page {
				after = r.IDs[0]
				if err := c.record(tx, col, r); err != nil {
					return err
				}
			}
			return err
		})
		if err != nil || n < limit {
			return err
		}
	}
}

func (c *check) record(tx *db.Tx, col db.SealedColumn, r db.SealedRecord) error {
	var key *keyring.SpaceKey
	if col.Space {
		space, err := tx.Space(r.SpaceID)
		if err != nil || space.GivenUp() {
			return err
		}
		row, err := tx.SpaceKey(r.SpaceID, r.Version)
		if errors.Is(err, coffer.ErrNotFound) {
			return c.damaged(tx, col, r, err)
		}
		if err != nil {
			return err
		}
		key, err = c.s.keys.OpenSpaceKey(row)
		if coffer.KindOf(err) == coffer.Corrupt {
			return nil // told with the space
		}
		if err != nil {
			return err
		}
		defer key.Clear()
	}
	err := c.s.keys.Authenticate(col, r, key)
	if err != nil && coffer.KindOf(err) != coffer.Corrupt {
		return err // the keyring changes right now
	}
	if err != nil {
		return c.damaged(tx, col, r, err)
	}
	return nil
}

// damaged tells of a record that does not open, by what people call it.
func (c *check) damaged(tx *db.Tx, col db.SealedColumn, r db.SealedRecord, cause error) error {
	of, what, cure := sealedAbout(col)
	id, name, node, owner := r.IDs[0], "", coffer.ID{}, ""
	var err error
	switch col.Table {
	case "link":
		var l coffer.Link
		l, err = tx.Link(id)
		name, node = l.Name, l.NodeID
	case "file_request":
		var q coffer.FileRequest
		q, err = tx.FileRequest(id)
		name, node = q.Title, q.NodeID
	case "user_account":
		var u coffer.User
		u, err = tx.User(id)
		name, owner = u.Name, u.Email
	}
	if err != nil {
		return err
	}
	file := ""
	if !node.IsZero() {
		if file, owner, err = whereabouts(tx, node); err != nil {
			return err
		}
	}
	where := of + " " + id.String()
	if name != "" {
		where += " “" + name + "”"
	}
	kind := "damaged_record"
	if what == "key" {
		kind = "damaged_key"
	}
	c.bad(kind, where, "its %s cannot be opened: %v. %s", what, cause, cure)
	p := &c.Problems[len(c.Problems)-1]
	p.File, p.Owner = file, owner
	return nil
}
