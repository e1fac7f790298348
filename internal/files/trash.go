package files

import (
	"context"
	"encoding/binary"
	"errors"

	"coffer"
	"coffer/internal/db"
)

// TrashItem is a node in the trash.
type TrashItem struct {
	Item
	TrashedBy  Person
	PurgeAt    int64   // when it is deleted for ever
	Where      []Crumb // the folders it was in, from the root; nil when they are deleted for ever
	ParentGone bool    // the folder it was in is gone or in the trash itself
}

// Trash puts a node, with all below it, into the trash. ifRev, unless 0, is
// what its Rev must be.
func (v *View) Trash(ctx context.Context, id coffer.ID, ifRev int64) error {
	p, err := v.reach(ctx, id, coffer.Write)
	if err != nil {
		return err
	}
	if p.node.ParentID.IsZero() {
		return errRoot()
	}
	if err := p.checkPlace(); err != nil {
		return err
	}
	return v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p := ps[0]
		if err := p.checkPlace(); err != nil {
			return nil, err
		}
		if ifRev != 0 && ifRev != p.node.Rev {
			return nil, stale()
		}
		if err := tx.TrashNode(p.node.ID, v.p.User.ID); err != nil {
			return nil, err
		}
		if err := tx.AddChildren(p.node.ParentID, -1); err != nil {
			return nil, err
		}
		return []act{{action: "node.trashed", node: p.node.ID, target: p.node.ParentID, detail: map[string]any{"name": p.node.Name}}}, nil
	}, p)
}

// ListTrash lists what is in the trash of a space, the own one when that is
// zero, newest first, for who may put it back. limit is as in ListOptions.
func (v *View) ListTrash(ctx context.Context, space coffer.ID, limit int, cursor string) (page Page[TrashItem], err error) {
	root, err := v.root(ctx, space, coffer.Read)
	if space.IsZero() && errors.Is(err, coffer.ErrNotFound) {
		return page, nil
	}
	if err != nil {
		return page, err
	}
	err = v.look(ctx, root.node.ID, coffer.Read, func(tx *db.Tx, p pass) error {
		if !p.access.Allows(coffer.Write) {
			return coffer.E(coffer.Forbidden, "forbidden", "You may only view this space, not its trash.")
		}
		page, err = v.listTrash(tx, p, limit, cursor)
		return err
	})
	return page, err
}

func (v *View) listTrash(tx *db.Tx, p pass, limit int, text string) (page Page[TrashItem], err error) {
	if limit, err = limitOf(limit); err != nil {
		return page, err
	}
	mac := newCursor(v, "trash", p.space.ID[:])
	var at int64
	var id coffer.ID
	if text != "" {
		raw, err := mac.Open(text)
		if err != nil {
			return page, err
		}
		if len(raw) != 8+len(id) {
			return page, badCursor()
		}
		at, id = int64(binary.BigEndian.Uint64(raw)), coffer.ID(raw[8:])
	}
	nodes, err := tx.Trash(p.space.ID, at, id, limit+1)
	if err != nil {
		return page, err
	}
	if len(nodes) > limit {
		nodes = nodes[:limit]
		last := nodes[limit-1]
		if page.Next, err = mac.Seal(append(binary.BigEndian.AppendUint64(nil, uint64(last.TrashedAt)), last.ID[:]...)); err != nil {
			return page, err
		}
	}
	who, places := v.people(tx), map[coffer.ID]place{}
	page.Items = make([]TrashItem, len(nodes))
	for i, n := range nodes {
		t := &page.Items[i]
		if t.Item, err = who.item(n, p.access); err != nil {
			return page, err
		}
		if t.TrashedBy, err = who.person(n.TrashedBy); err != nil {
			return page, err
		}
		where, err := wasIn(tx, places, n.ParentID)
		if err != nil {
			return page, err
		}
		t.PurgeAt, t.Where, t.ParentGone = n.TrashedAt+v.s.retention.Trash.Milliseconds(), where.path, !where.living
	}
	page.Total, err = tx.CountTrash(p.space.ID)
	return page, err
}

// A place is a folder that something in the trash was in.
type place struct {
	path   []Crumb
	living bool
}

func wasIn(tx *db.Tx, known map[coffer.ID]place, folder coffer.ID) (place, error) {
	if folder.IsZero() {
		return place{}, nil
	}
	if w, ok := known[folder]; ok {
		return w, nil
	}
	at, err := tx.Place(folder, coffer.ID{})
	if err != nil {
		return place{}, err
	}
	above, err := tx.Above(folder)
	if err != nil {
		return place{}, err
	}
	w := place{living: at.Living()}
	for _, c := range append(above, db.Crumb{ID: folder, Name: at.Node.Name}) {
		w.path = append(w.path, Crumb(c))
	}
	known[folder] = w
	return w, nil
}

