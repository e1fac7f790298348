package db

import (
	"cmp"
	"slices"

	"coffer"
)

// The actions after which people look for a node again, as lists of SQL. Each
// is about the node of its event.
const (
	openings = `'file.opened'`
	changes  = `'file.uploaded', 'folder.created', 'node.renamed', 'node.moved', 'node.copied', 'node.restored', 'version.restored'`
)

// A Touch is an event by which a person may remember a node.
type Touch struct {
	Num, At         int64
	NodeID, ActorID coffer.ID
	Opened          bool // else changed
	Newest          bool // no later event is a touch of the node
}

func scanTouch(scan scan) (t Touch, err error) {
	err = scan(&t.Num, &t.At, &t.NodeID, &t.ActorID, &t.Opened, &t.Newest)
	return t, err
}

// Touches returns up to limit events with numbers below before, newest first:
// what a person opened or changed, and what anybody changed in the spaces. When
// they are fewer than limit, there are no more.
func (tx *Tx) Touches(user coffer.ID, spaces []coffer.ID, before int64, limit int) ([]Touch, error) {
	args := []any{user, before, limit}
	later := `l.actor_id = $1 AND l.action IN (` + openings + `, ` + changes + `)`
	if len(spaces) > 0 {
		later += ` OR l.space_id IN (` + placeholders(len(args)+1, len(spaces)) + `) AND l.action IN (` + changes + `)`
		for _, id := range spaces {
			args = append(args, id)
		}
	}
	from := func(where string) ([]Touch, error) {
		return collect(tx, scanTouch, `SELECT e.num, e.at, e.node_id, e.actor_id, e.action IN (`+openings+`),
				NOT EXISTS (SELECT 1 FROM event AS l WHERE l.node_id = e.node_id AND l.num > e.num AND (`+later+`))
			FROM event AS e WHERE `+where+` AND e.num < $2 ORDER BY e.num DESC LIMIT CAST($3 AS BIGINT)`, args...)
	}
	all, err := from(`e.actor_id = $1 AND e.action IN (` + openings + `, ` + changes + `)`)
	if err != nil {
		return nil, err
	}
	for i := range spaces {
		more, err := from(`e.space_id = ` + placeholders(4+i, 1) + ` AND e.action IN (` + changes + `)`)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	slices.SortFunc(all, func(a, b Touch) int { return cmp.Compare(b.Num, a.Num) })
	all = slices.CompactFunc(all, func(a, b Touch) bool { return a.Num == b.Num })
	return all[:min(len(all), limit)], nil
}
