package db_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// A drive is a personal space in an empty database.
type drive struct {
	*db.DB
	t     testing.TB
	space coffer.Space
}

func newDrive(t testing.TB, d *db.DB) drive {
	v := drive{d, t, coffer.Space{ID: coffer.NewID(), Kind: coffer.Personal, OwnerID: coffer.NewID(), RootID: coffer.NewID(), Quota: -1}}
	v.update(func(tx *db.Tx) error {
		if _, err := tx.Exec(`INSERT INTO keyring (kek_ver, active, provider, key_ref, wrapped, check_sealed, created_at) VALUES (1, TRUE, 'test', '', $1, $1, 0)`, []byte("k")); err != nil {
			return err
		}
		u := coffer.User{ID: v.space.OwnerID, Email: "ann@example.com", Name: "Ann", Role: coffer.RoleMember, Theme: "system", Language: "en"}
		if err := tx.InsertUser(u, db.Password{Sealed: []byte("p"), KEKVer: 1}); err != nil {
			return err
		}
		made, err := tx.InsertSpace(v.space)
		if err != nil || !made {
			return errors.Join(err, fmt.Errorf("made %v", made))
		}
		if _, err := tx.Exec(`INSERT INTO space_key (space_id, sk_ver, active, wrap_kind, kek_ver, sealed, created_at) VALUES ($1, 1, TRUE, 'kek', 1, $2, 0)`, v.space.ID, []byte("s")); err != nil {
			return err
		}
		return tx.InsertNode(coffer.Node{ID: v.space.RootID, SpaceID: v.space.ID, Kind: coffer.Folder, CreatedAt: tx.Now, ChangedAt: tx.Now})
	})
	return v
}

func (v drive) update(fn func(tx *db.Tx) error) {
	v.t.Helper()
	if err := v.Update(context.Background(), fn); err != nil {
		v.t.Fatal(err)
	}
}

func (v drive) view(fn func(tx *db.Tx) error) {
	v.t.Helper()
	if err := v.View(context.Background(), fn); err != nil {
		v.t.Fatal(err)
	}
}

// add makes a node; a file gets one version over a blob of its own.
func (v drive) add(parent coffer.ID, kind coffer.NodeKind, name string, size int64) coffer.Node {
	v.t.Helper()
	n := coffer.Node{ID: coffer.NewID(), SpaceID: v.space.ID, ParentID: parent, Kind: kind, Name: name, Size: size, CreatedBy: v.space.OwnerID}
	v.update(func(tx *db.Tx) error {
		n.CreatedAt, n.ChangedAt = tx.Now, tx.Now+size
		ver := v.version(n, 1)
		if kind == coffer.File {
			n.VersionID, n.MediaType = ver.ID, ver.MediaType
		}
		if err := errors.Join(tx.InsertNode(n), tx.AddChildren(parent, 1)); err != nil || kind == coffer.Folder {
			return err
		}
		_, err := tx.TakeQuota(v.space.ID, size, 0)
		return errors.Join(err, tx.InsertLiveBlob(ver.BlobID, 23, size+72), tx.InsertVersion(ver))
	})
	return n
}

func (v drive) version(n coffer.Node, number int64) db.Version {
	return db.Version{Version: coffer.Version{ID: coffer.NewID(), NodeID: n.ID, SpaceID: v.space.ID, Number: number, BlobID: coffer.RandomID(),
		Size: n.Size, MediaType: "text/plain", CreatedBy: v.space.OwnerID, CreatedAt: n.CreatedAt}, DEK: []byte("dek"), SKVer: 1}
}

func TestSpace(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		v := newDrive(t, open())
		v.update(func(tx *db.Tx) error {
			again := v.space
			again.ID = coffer.NewID()
			if made, err := tx.InsertSpace(again); err != nil || made {
				t.Errorf("a second space of one owner: %v, %v", made, err)
			}
			got, err := tx.PersonalSpace(v.space.OwnerID)
			if err != nil || got.ID != v.space.ID || got.Quota != -1 || got.CreatedAt != tx.Now && got.CreatedAt == 0 {
				t.Errorf("space %+v, %v", got, err)
			}
			first, err := tx.LockSpace(v.space.ID)
			if err != nil {
				return err
			}
			second, err := tx.LockSpace(v.space.ID)
			if err != nil || second.Seq != first.Seq+1 {
				t.Errorf("seq %d, then %d, %v", first.Seq, second.Seq, err)
			}
			if _, err := tx.LockSpace(coffer.NewID()); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("lock of no space: %v", err)
			}
			if _, err := tx.PersonalSpace(coffer.NewID()); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("no space: %v", err)
			}
			return nil
		})
	})
}

