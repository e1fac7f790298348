package files

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/content"
	"coffer/internal/db"
	"coffer/internal/seal"
)

// CheckOptions says how deep a check goes.
type CheckOptions struct {
	// ReadData is how many of 100 versions are opened to their last byte, chosen
	// at random: 0 none, 100 all.
	ReadData float64
	// Repair puts right what is provably safe: counters are counted again,
	// names told to search, damaged small pictures removed, which are made again
	// when they are asked for, and bytes that no row knows are removed after the
	// grace period.
	Repair   bool
	Progress func(done, total int64) // bytes read of all versions; may be nil
}

// Report is what a check found.
type Report struct {
	Spaces, Nodes, Versions int64
	Bytes                   int64 // of all versions
	Problems                []Problem
	Read                    int64    // versions that were opened to their last byte
	Repaired                []Repair // with Repair: what was put right, and is no problem any more
	Orphans                 []Orphan // bytes that no row knows: normal after a crash, removed after the grace period
}

// Clean reports that nothing is wrong.
func (r Report) Clean() bool { return len(r.Problems) == 0 }

// Problem is something that must not be.
type Problem struct {
	Kind  string // lost_blob, wrong_size, damaged_key, damaged_record, damaged_data, counter, tree, search, blob_row, thumbnail
	Where string // what it is about: "version <id>"
	Text  string
	File  string // path of the file or folder that is concerned, "" for other problems
	Owner string // e-mail address of its owner, or name of its team space, or address of the person concerned; "" when there is none

	space, node coffer.ID // of what can be repaired; no node: the bytes of the space
	blob        coffer.ID // of a small picture, with its space
}

// Repair is something that was put right.
type Repair struct{ Where, Text string }

// Orphan is a blob without a row.
type Orphan struct {
	Blob    coffer.ID
	Staged  bool // not published
	Size    int64
	Changed time.Time
}

// checkPage is how many rows are looked at in one snapshot.
const checkPage = 500

// Check compares what the database says with itself, with the keys and with
// the blob store. It changes nothing and may run beside a server. The error is
// about the check itself; what it found is in the report.
func (s *Service) Check(ctx context.Context, o CheckOptions) (Report, error) {
	c := check{s: s, o: o}
	err := s.inspect(ctx, func(tx *db.Tx) (err error) { c.searchable, err = searchable(tx); return err })
	if err != nil {
		return c.Report, err
	}
	for _, step := range []func(context.Context) error{c.spaces, c.nodes, c.versions, c.records, c.blobs} {
		if err := step(ctx); err != nil {
			return c.Report, err
		}
	}
	if o.Repair {
		if err := c.repair(ctx); err != nil {
			return c.Report, err
		}
	}
	return c.Report, nil
}

// repair puts counters, what search knows, small pictures and orphans right. A
// counter that was wrong while somebody worked, and is right now, counts as
// repaired too.
func (c *check) repair(ctx context.Context) error {
	var left []Problem
	for _, p := range c.Problems {
		done := map[string]string{"counter": "counted again: ", "search": "told to search: ", "thumbnail": "removed, until somebody asks for it: "}[p.Kind]
		if done == "" {
			left = append(left, p)
			continue
		}
		err := c.s.maintain(ctx, p.space, func(tx *db.Tx) (err error) {
			switch {
			case p.Kind == "search":
				n, err := tx.Node(p.node)
				if err != nil {
					return err
				}
				return tx.IndexName(n)
			case p.Kind == "thumbnail":
				return tx.DeleteThumbnail(p.blob)
			case p.node.IsZero():
				_, err = tx.CountSpaceAgain(p.space)
			default:
				_, err = tx.CountChildrenAgain(p.node)
			}
			return err
		})
		if err != nil && !errors.Is(err, coffer.ErrNotFound) {
			return err
		}
		c.Repaired = append(c.Repaired, Repair{p.Where, done + p.Text})
	}
	c.Problems = left
	if err := c.s.blobs.Marker(ctx, c.s.install, false); err != nil {
		return fmt.Errorf("files: nothing is removed: %w", err)
	}
	old, err := c.s.orphans(ctx, c.s.grace())
	if err != nil {
		return err
	}
	gone := map[coffer.ID]bool{}
	for _, o := range old {
		if err := c.s.blobs.Delete(ctx, o.Blob); err != nil {
			return err
		}
		gone[o.Blob] = true
		c.Repaired = append(c.Repaired, Repair{"blob " + o.Blob.String(), fmt.Sprintf("removed: nothing refers to it since %s, %d bytes", o.Changed.UTC().Format(time.DateOnly), o.Size)})
	}
	c.Orphans = slices.DeleteFunc(c.Orphans, func(o Orphan) bool { return gone[o.Blob] })
	return nil
}

