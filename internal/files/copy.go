package files

import (
	"context"
	"errors"
	"slices"
	"time"

	"coffer"
	"coffer/internal/db"
)

// Copy copies a node into a folder, under name or, when that is empty, its
// own. Contents are shared and counted in full; old versions stay behind.
// Where the name is taken, version and merge do as in Change, and created is
// false.
//
// A folder is copied in many small transactions under a hidden node and shown
// by the last one: a crash leaves only what a job removes. Changes to the
// source meanwhile may or may not be in the copy.
func (v *View) Copy(ctx context.Context, id, parent coffer.ID, name string, how coffer.IfExists) (d Detail, created bool, err error) {
	src, err := v.reach(ctx, id, coffer.Read)
	if err != nil {
		return d, false, err
	}
	folder, err := v.reach(ctx, parent, coffer.Write)
	if err != nil {
		return d, false, err
	}
	if name == "" {
		name = src.node.Name
	}
	if err := checkNew(folder, name, how, coffer.Fail, coffer.KeepBoth, coffer.Replace, coffer.Merge); err != nil {
		return d, false, err
	}
	if src.node.Kind == coffer.File {
		return v.copyFile(ctx, src, folder, name, how)
	}
	return v.copyFolder(ctx, src, folder, name, how)
}

func copied(src pass, to coffer.ID, name string, nodes int64) act {
	return act{action: "node.copied", node: to, target: src.node.ID, detail: map[string]any{"name": name, "from": src.node.Name, "nodes": nodes}}
}

func (v *View) copyFile(ctx context.Context, src, folder pass, name string, how coffer.IfExists) (d Detail, created bool, err error) {
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		folder, src := ps[0], ps[1]
		if folder.depth+1 > maxDepth {
			return nil, errDepth()
		}
		st, err := v.content(tx, src)
		if err != nil {
			return nil, err
		}
		defer st.dek.Key.Clear()
		spot, err := findSpot(tx, folder.node.ID, name, coffer.File, how, coffer.ID{})
		if err != nil {
			return nil, err
		}
		if err := takeQuota(tx, folder, st.dek.Size, 0); err != nil {
			return nil, err
		}
		if created = spot.onto == nil; created {
			d, err = v.addFile(tx, folder, spot.name, st)
		} else {
			var onto pass
			if onto, err = folder.child(*spot.onto); err != nil {
				return nil, err
			}
			d, err = v.addVersion(tx, onto, st)
		}
		if err != nil {
			return nil, err
		}
		d, err = v.detailUnder(tx, folder, d.ID)
		return []act{copied(src, d.ID, d.Name, 1)}, err
	}, folder, src)
	return d, created && err == nil, err
}

// content is the current content of the file of a pass, ready to be named once
// more.
func (v *View) content(tx *db.Tx, p pass) (stored, error) {
	ver, err := tx.Version(p.node.ID, p.node.VersionID)
	if err != nil {
		return stored{}, err
	}
	dek, err := v.s.openKey(tx, p, ver)
	return stored{blob: ver.BlobID, dek: dek, mediaType: ver.MediaType}, err
}

const (
	copyBatch  = 100       // nodes in one transaction
	copyMayRun = time.Hour // between two of them
)

// copying is a folder that is copied, with where to go on.
type copying struct {
	from, to, after coffer.ID
}

func (v *View) copyFolder(ctx context.Context, src, folder pass, name string, how coffer.IfExists) (d Detail, created bool, err error) {
	// The early verdict: nobody waits for a long copy that cannot be shown.
	err = v.look(ctx, folder.node.ID, coffer.Write, func(tx *db.Tx, folder pass) error {
		if _, err := findSpot(tx, folder.node.ID, name, coffer.Folder, how, coffer.ID{}); err != nil {
			return err
		}
		_, bytes, err := tx.Subtree(src.node.ID)
		if err != nil {
			return err
		}
		if bytes > folder.space.Free() {
			return overQuota(folder.space, bytes)
		}
		return checkDepth(tx, src.node, -1, folder.depth+1)
	})
	if err != nil {
		return d, false, err
	}
	root := coffer.Node{ID: coffer.NewID(), SpaceID: folder.space.ID, Kind: coffer.Folder, Name: name, CreatedBy: v.p.User.ID, ChangedBy: v.p.User.ID}
	err = v.prepare(ctx, func(tx *db.Tx, ps []pass) error {
		root.CreatedAt, root.ChangedAt = tx.Now, tx.Now
		return tx.InsertHidden(root, tx.Now+copyMayRun.Milliseconds())
	}, folder, src)
	if err == nil {
		var nodes int64
		if nodes, err = v.copyBelow(ctx, src, folder, root); err == nil {
			d, created, err = v.showCopy(ctx, src, folder, root, name, how, nodes)
		}
	}
	if err != nil {
		return d, false, errors.Join(err, v.s.dropCopy(context.WithoutCancel(ctx), root))
	}
	return d, created, nil
}

