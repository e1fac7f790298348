package files_test

import (
	"errors"
	"fmt"
	"testing"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// BenchmarkDecide is what a database takes to decide about a listing of 1,000
// rows at depth 20 with 500 grants, and to tell what each row may and reaches.
func BenchmarkDecide(b *testing.B) {
	for _, engine := range []struct {
		name string
		open func(testing.TB) (*db.DB, func())
	}{{"sqlite", func(t testing.TB) (*db.DB, func()) { return dbtest.SQLite(t), func() {} }}, {"postgres", dbtest.Counted}} {
		b.Run(engine.name, func(b *testing.B) {
			d, count := engine.open(b)
			w := newWorld(b, d, newClock(), blob.NewMemory())
			folder, viewer, rows := w.deep(20, 1000, 500)
			count()
			var given []coffer.ID
			w.ok(w.db.View(ctx, func(tx *db.Tx) error {
				children, err := tx.Children(db.Listing{Parent: folder, Limit: len(rows)}, false)
				given = ownGrants(children)
				return err
			}))
			for _, part := range []struct {
				name string
				do   func(tx *db.Tx) error
			}{
				{"decision", func(tx *db.Tx) error { _, err := tx.Place(folder, viewer); return err }},
				{"reach", func(tx *db.Tx) error { _, err := tx.CountOn(folder, given); return err }},
				{"children", func(tx *db.Tx) error {
					_, err := tx.Children(db.Listing{Parent: folder, Limit: len(rows), Room: len(rows)}, false)
					return err
				}},
				{"all", func(tx *db.Tx) error {
					if _, err := tx.Place(folder, viewer); err != nil {
						return err
					}
					children, err := tx.Children(db.Listing{Parent: folder, Limit: len(rows), Room: len(rows)}, false)
					if err != nil {
						return err
					}
					_, err = tx.CountOn(folder, ownGrants(children))
					return err
				}},
			} {
				b.Run(part.name, func(b *testing.B) {
					for b.Loop() {
						w.ok(w.db.View(ctx, part.do))
					}
				})
			}
		})
	}
}

func ownGrants(children []db.Child) (ids []coffer.ID) {
	for _, c := range children {
		if c.Given {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// deep makes a folder so many folders below a root, with rows in it, and grants
// spread over the way to it and over its rows, a few of them to groups. The
// viewer has a handful.
func (w *world) deep(depth, rows, grants int) (folder, viewer coffer.ID, ids []coffer.ID) {
	ann := w.person("Ann")
	people := make([]*person, 60)
	for i := range people {
		people[i] = w.person(fmt.Sprint("P", i))
	}
	var groups []coffer.ID
	for i := range 10 {
		groups = append(groups, w.group(fmt.Sprint("G", i), people[i*5:i*5+5]...))
	}
	space, folder := ann.space(), ann.root
	way := []coffer.ID{folder}
	w.ok(w.db.Update(ctx, func(tx *db.Tx) error {
		add := func(parent coffer.ID, name string) (coffer.ID, error) {
			n := coffer.Node{ID: coffer.NewID(), SpaceID: space.ID, ParentID: parent, Name: name, CreatedAt: tx.Now, ChangedAt: tx.Now}
			return n.ID, errors.Join(tx.InsertNode(n), tx.AddChildren(parent, 1))
		}
		for i := range depth {
			var err error
			if folder, err = add(folder, fmt.Sprint("folder ", i)); err != nil {
				return err
			}
			way = append(way, folder)
		}
		for i := range rows {
			id, err := add(folder, fmt.Sprint("row ", i))
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		for i := range grants {
			g := coffer.Grant{ID: coffer.NewID(), NodeID: way[i%len(way)], Access: coffer.CanView, UserID: people[i/len(way)%len(people)].who.User.ID}
			if i%5 == 0 {
				g.NodeID = ids[i%len(ids)]
			}
			if i%25 == 0 {
				g.UserID, g.GroupID = coffer.ID{}, groups[i/25%len(groups)]
			}
			if err := tx.InsertGrant(g); err != nil && !errors.Is(err, db.ErrTaken) {
				return err
			}
		}
		return nil
	}))
	return folder, people[1].who.User.ID, ids
}