type check struct {
	s     *Service
	o     CheckOptions
	total int64 // bytes of all versions

	searchable bool // search knows all names
	Report
}

func (c *check) bad(kind, where, format string, a ...any) {
	c.Problems = append(c.Problems, Problem{Kind: kind, Where: where, Text: fmt.Sprintf(format, a...)})
}

// miscounted is bad for a counter of a space or of a folder in it.
func (c *check) miscounted(space, folder coffer.ID, where, format string, a ...any) {
	c.repairable("counter", space, folder, where, format, a...)
}

// repairable is bad for what repair puts right.
func (c *check) repairable(kind string, space, node coffer.ID, where, format string, a ...any) {
	c.Problems = append(c.Problems, Problem{Kind: kind, Where: where, Text: fmt.Sprintf(format, a...), space: space, node: node})
}

// spaces reads all spaces in one snapshot: what is counted and what is stored
// must be of one moment.
func (c *check) spaces(ctx context.Context) error {
	return c.s.inspect(ctx, func(tx *db.Tx) error {
		counts, err := tx.CountSpaces()
		if err != nil {
			return err
		}
		for after := (coffer.ID{}); ; {
			spaces, err := tx.Spaces(after, checkPage)
			if err != nil {
				return err
			}
			for _, s := range spaces {
				after = s.ID
				if err := c.space(tx, s, counts[s.ID]); err != nil {
					return err
				}
			}
			if len(spaces) < checkPage {
				return nil
			}
		}
	})
}

func (c *check) space(tx *db.Tx, s coffer.Space, n db.Counts) error {
	c.Spaces++
	where := "space " + s.ID.String()
	if !s.GivenUp() {
		c.total += n.Used
		if err := c.keys(tx, s, where); err != nil {
			return err
		}
	}
	if n.Used != s.Used || n.Reserved != s.Reserved {
		c.miscounted(s.ID, coffer.ID{}, where, "used %d, counted %d; reserved %d, counted %d", s.Used, n.Used, s.Reserved, n.Reserved)
	}
	root, err := tx.Place(s.RootID, coffer.ID{})
	switch {
	case s.GivenUp() && (err == nil || errors.Is(err, coffer.ErrNotFound)): // being removed
	case errors.Is(err, coffer.ErrNotFound):
		c.bad("tree", where, "it has no root")
	case err != nil:
		return err
	case !root.Living() || root.Depth != 0 || root.Node.Kind != coffer.Folder || root.Node.SpaceID != s.ID:
		c.bad("tree", where, "its root is not a living top folder")
	}
	all, reached, err := tx.CountTree(s.ID)
	if err != nil {
		return err
	}
	if all != reached {
		c.bad("tree", where, "%d of %d nodes hang on nothing", all-reached, all)
	}
	return nil
}

// name tells people which file the problems from one on are about: nobody can
// fetch an id from a backup.
func (c *check) name(ctx context.Context, v db.Version, from int) error {
	if from == len(c.Problems) {
		return nil
	}
	return c.s.inspect(ctx, func(tx *db.Tx) error {
		file, owner, err := whereabouts(tx, v.NodeID)
		for i := from; i < len(c.Problems); i++ {
			c.Problems[i].File, c.Problems[i].Owner = file, owner
		}
		return err
	})
}

// whereabouts returns the path of a node and whose it is: the address of a
// person or the name of a team space. They are empty when it is gone.
func whereabouts(tx *db.Tx, id coffer.ID) (path, owner string, err error) {
	node, err := tx.Node(id)
	if errors.Is(err, coffer.ErrNotFound) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	above, err := tx.Above(node.ID)
	if err != nil {
		return "", "", err
	}
	for _, folder := range above {
		if folder.Name != "" { // a root has none
			path += "/" + folder.Name
		}
	}
	space, err := tx.Space(node.SpaceID)
	if err != nil {
		return "", "", err
	}
	user, err := tx.User(space.OwnerID)
	if err != nil && !errors.Is(err, coffer.ErrNotFound) {
		return "", "", err
	}
	return path + "/" + node.Name, cmp.Or(user.Email, space.Name), nil
}