func TestQuota(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		v := newDrive(t, open())
		v.update(func(tx *db.Tx) error {
			rows := []struct {
				quota, used, reserved int64
				ok                    bool
				wantUsed, wantRes     int64
			}{
				{-1, 100, 0, true, 100, 0},
				{120, 21, 0, false, 100, 0},
				{120, 0, 20, true, 100, 20},
				{120, 1, 0, false, 100, 20},
				{120, 20, -20, true, 120, 0},
				{50, 10, -20 + 10, true, 130, -10}, // nothing greater: allowed, though over (and only here below 0)
			}
			for _, r := range rows[:5] {
				if err := tx.SetQuota(v.space.OwnerID, &r.quota); err != nil {
					return err
				}
				ok, err := tx.TakeQuota(v.space.ID, r.used, r.reserved)
				if err != nil || ok != r.ok {
					t.Errorf("%+v: %v, %v", r, ok, err)
				}
				s, err := tx.Space(v.space.ID)
				if err != nil || s.Used != r.wantUsed || s.Reserved != r.wantRes || s.Quota != r.quota {
					t.Errorf("%+v: %+v, %v", r, s, err)
				}
			}
			if err := tx.SetQuota(v.space.OwnerID, &[]int64{50}[0]); err != nil {
				return err
			}
			ok, err := tx.TakeQuota(v.space.ID, -30, 0) // still over, but less
			if err != nil || !ok {
				t.Errorf("giving back while over: %v, %v", ok, err)
			}
			return nil
		})
	})
}

// TestPlace: what a decision sees of a node in each state.
func TestPlace(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		v := newDrive(t, open())
		a := v.add(v.space.RootID, coffer.Folder, "a", 0)
		b := v.add(a.ID, coffer.Folder, "b", 0)
		f := v.add(b.ID, coffer.File, "f", 3)
		check := func(what string, id coffer.ID, depth int64, living, trashed bool) {
			t.Helper()
			v.view(func(tx *db.Tx) error {
				p, err := tx.Place(id, coffer.ID{})
				if err != nil || p.Node.ID != id || p.Space.ID != v.space.ID || p.Depth != depth || p.Living() != living || p.Trashed() != trashed {
					t.Errorf("%s: %+v, %v; want depth %d, living %v, trashed %v", what, p, err, depth, living, trashed)
				}
				return nil
			})
		}
		check("root", v.space.RootID, 0, true, false)
		check("file", f.ID, 3, true, false)
		v.update(func(tx *db.Tx) error { return tx.TrashNode(f.ID, v.space.OwnerID) })
		check("trashed", f.ID, 3, false, true)
		check("above the trashed", b.ID, 2, true, false)
		v.update(func(tx *db.Tx) error { return tx.TrashNode(a.ID, v.space.OwnerID) })
		check("below trash", b.ID, 2, false, false)
		check("trashed, below trash", f.ID, 3, false, true)
		v.update(func(tx *db.Tx) error { return tx.DoomNode(a.ID) })
		check("doomed", a.ID, 1, false, false)
		check("below doomed", b.ID, 2, false, false)
		check("trashed, below doomed", f.ID, 3, false, true)
		hidden := coffer.Node{ID: coffer.NewID(), SpaceID: v.space.ID, Kind: coffer.Folder, Name: "h"}
		v.update(func(tx *db.Tx) error { return tx.InsertHidden(hidden, tx.Now+1000) })
		in := v.add(hidden.ID, coffer.File, "in", 1)
		check("hidden", hidden.ID, 0, false, false)
		check("below hidden", in.ID, 1, false, false)
		v.view(func(tx *db.Tx) error {
			if _, err := tx.Place(coffer.NewID(), coffer.ID{}); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("no node: %v", err)
			}
			above, err := tx.Above(f.ID)
			if want := []db.Crumb{{ID: v.space.RootID}, {a.ID, "a"}, {b.ID, "b"}}; err != nil || !slices.Equal(above, want) {
				t.Errorf("above: %v, %v", above, err)
			}
			return nil
		})
	})
}