// copyBelow copies what lies below the source under the hidden root.
func (v *View) copyBelow(ctx context.Context, src, folder pass, root coffer.Node) (nodes int64, err error) {
	todo := []copying{{from: src.node.ID, to: root.ID}}
	for len(todo) > 0 {
		if err := ctx.Err(); err != nil {
			return nodes, err
		}
		var left []copying
		var made int64
		err := v.prepare(ctx, func(tx *db.Tx, ps []pass) error {
			left, made = slices.Clone(todo), 0
			if err := tx.ExtendHidden(root.ID, tx.Now+copyMayRun.Milliseconds()); err != nil {
				return err
			}
			for len(left) > 0 && made < copyBatch {
				last := &left[len(left)-1]
				step, err := v.copySome(tx, ps[0], last, int(copyBatch-made))
				if err != nil {
					return err
				}
				made += step.made
				if step.done {
					left = left[:len(left)-1]
				}
				left = append(left, step.folders...)
			}
			return nil
		}, folder, src)
		if err != nil {
			return nodes, err
		}
		todo, nodes = left, nodes+made
	}
	return nodes, nil
}

// copyStep is what one page of a folder came to.
type copyStep struct {
	made    int64
	done    bool      // the folder has no more children
	folders []copying // to copy next
}

func (v *View) copySome(tx *db.Tx, target pass, c *copying, limit int) (step copyStep, err error) {
	from, err := decide(tx, v.p, c.from, coffer.Read, false)
	if errors.Is(err, coffer.ErrNotFound) {
		return copyStep{done: true}, nil // deleted meanwhile
	}
	if err != nil {
		return step, err
	}
	children, err := tx.ChildrenByID(c.from, c.after, limit)
	if err != nil {
		return step, err
	}
	var bytes int64
	for _, n := range children {
		c.after = n.ID
		at, err := from.child(n)
		if err != nil {
			return step, err
		}
		twin, err := v.copyNode(tx, at, target, c.to)
		if err != nil {
			return step, err
		}
		bytes += twin.Size
		step.made++
		if n.Kind == coffer.Folder {
			step.folders = append(step.folders, copying{from: n.ID, to: twin.ID})
		}
	}
	step.done = len(children) < limit
	if step.made > 0 {
		if err := tx.AddChildren(c.to, step.made); err != nil {
			return step, err
		}
	}
	return step, takeQuota(tx, target, bytes, 0)
}

// copyNode makes a twin of one node in a hidden folder of the target's space.
func (v *View) copyNode(tx *db.Tx, from, target pass, to coffer.ID) (coffer.Node, error) {
	at, err := findSpot(tx, to, from.node.Name, from.node.Kind, coffer.KeepBoth, coffer.ID{})
	if err != nil {
		return coffer.Node{}, err
	}
	twin := coffer.Node{ID: coffer.NewID(), SpaceID: target.space.ID, ParentID: to, Kind: from.node.Kind, Name: at.name,
		CreatedBy: v.p.User.ID, ChangedBy: v.p.User.ID, CreatedAt: tx.Now, ChangedAt: tx.Now}
	if twin.Kind == coffer.Folder {
		return twin, tx.InsertNode(twin)
	}
	st, err := v.content(tx, from)
	if err != nil {
		return twin, err
	}
	defer st.dek.Key.Clear()
	ver, err := v.newVersion(tx, target, twin.ID, 1, st)
	if err != nil {
		return twin, err
	}
	twin.Size, twin.VersionID, twin.MediaType = ver.Size, ver.ID, ver.MediaType
	if err := tx.InsertNode(twin); err != nil {
		return twin, err
	}
	return twin, tx.InsertVersion(ver)
}

// showCopy is the transaction that everybody sees.
func (v *View) showCopy(ctx context.Context, src, folder pass, root coffer.Node, name string, how coffer.IfExists, nodes int64) (d Detail, created bool, err error) {
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		folder, src := ps[0], ps[1]
		if err := tx.ExtendHidden(root.ID, tx.Now+1); err != nil {
			return nil, err
		}
		spot, err := findSpot(tx, folder.node.ID, name, coffer.Folder, how, coffer.ID{})
		if err != nil {
			return nil, err
		}
		answer := root.ID
		if created = spot.onto == nil; created {
			if err := checkDepth(tx, root, -1, folder.depth+1); err != nil {
				return nil, err
			}
			if err := tx.PlaceNode(root.ID, folder.node.ID, spot.name); err != nil {
				return nil, err
			}
			if err := tx.AddChildren(folder.node.ID, 1); err != nil {
				return nil, err
			}
		} else {
			answer = spot.onto.ID
			from, err := folder.hidden(root)
			if err != nil {
				return nil, err
			}
			onto, err := folder.child(*spot.onto)
			if err != nil {
				return nil, err
			}
			if err := v.merge(tx, from, onto); err != nil {
				return nil, err
			}
		}
		d, err = v.detailUnder(tx, folder, answer)
		return []act{copied(src, answer, d.Name, nodes+1)}, err
	}, folder, src)
	return d, created, err
}

// dropCopy removes a copy that was not shown, if that is so.
func (s *Service) dropCopy(ctx context.Context, root coffer.Node) error {
	err := s.maintain(ctx, root.SpaceID, func(tx *db.Tx) error { return tx.ExtendHidden(root.ID, tx.Now) })
	if errors.Is(err, coffer.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.purgeDoomed(ctx, root.ID)
}