// keys opens all keys of a space: one that no file needs is needed by the next.
func (c *check) keys(tx *db.Tx, s coffer.Space, where string) error {
	keys, err := tx.SpaceKeys(s.ID)
	active := 0
	for _, row := range keys {
		if row.Active {
			active++
		}
		key, err := c.s.keys.OpenSpaceKey(row)
		if err != nil && coffer.KindOf(err) != coffer.Corrupt {
			return err // the keyring changes right now
		}
		if err != nil {
			c.bad("damaged_key", where, "version %d of its key cannot be opened: %v", row.Version, err)
			continue
		}
		key.Clear()
	}
	if err == nil && active != 1 {
		c.bad("damaged_key", where, "%d of its keys are the active one, not 1", active)
	}
	return err
}

func (c *check) nodes(ctx context.Context) error {
	for after := (coffer.ID{}); ; {
		n := 0
		err := c.s.inspect(ctx, func(tx *db.Tx) error {
			nodes, err := tx.NodeTrees(after, checkPage)
			if err != nil {
				return err
			}
			n = len(nodes)
			for _, t := range nodes {
				after = t.Node.ID
				if err := c.node(tx, t); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || n < checkPage {
			return err
		}
	}
}

func (c *check) node(tx *db.Tx, t db.NodeTree) error {
	c.Nodes++
	where := t.Node.Kind.String() + " " + t.Node.ID.String()
	if !t.Parent && !t.Node.ParentID.IsZero() {
		c.bad("tree", where, "its parent is not a folder of its space")
	}
	if t.Node.Kind == coffer.File && !t.Content {
		c.bad("tree", where, "its current version is not one of its versions, or they differ")
	}
	if !bytes.Equal(t.NameKey, coffer.NameKey(t.Node.Name)) {
		c.bad("tree", where, "its name key is not that of its name")
	}
	if c.searchable && t.Search != coffer.SearchKey(t.Node.Name) {
		c.repairable("search", t.Node.SpaceID, t.Node.ID, where, "search does not know its name")
	}
	if t.Children == t.Node.ChildCount {
		return nil
	}
	doomed, err := tx.BelowDoomed(t.Node.ID)
	if err == nil && !doomed { // what is being removed is not counted any more
		c.miscounted(t.Node.SpaceID, t.Node.ID, where, "child_count %d, counted %d", t.Node.ChildCount, t.Children)
	}
	return err
}

func (c *check) versions(ctx context.Context) error {
	for after := (coffer.ID{}); ; {
		page, err := c.s.openedVersions(ctx, after, checkPage)
		if err != nil {
			return err
		}
		for _, v := range page {
			after = v.ID
			read := rand.Float64()*100 < c.o.ReadData //nolint:gosec // G404: a sample, no secret
			if err := c.version(ctx, v, read, nil); err != nil {
				return err
			}
			if c.o.Progress != nil {
				c.o.Progress(c.Bytes, c.total)
			}
		}
		if len(page) < checkPage {
			return nil
		}
	}
}

// openedVersion is a version with its file key, or why that does not open.
type openedVersion struct {
	db.VersionBlob
	dek   seal.DEK
	err   error
	small []openedThumbnail
}

// openedVersions returns the versions behind one, in order of id. Their keys
// are to be cleared.
func (s *Service) openedVersions(ctx context.Context, after coffer.ID, limit int) (page []openedVersion, err error) {
	err = s.inspect(ctx, func(tx *db.Tx) error {
		page = page[:0]
		vers, err := tx.VersionBlobs(after, limit)
		for _, v := range vers {
			dek, err := s.openVersion(tx, v.Version)
			if err != nil && coffer.KindOf(err) != coffer.Corrupt && !errors.Is(err, coffer.ErrNotFound) {
				return err
			}
			small, thumbErr := s.thumbnailsOf(tx, v.ID)
			if thumbErr != nil {
				return thumbErr
			}
			page = append(page, openedVersion{v, dek, err, small})
		}
		return err
	})
	return page, err
}

// version looks at one version, and clears its key. pace, unless nil, is asked
// before bytes are read.
func (c *check) version(ctx context.Context, v openedVersion, read bool, pace func(ctx context.Context, n int) error) error {
	defer func() { v.dek.Key.Clear() }()
	c.Versions++
	c.Bytes += v.Size
	from := len(c.Problems)
	if err := c.verify(ctx, v, read, pace); err != nil {
		return err
	}
	for _, t := range v.small {
		if err := c.thumbnail(ctx, t, read); err != nil {
			return err
		}
	}
	return c.name(ctx, v.Version, from)
}

func (c *check) verify(ctx context.Context, v openedVersion, read bool, pace func(ctx context.Context, n int) error) error {
	where := "version " + v.ID.String() + " of file " + v.NodeID.String()
	switch {
	case v.err != nil:
		c.bad("damaged_key", where, "its key cannot be opened: %v", v.err)
	case v.dek.Size != v.Size:
		c.bad("wrong_size", where, "its row says %d bytes, its key record %d", v.Size, v.dek.Size)
	case !v.Blob || !v.Live:
		c.bad("blob_row", where, "the row of its blob %s is missing or does not say live", v.BlobID)
	default:
		return c.content(ctx, where, v, read, pace)
	}
	return nil
}

func (c *check) content(ctx context.Context, where string, v openedVersion, read bool, pace func(ctx context.Context, n int) error) error {
	dek := v.dek
	want := content.StoredSize(v.Size, dek.PartLog)
	if v.PartLog != dek.PartLog || v.BlobSize != want {
		c.bad("wrong_size", where, "the row of its blob says %d bytes in parts of 2^%d, its key record %d in parts of 2^%d", v.BlobSize, v.PartLog, want, dek.PartLog)
	}
	obj, err := c.s.blobs.Open(ctx, v.BlobID)
	if errors.Is(err, blob.ErrNotExist) {
		if err := c.s.marked(ctx); err != nil {
			return err
		}
		c.bad("lost_blob", where, "its blob %s is not in the store", v.BlobID)
		return nil
	}
	if err != nil {
		return err
	}
	size := obj.Size()
	if err := obj.Close(); err != nil {
		return err
	}
	if size != want {
		c.bad("wrong_size", where, "its blob %s has %d bytes, not %d", v.BlobID, size, want)
		return nil
	}
	if !read {
		return nil
	}
	c.Read++
	r, err := c.s.openBlob(ctx, v.BlobID, dek)
	if err == nil {
		sum := sha256.New()
		out := &taker{w: &paced{ctx, sum, pace}}
		_, err = r.WriteRangeTo(ctx, out, 0, v.Size)
		if out.err != nil { // cut off: says nothing about the content
			return errors.Join(out.err, r.Close())
		}
		if err == nil && dek.Digest == seal.FileSHA256 && !bytes.Equal(sum.Sum(nil), dek.Sum[:]) {
			c.bad("damaged_data", where, "its content is not what its SHA-256 says")
		}
		err = errors.Join(err, r.Close())
	}
	if err != nil && ctx.Err() == nil {
		c.bad("damaged_data", where, "%v", err)
		return nil
	}
	return err
}

// blobs looks for rows and bytes that nothing names.
func (c *check) blobs(ctx context.Context) (err error) {
	err = c.s.inspect(ctx, func(tx *db.Tx) error {
		lost, err := tx.LostBlobs(checkPage)
		for _, id := range lost {
			c.bad("blob_row", "blob "+id.String(), "no version, upload or thumbnail names it, but it is not marked dead")
		}
		return err
	})
	if err != nil {
		return err
	}
	c.Orphans, err = c.s.orphans(ctx, 0)
	return err
}

// paced asks before each write.
type paced struct {
	ctx context.Context
	w   io.Writer
	ask func(ctx context.Context, n int) error
}

func (p *paced) Write(b []byte) (int, error) {
	if p.ask != nil {
		if err := p.ask(p.ctx, len(b)); err != nil {
			return 0, err
		}
	}
	return p.w.Write(b)
}
