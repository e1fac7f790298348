package db

import "coffer"

// Sort is an order of the children of a folder. Folders come first in each.
type Sort uint8

// The orders, each with an index.
const (
	ByName Sort = iota
	ByChanged
	BySize
)

// Position is where a child stands in an order. Key is used with ByName, Num
// with the others.
type Position struct {
	Kind coffer.NodeKind
	Key  []byte
	Num  int64
	ID   coffer.ID
}

// A Listing asks for children of a folder.
type Listing struct {
	Parent coffer.ID
	Sort   Sort
	Desc   bool
	After  *Position // nil: from the beginning of the order
	Query  string    // only names that contain it, folded; "": all
	Limit  int
	Room   int // how many are expected, to make room for; 0: nobody knows
}

// A Child is one living child of a folder.
type Child struct {
	coffer.Node
	Given bool // it has grants of its own
}

// Children returns the living children of a folder. Folders come first also
// in descending order, unless last is asked for by FilesFirst.
func (tx *Tx) Children(l Listing, filesFirst bool) ([]Child, error) {
	kinds := [...]coffer.NodeKind{coffer.Folder, coffer.File}
	if filesFirst {
		kinds = [...]coffer.NodeKind{coffer.File, coffer.Folder}
	}
	out := make([]Child, 0, min(l.Room, l.Limit))
	for i, kind := range kinds {
		after := l.After
		if after != nil && after.Kind != kind {
			if i == 0 { // the position is in the second kind
				continue
			}
			after = nil
		}
		var err error
		if out, err = tx.childrenOf(out, l, kind, after); err != nil {
			return nil, err
		}
		if len(out) == l.Limit {
			break
		}
	}
	return out, nil
}

// childrenOf adds the children of one kind, up to the limit.
func (tx *Tx) childrenOf(out []Child, l Listing, kind coffer.NodeKind, after *Position) ([]Child, error) {
	column, cmp, dir := "sort_key", ">", ""
	switch l.Sort {
	case ByChanged:
		column = "changed_at"
	case BySize:
		column = "size"
	}
	if l.Desc {
		cmp, dir = "<", " DESC"
	}
	q := `SELECT n.id, n.space_id, n.name, n.child_count, n.size, n.version_id, n.media_type, n.rev, n.created_by, n.changed_by, n.created_at, n.changed_at,
			EXISTS (SELECT 1 FROM grants AS g WHERE g.node_id = n.id)
		FROM node AS n WHERE n.parent_id = $1 AND n.kind = $2 AND n.trashed_at IS NULL`
	args := []any{l.Parent, int64(kind), l.Limit - len(out)}
	if after != nil {
		q += ` AND (n.` + column + `, n.id) ` + cmp + ` ($4, $5)`
		if l.Sort == ByName {
			args = append(args, after.Key, after.ID)
		} else {
			args = append(args, after.Num, after.ID)
		}
	}
	if l.Query != "" {
		q += ` AND ` + tx.contains("n.name_key", placeholders(len(args)+1, 1))
		args = append(args, coffer.NameKey(l.Query))
	}
	// The CAST keeps SQLite from planning the query anew for each number.
	q += ` ORDER BY n.` + column + dir + `, n.id` + dir + ` LIMIT CAST($3 AS BIGINT)`
	var c Child
	fields := []any{&c.ID, &c.SpaceID, &c.Name, &c.ChildCount, &c.Size, &c.VersionID, &c.MediaType, &c.Rev, &c.CreatedBy, &c.ChangedBy, &c.CreatedAt, &c.ChangedAt, &c.Given}
	err := tx.each(q, args, func(scan scan) error {
		err := scan(fields...)
		c.ParentID, c.Kind = l.Parent, kind
		out = append(out, c)
		return err
	})
	return out, err
}

// PositionOf returns where a child that Children returned stands.
func (tx *Tx) PositionOf(n coffer.Node, by Sort) (p Position, err error) {
	p = Position{Kind: n.Kind, ID: n.ID}
	switch by {
	case ByName:
		err = tx.row(`SELECT sort_key FROM node WHERE id = $1`, n.ID).Scan(&p.Key)
	case ByChanged:
		p.Num = n.ChangedAt
	case BySize:
		p.Num = n.Size
	}
	return p, err
}

// CountChildren returns how many living children of a folder have names that
// contain query, folded.
func (tx *Tx) CountChildren(parent coffer.ID, query string) (n int64, err error) {
	err = tx.row(`SELECT CAST(COUNT(*) AS BIGINT) FROM node AS n WHERE n.parent_id = $1 AND n.trashed_at IS NULL AND `+
		tx.contains("n.name_key", "$2"), parent, coffer.NameKey(query)).Scan(&n)
	return n, err
}

// contains is the condition that the bytes of one operand are somewhere in
// another. The engines have no common word for it.
func (tx *Tx) contains(in, part string) string {
	if tx.engine == Postgres {
		return `position(` + part + ` IN ` + in + `) > 0`
	}
	return `instr(` + in + `, ` + part + `) > 0`
}
