package files

import (
	"context"
	"errors"
	"slices"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/keyring"
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
		return v.copyFile(ctx, src, folder, name, how, nil)
	}
	return v.copyFolder(ctx, src, folder, name, how)
}

func copied(src pass, to coffer.ID, name string, nodes int64) act {
	return act{action: "node.copied", node: to, target: src.node.ID, detail: map[string]any{"name": name, "from": src.node.Name, "nodes": nodes}}
}

// copyFile copies a file. also, unless nil, is part of the transaction.
func (v *View) copyFile(ctx context.Context, src, folder pass, name string, how coffer.IfExists, also func(tx *db.Tx, made Detail) error) (d Detail, created bool, err error) {
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
		if err := v.s.takeQuota(tx, folder, st.dek.Size, 0); err != nil {
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
		if d, err = v.detailUnder(tx, folder, d.ID); err == nil && also != nil {
			err = also(tx, d)
		}
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
	copyBatch  = 200       // nodes in one transaction
	copyMayRun = time.Hour // between two of them
)

// copying is where the copy of a folder goes on: the folders from the top of
// the source down to the one that is copied now. In each, files come first, in
// order of id, then the folders, one by one.
type copying []copyLevel

type copyLevel struct {
	from, to coffer.ID // folder of the source, and of the copy
	after    coffer.ID // the child that was copied last
	folders  bool      // all files are copied
}

// levelBytes is the length of a level in work.path: from, to, after, folders.
const levelBytes = 3*16 + 1

func (c copying) encode() (b []byte) {
	for _, l := range c {
		b = append(append(append(b, l.from[:]...), l.to[:]...), l.after[:]...)
		b = append(b, flag(l.folders))
	}
	return b
}

func decodeCopying(b []byte) (c copying) {
	for ; len(b) >= levelBytes; b = b[levelBytes:] {
		c = append(c, copyLevel{coffer.ID(b[:16]), coffer.ID(b[16:32]), coffer.ID(b[32:48]), b[48] == 1})
	}
	return c
}

func (v *View) copyFolder(ctx context.Context, src, folder pass, name string, how coffer.IfExists) (d Detail, created bool, err error) {
	// The early verdict: nobody waits for a long copy that cannot be shown.
	err = v.look(ctx, folder.node.ID, coffer.Write, func(tx *db.Tx, folder pass) error {
		if err := canShow(tx, src, folder, name, how); err != nil {
			return err
		}
		_, bytes, err := tx.Subtree(src.node.ID)
		if err == nil && bytes > folder.space.Free() {
			err = overQuota(folder.space, bytes)
		}
		return err
	})
	if err != nil {
		return d, false, err
	}
	var root coffer.Node
	err = v.prepare(ctx, func(tx *db.Tx, ps []pass) (err error) {
		root, err = v.hide(tx, ps[0], name, copyMayRun)
		return err
	}, folder, src)
	if err == nil {
		var nodes int64
		if nodes, err = v.copyBelow(ctx, src, folder, root); err == nil {
			d, created, err = v.showCopy(ctx, src, folder, root, name, how, nodes, nil)
		}
	}
	if err != nil {
		return d, false, errors.Join(err, v.s.dropCopy(context.WithoutCancel(ctx), root))
	}
	return d, created, nil
}

// canShow refuses a copy that could not be shown at its end.
func canShow(tx *db.Tx, src, folder pass, name string, how coffer.IfExists) error {
	if _, err := findSpot(tx, folder.node.ID, name, coffer.Folder, how, coffer.ID{}); err != nil {
		return err
	}
	return checkDepth(tx, src.node, -1, folder.depth+1)
}

// hide makes the hidden folder that becomes a copy in the space of the pass.
func (v *View) hide(tx *db.Tx, folder pass, name string, until time.Duration) (coffer.Node, error) {
	root := coffer.Node{ID: coffer.NewID(), SpaceID: folder.space.ID, Kind: coffer.Folder, Name: name, CreatedBy: v.p.User.ID, ChangedBy: v.p.User.ID,
		CreatedAt: tx.Now, ChangedAt: tx.Now}
	return root, tx.InsertHidden(root, tx.Now+until.Milliseconds())
}

// copyBelow copies what lies below the source under the hidden root.
func (v *View) copyBelow(ctx context.Context, src, folder pass, root coffer.Node) (nodes int64, err error) {
	open, careful := copying{{from: src.node.ID, to: root.ID}}, false
	for len(open) > 0 {
		if err := ctx.Err(); err != nil {
			return nodes, err
		}
		var step copyStep
		err := v.prepare(ctx, func(tx *db.Tx, ps []pass) (err error) {
			if err := tx.ExtendHidden(root.ID, tx.Now+copyMayRun.Milliseconds()); err != nil {
				return err
			}
			if step, err = v.copySome(tx, ps[0], open, careful); err != nil {
				return err
			}
			return v.s.takeQuota(tx, ps[0], step.bytes, 0)
		}, folder, src)
		if errors.Is(err, db.ErrTaken) && !careful {
			careful = true
			continue
		}
		if err != nil {
			return nodes, err
		}
		open, nodes, careful = step.left, nodes+step.nodes, false
	}
	return nodes, nil
}

// copyStep is what one transaction of a copy came to.
type copyStep struct {
	left         copying
	nodes, bytes int64
}

// copySome makes up to copyBatch twins in the space of the pass. Names are free
// in a folder that was made for the copy, unless somebody renames things in the
// source meanwhile: then it is db.ErrTaken, and careful looks for a name.
func (v *View) copySome(tx *db.Tx, target pass, todo copying, careful bool) (step copyStep, err error) {
	c := copier{v: v, tx: tx, target: target, careful: careful, copyStep: copyStep{left: slices.Clone(todo)}}
	defer c.close()
	for len(c.left) > 0 && c.nodes < copyBatch {
		l := &c.left[len(c.left)-1]
		from, err := decide(tx, v.p, l.from, coffer.Read, false)
		if errors.Is(err, coffer.ErrNotFound) { // deleted meanwhile
			c.left = c.left[:len(c.left)-1]
			continue
		}
		if err != nil {
			return step, err
		}
		if l.folders {
			err = c.folder(from, l)
		} else {
			err = c.files(from, l)
		}
		if err != nil {
			return step, err
		}
	}
	return c.copyStep, nil
}

// A copier makes the twins of one step. It opens each space key once.
type copier struct {
	copyStep
	v       *View
	tx      *db.Tx
	target  pass
	careful bool

	source db.SpaceKey // of open
	open   *keyring.SpaceKey
	seal   *keyring.SpaceKey // current one of the target
}

func (c *copier) close() {
	for _, k := range []*keyring.SpaceKey{c.open, c.seal} {
		if k != nil {
			k.Clear()
		}
	}
}

// files copies files of a folder.
func (c *copier) files(from pass, l *copyLevel) error {
	limit := int(copyBatch - c.nodes)
	files, err := c.tx.FilesByID(l.from, l.after, limit)
	if err != nil {
		return err
	}
	for _, f := range files {
		at, err := from.child(f.Node)
		if err != nil {
			return err
		}
		if err := c.file(at, f.Content, l.to); err != nil {
			return err
		}
		l.after = f.ID
	}
	if len(files) < limit {
		l.folders, l.after = true, coffer.ID{}
	}
	if len(files) == 0 {
		return nil
	}
	return c.tx.AddChildren(l.to, int64(len(files)))
}

// folder copies the next folder of a folder and goes down into it, or up when
// there is none.
func (c *copier) folder(from pass, l *copyLevel) error {
	n, err := c.tx.FolderByID(l.from, l.after)
	if errors.Is(err, coffer.ErrNotFound) {
		c.left = c.left[:len(c.left)-1]
		return nil
	}
	if err != nil {
		return err
	}
	at, err := from.child(n)
	if err != nil {
		return err
	}
	twin, err := c.twin(at, l.to)
	if err != nil {
		return err
	}
	if err := c.tx.InsertNode(twin); err != nil {
		return err
	}
	if err := c.tx.AddChildren(l.to, 1); err != nil {
		return err
	}
	c.nodes++
	l.after = n.ID
	c.left = append(c.left, copyLevel{from: n.ID, to: twin.ID})
	return nil
}

func (c *copier) twin(from pass, to coffer.ID) (coffer.Node, error) {
	n := coffer.Node{ID: coffer.NewID(), SpaceID: c.target.space.ID, ParentID: to, Kind: from.node.Kind, Name: from.node.Name,
		CreatedBy: c.v.p.User.ID, ChangedBy: c.v.p.User.ID, CreatedAt: c.tx.Now, ChangedAt: c.tx.Now}
	if !c.careful {
		return n, nil
	}
	at, err := findSpot(c.tx, to, n.Name, n.Kind, coffer.KeepBoth, coffer.ID{})
	n.Name = at.name
	return n, err
}

// file makes the twin of a file: the same content under a key record of its own.
func (c *copier) file(from pass, old db.Version, to coffer.ID) error {
	if old.NodeID != from.node.ID || old.SpaceID != from.space.ID {
		return coffer.ErrNotFound
	}
	if err := c.keys(old); err != nil {
		return err
	}
	dek, err := c.open.OpenDEK(old.NodeID, old.ID, old.BlobID, old.DEK)
	if err != nil {
		return err
	}
	defer dek.Key.Clear()
	twin, err := c.twin(from, to)
	if err != nil {
		return err
	}
	ver := db.Version{Version: coffer.Version{ID: coffer.NewID(), NodeID: twin.ID, SpaceID: twin.SpaceID, Number: 1, BlobID: old.BlobID, Size: old.Size,
		MediaType: old.MediaType, CreatedBy: twin.CreatedBy, CreatedAt: c.tx.Now}}
	ver.DEK, ver.SKVer = c.seal.SealDEK(ver.NodeID, ver.ID, ver.BlobID, dek), c.seal.Version()
	twin.Size, twin.VersionID, twin.MediaType = ver.Size, ver.ID, ver.MediaType
	if err := c.tx.InsertNode(twin); err != nil {
		return err
	}
	c.nodes++
	c.bytes += ver.Size
	return c.tx.InsertVersion(ver)
}

// keys opens the key that sealed a version, and the one to seal with.
func (c *copier) keys(old db.Version) error {
	if c.open == nil || c.source.SpaceID != old.SpaceID || c.source.Version != old.SKVer {
		row, err := c.tx.SpaceKey(old.SpaceID, old.SKVer)
		if err != nil {
			return err
		}
		key, err := c.v.s.keys.OpenSpaceKey(row)
		if err != nil {
			return err
		}
		if c.open != nil {
			c.open.Clear()
		}
		c.source, c.open = row, key
	}
	if c.seal != nil {
		return nil
	}
	row, err := c.tx.CurrentSpaceKey(c.target.space.ID)
	if err != nil {
		return err
	}
	c.seal, err = c.v.s.keys.OpenSpaceKey(row)
	return err
}

// showCopy is the transaction that everybody sees. also, unless nil, is part of
// it.
func (v *View) showCopy(ctx context.Context, src, folder pass, root coffer.Node, name string, how coffer.IfExists, nodes int64, also func(tx *db.Tx, made Detail) error) (d Detail, created bool, err error) {
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
		if d, err = v.detailUnder(tx, folder, answer); err == nil && also != nil {
			err = also(tx, d)
		}
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
