package files

import (
	"context"
	"errors"
	"slices"

	"coffer"
	"coffer/internal/db"
)

// Patch renames and moves. Absent fields stay as they are.
type Patch struct {
	Name     *string
	Parent   *coffer.ID
	IfExists coffer.IfExists
	IfRev    int64 // unless 0, the node's Rev must be this
}

// Change renames a node, moves it to another folder of its space, or both; one
// row changes, however much lies below. Where the name is taken, version makes
// a file's versions the newest ones of the file there, and merge does so with
// a folder's contents; the answer is the node that took it in. Grants on the
// node go with it; those on folders above it count for what is below them now.
func (v *View) Change(ctx context.Context, id coffer.ID, c Patch) (d Detail, err error) {
	p, err := v.reach(ctx, id, coffer.Write)
	if err != nil {
		return d, err
	}
	if p.node.ParentID.IsZero() {
		return d, errRoot()
	}
	if err := p.checkPlace(); err != nil {
		return d, err
	}
	to := p.node.ParentID
	if c.Parent != nil {
		to = *c.Parent
	}
	folder, err := v.reach(ctx, to, coffer.Write)
	if err != nil {
		return d, err
	}
	name := p.node.Name
	if c.Name != nil {
		name = *c.Name
	}
	if err := checkNew(folder, name, c.IfExists, coffer.Fail, coffer.KeepBoth, coffer.Replace, coffer.Merge); err != nil {
		return d, err
	}
	if folder.space.ID != p.space.ID {
		return d, coffer.E(coffer.Invalid, "invalid", "Things cannot be moved to another space yet. Copy them.")
	}
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p, folder := ps[0], ps[1]
		if err := p.checkPlace(); err != nil {
			return nil, err
		}
		name := p.node.Name
		if c.Name != nil {
			name = *c.Name
		}
		if c.Parent == nil && folder.node.ID != p.node.ParentID {
			return nil, stale() // somebody moved it meanwhile: this was a rename
		}
		if c.IfRev != 0 && c.IfRev != p.node.Rev {
			return nil, stale()
		}
		spot, err := findSpot(tx, folder.node.ID, name, p.node.Kind, c.IfExists, p.node.ID)
		if err != nil {
			return nil, err
		}
		moved := folder.node.ID != p.node.ParentID
		if !moved && spot.onto == nil && spot.name == p.node.Name {
			if d, err = v.detail(tx, p); err != nil {
				return nil, err
			}
			return nil, errUnchanged
		}
		if moved {
			if err := checkMove(tx, p, folder); err != nil {
				return nil, err
			}
		}
		a := act{action: "node.renamed", node: p.node.ID, detail: map[string]any{"name": spot.name, "before": p.node.Name}}
		if moved {
			a.action, a.target = "node.moved", folder.node.ID
			from, err := tx.Node(p.node.ParentID)
			if err != nil {
				return nil, err
			}
			a.detail["from"], a.detail["from_name"], a.detail["to_name"] = from.ID, from.Name, folder.node.Name
		}
		if spot.onto != nil {
			a.detail["onto"] = spot.onto.ID
		}
		if err := v.settle(tx, p, folder, spot); err != nil {
			return nil, err
		}
		answer := p.node.ID
		if spot.onto != nil {
			answer = spot.onto.ID
		}
		d, err = v.detailUnder(tx, folder, answer)
		return []act{a}, err
	}, p, folder)
	return d, err
}

// detailUnder is the detail of a living child of the folder of a pass.
func (v *View) detailUnder(tx *db.Tx, folder pass, id coffer.ID) (Detail, error) {
	n, err := tx.Node(id)
	if err != nil {
		return Detail{}, err
	}
	p, err := folder.child(n)
	if err != nil {
		return Detail{}, err
	}
	return v.detail(tx, p)
}

// checkMove refuses to put a folder below itself or too deep.
func checkMove(tx *db.Tx, p, folder pass) error {
	if p.node.Kind == coffer.Folder {
		above, err := tx.Above(folder.node.ID)
		if err != nil {
			return err
		}
		if folder.node.ID == p.node.ID || slices.ContainsFunc(above, func(f db.Crumb) bool { return f.ID == p.node.ID }) {
			return coffer.E(coffer.Conflict, "cycle", "A folder cannot be put into itself or into a folder below it.")
		}
	}
	return checkDepth(tx, p.node, p.depth, folder.depth+1)
}