// TestChildrenOrders compares every order, direction, page size and filter
// with a sort in memory.
func TestChildrenOrders(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		v := newDrive(t, open())
		var all []coffer.Node
		for i, name := range []string{"file10", "File2", "file2b", "100%", "a_b", "aXb", "Ä", "z!z", "日本", "file 3"} {
			kind := coffer.File
			if i%3 == 0 {
				kind = coffer.Folder
			}
			size := int64(i * 7 % 4)
			n := v.add(v.space.RootID, kind, name, size)
			if kind == coffer.Folder {
				v.update(func(tx *db.Tx) error { return tx.ExecOne(`UPDATE node SET size = 0 WHERE id = $1`, n.ID) })
				n.Size = 0
			}
			all = append(all, n)
		}
		gone := v.add(v.space.RootID, coffer.File, "file gone", 1)
		v.update(func(tx *db.Tx) error { return tx.TrashNode(gone.ID, v.space.OwnerID) })
		for _, query := range []string{"", "FILE", "_", "%", "!", "ä", "b", "nothing"} {
			var match []coffer.Node
			for _, n := range all {
				if bytes.Contains(coffer.NameKey(n.Name), coffer.NameKey(query)) {
					match = append(match, n)
				}
			}
			for _, by := range []db.Sort{db.ByName, db.ByChanged, db.BySize} {
				for _, desc := range []bool{false, true} {
					for _, filesFirst := range []bool{false, true} {
						want := slices.Clone(match)
						slices.SortFunc(want, func(a, b coffer.Node) int { return order(a, b, by, desc, filesFirst) })
						for _, limit := range []int{1, 3, 20} {
							var got []string
							l := db.Listing{Parent: v.space.RootID, Sort: by, Desc: desc, Query: query, Limit: limit}
							v.view(func(tx *db.Tx) error {
								for {
									page, err := tx.Children(l, filesFirst)
									if err != nil {
										return err
									}
									for _, c := range page {
										got = append(got, c.Name)
									}
									if len(page) < limit {
										break
									}
									at, err := tx.PositionOf(page[limit-1].Node, by)
									if err != nil {
										return err
									}
									l.After = &at
								}
								if n, err := tx.CountChildren(v.space.RootID, query); query != "" && (err != nil || n != int64(len(match))) {
									t.Errorf("count of %q: %d, %v", query, n, err)
								}
								return nil
							})
							if !slices.Equal(got, names(want)) {
								t.Fatalf("q %q sort %d desc %v files first %v limit %d:\n got %q\nwant %q", query, by, desc, filesFirst, limit, got, names(want))
							}
						}
					}
				}
			}
		}
	})
}

func names(nodes []coffer.Node) (out []string) {
	for _, n := range nodes {
		out = append(out, n.Name)
	}
	return out
}

func order(a, b coffer.Node, by db.Sort, desc, filesFirst bool) int {
	if a.Kind != b.Kind {
		if (a.Kind == coffer.Folder) != filesFirst {
			return -1
		}
		return 1
	}
	c := 0
	switch by {
	case db.ByName:
		c = bytes.Compare(coffer.SortKey(a.Name), coffer.SortKey(b.Name))
	case db.ByChanged:
		c = int(a.ChangedAt - b.ChangedAt)
	case db.BySize:
		c = int(a.Size - b.Size)
	}
	if c == 0 {
		c = bytes.Compare(a.ID[:], b.ID[:])
	}
	if desc {
		return -c
	}
	return c
}

func TestNodeName(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		v := newDrive(t, open())
		f := v.add(v.space.RootID, coffer.File, "Größe.txt", 1)
		v.view(func(tx *db.Tx) error {
			for _, name := range []string{"Größe.txt", "GRÖSSE.TXT", "gro\u0308ße.txt"} {
				if n, err := tx.ChildNamed(v.space.RootID, name); err != nil || n.ID != f.ID {
					t.Errorf("%q: %v, %v", name, n.ID, err)
				}
			}
			if _, err := tx.ChildNamed(v.space.RootID, "Größe"); !errors.Is(err, coffer.ErrNotFound) {
				t.Errorf("another name: %v", err)
			}
			return nil
		})
		twin := coffer.Node{ID: coffer.NewID(), SpaceID: v.space.ID, ParentID: v.space.RootID, Kind: coffer.Folder, Name: "GRÖSSE.txt"}
		if err := v.Update(context.Background(), func(tx *db.Tx) error { return tx.InsertNode(twin) }); !errors.Is(err, db.ErrTaken) {
			t.Errorf("a living twin: %v", err)
		}
		v.update(func(tx *db.Tx) error { return tx.TrashNode(f.ID, v.space.OwnerID) })
		v.update(func(tx *db.Tx) error { return tx.InsertNode(twin) })
		v.update(func(tx *db.Tx) error { return tx.RenameNode(twin.ID, "other", v.space.OwnerID) })
		v.view(func(tx *db.Tx) error {
			n, err := tx.ChildNamed(v.space.RootID, "OTHER")
			if err != nil || n.Name != "other" || n.Rev != 2 || n.ChangedBy != v.space.OwnerID {
				t.Errorf("renamed: %+v, %v", n, err)
			}
			return nil
		})
	})
}