// Restore takes a node out of the trash, into the folder it was in or into
// parent, unless that is zero. Where its name is taken it gets another. When
// the folder it was in is gone the answer is a Conflict, parent_gone.
func (v *View) Restore(ctx context.Context, id, parent coffer.ID) (d Detail, err error) {
	p, err := v.reachTrash(ctx, id, coffer.Write)
	if err != nil {
		return d, err
	}
	to := parent
	if to.IsZero() {
		to = p.node.ParentID
	}
	folder, err := v.reach(ctx, to, coffer.Write)
	if errors.Is(err, coffer.ErrNotFound) && parent.IsZero() {
		return d, parentGone()
	}
	if err != nil {
		return d, err
	}
	if err := checkFolder(folder); err != nil {
		return d, err
	}
	if folder.space.ID != p.space.ID {
		return d, coffer.E(coffer.Invalid, "invalid", "Things are restored in their own space.")
	}
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p, folder := ps[0], ps[1]
		if parent.IsZero() && folder.node.ID != p.node.ParentID {
			return nil, parentGone()
		}
		spot, err := findSpot(tx, folder.node.ID, p.node.Name, p.node.Kind, coffer.KeepBoth, coffer.ID{})
		if err != nil {
			return nil, err
		}
		if err := checkDepth(tx, p.node, -1, folder.depth+1); err != nil {
			return nil, err
		}
		if err := tx.PlaceNode(p.node.ID, folder.node.ID, spot.name); err != nil {
			return nil, err
		}
		if err := tx.AddChildren(folder.node.ID, 1); err != nil {
			return nil, err
		}
		d, err = v.detailUnder(tx, folder, p.node.ID)
		return []act{{action: "node.restored", node: p.node.ID, target: folder.node.ID, detail: map[string]any{"name": spot.name, "before": p.node.Name}}}, err
	}, p, folder)
	return d, err
}

func parentGone() error {
	return coffer.E(coffer.Conflict, "parent_gone", "The folder it was in is gone. Choose another folder.")
}

// Delete deletes something in the trash for ever. It is gone for everybody at
// once; a job removes the rest of a large folder. final is when the last backup
// that may hold it has ended (ms).
func (v *View) Delete(ctx context.Context, id coffer.ID) (final int64, err error) {
	p, err := v.reachTrash(ctx, id, coffer.Delete)
	if err != nil {
		return 0, err
	}
	return final, v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		final = v.s.erased(tx)
		budget := purgeBatch
		a, err := v.s.doom(ctx, tx, ps[0].node, &budget)
		return []act{a}, err
	}, p)
}

// erased is when the erasure of what is deleted now is final: when the last
// backup from before has ended.
func (s *Service) erased(tx *db.Tx) int64 { return tx.Now + s.retention.Backups.Milliseconds() }

// EmptyTrash deletes for ever all that is in the trash of a space, the own one
// when that is zero, now. final is as of Delete.
func (v *View) EmptyTrash(ctx context.Context, space coffer.ID) (final int64, err error) {
	own, err := v.root(ctx, space, coffer.Delete)
	if err != nil {
		return 0, err
	}
	var upTo int64
	for more := true; more; {
		err := v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
			if upTo == 0 {
				upTo = tx.Now
			}
			final = v.s.erased(tx)
			nodes, err := tx.Trash(ps[0].space.ID, upTo+1, coffer.ID{}, emptyBatch)
			if err != nil {
				return nil, err
			}
			if more = len(nodes) == emptyBatch; len(nodes) == 0 {
				return nil, errUnchanged
			}
			return v.s.doomAll(ctx, tx, nodes)
		}, own)
		if err != nil {
			return 0, err
		}
	}
	return final, nil
}

// emptyBatch is how many nodes of the trash one transaction deletes.
const emptyBatch = 100

func (s *Service) doomAll(ctx context.Context, tx *db.Tx, nodes []coffer.Node) (acts []act, err error) {
	budget := purgeBatch
	for _, n := range nodes {
		a, err := s.doom(ctx, tx, n, &budget)
		if err != nil {
			return nil, err
		}
		acts = append(acts, a)
	}
	return acts, nil
}

// doom deletes a node of the trash for ever: at once as far as the budget of
// rows goes, the rest by the job.
func (s *Service) doom(ctx context.Context, tx *db.Tx, n coffer.Node, budget *int) (act, error) {
	a := act{action: "node.deleted", node: n.ID, detail: map[string]any{"name": n.Name}}
	if err := tx.DoomNode(n.ID); err != nil {
		return a, err
	}
	left, err := purge(tx, n, []coffer.ID{n.ID}, budget)
	if err != nil || len(left) == 0 {
		return a, err
	}
	return a, s.doomed(ctx, tx, n.ID)
}