// checkDepth refuses a new depth for a node that would take what lies below
// too deep. What moves up, or sideways, was counted when it came.
func checkDepth(tx *db.Tx, n coffer.Node, from, to int64) error {
	if to <= from {
		return nil
	}
	h := int64(0)
	if n.Kind == coffer.Folder {
		var err error
		// The nodes in the lowest folders count too: one level more.
		if h, err = tx.Height(n.ID, maxDepth); err != nil {
			return err
		}
	}
	if to+h > maxDepth {
		return errDepth()
	}
	return nil
}

// settle puts the living node of p into the folder, at the spot decided.
func (v *View) settle(tx *db.Tx, p, folder pass, at spot) error {
	if at.onto != nil {
		onto, err := folder.child(*at.onto)
		if err != nil {
			return err
		}
		above, err := tx.Above(p.node.ID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(above, func(f db.Crumb) bool { return f.ID == onto.node.ID }) {
			return taken(onto.node) // it lies in there: it cannot become it
		}
		return v.merge(tx, p, onto)
	}
	if p.node.ParentID == folder.node.ID {
		return tx.RenameNode(p.node.ID, at.name, v.p.User.ID)
	}
	if err := tx.AddChildren(p.node.ParentID, -1); err != nil {
		return err
	}
	if err := tx.PlaceNode(p.node.ID, folder.node.ID, at.name); err != nil {
		return err
	}
	return tx.AddChildren(folder.node.ID, 1)
}

// merge makes the content of one node the newest content of another of the
// same kind; the row of the first goes.
func (v *View) merge(tx *db.Tx, from, onto pass) error {
	if from.node.ID == onto.node.ID {
		return errUnchanged
	}
	if from.node.Kind == coffer.File {
		if err := v.adopt(tx, from, onto); err != nil {
			return err
		}
	} else if err := v.mergeFolder(tx, from, onto); err != nil {
		return err
	}
	if !from.node.ParentID.IsZero() {
		if err := tx.AddChildren(from.node.ParentID, -1); err != nil {
			return err
		}
	}
	_, err := tx.PurgeNode(from.node.ID) // no version, no child is left
	return err
}

// adopt makes all versions of a file newer ones of another file: ids, contents
// and sizes stay, only the records that bind their keys to the file are sealed
// anew.
func (v *View) adopt(tx *db.Tx, from, onto pass) error {
	vers, err := tx.VersionsOf(from.node.ID)
	if err != nil {
		return err
	}
	number, err := tx.LastNumber(onto.node.ID)
	if err != nil {
		return err
	}
	for _, ver := range vers {
		dek, err := v.s.openKey(tx, from, ver)
		if err != nil {
			return err
		}
		number++
		ver.NodeID = onto.node.ID
		err = v.s.sealKey(tx, onto, &ver, dek)
		dek.Key.Clear()
		if err != nil {
			return err
		}
		if err := tx.AdoptVersion(ver.ID, onto.node.ID, number, ver.DEK, ver.SKVer); err != nil {
			return err
		}
		if ver.ID == from.node.VersionID {
			cur := ver.Version
			cur.CreatedBy, cur.CreatedAt = v.p.User.ID, tx.Now // who changed the file, and when
			if err := tx.SetContent(onto.node.ID, cur); err != nil {
				return err
			}
		}
	}
	return nil
}

// mergePage is how many children a merge takes at a time.
const mergePage = 200

// mergeFolder moves all children of a folder into another. Those that go into
// an existing folder or file of their name are merged; where a file meets a
// folder, both are kept.
func (v *View) mergeFolder(tx *db.Tx, from, onto pass) error {
	var after coffer.ID
	for {
		children, err := tx.ChildrenByID(from.node.ID, after, mergePage)
		if err != nil {
			return err
		}
		for _, n := range children {
			after = n.ID
			child, err := from.child(n)
			if err != nil {
				return err
			}
			at, err := findSpot(tx, onto.node.ID, n.Name, n.Kind, coffer.Merge, coffer.ID{})
			if isConflict(err) {
				at, err = findSpot(tx, onto.node.ID, n.Name, n.Kind, coffer.KeepBoth, coffer.ID{})
			}
			if err != nil {
				return err
			}
			if at.onto == nil {
				if err := checkDepth(tx, n, child.depth, onto.depth+1); err != nil {
					return err
				}
			}
			if err := v.settle(tx, child, onto, at); err != nil {
				return err
			}
		}
		if len(children) < mergePage {
			break
		}
	}
	// What is in the trash by itself loses the place it was in.
	for {
		n, err := tx.DetachTrash(from.node.ID, mergePage)
		if err != nil || n < mergePage {
			return err
		}
	}
}

// isConflict reports that a name is taken.
func isConflict(err error) bool {
	e, ok := errors.AsType[*coffer.Error](err)
	return ok && e.Kind == coffer.Conflict
}
