package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/content"
	"coffer/internal/db"
	"coffer/internal/seal"
)

// CheckOptions says how deep a check goes.
type CheckOptions struct {
	ReadData bool                    // open all contents to their last byte
	Progress func(done, total int64) // bytes read of all versions; may be nil
}

// Report is what a check found.
type Report struct {
	Spaces, Nodes, Versions int64
	Bytes                   int64 // of all versions
	Problems                []Problem
	Orphans                 []Orphan // bytes that no row knows: normal after a crash, removed after the grace period
}

// Clean reports that nothing is wrong.
func (r Report) Clean() bool { return len(r.Problems) == 0 }

// Problem is something that must not be.
type Problem struct {
	Kind  string // lost_blob, wrong_size, damaged_key, damaged_data, counter, tree, blob_row
	Where string // what it is about: "version <id>"
	Text  string
}

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
	for _, step := range []func(context.Context) error{c.spaces, c.nodes, c.versions, c.blobs} {
		if err := step(ctx); err != nil {
			return c.Report, err
		}
	}
	return c.Report, nil
}

type check struct {
	s     *Service
	o     CheckOptions
	total int64 // bytes of all versions
	Report
}

func (c *check) bad(kind, where, format string, a ...any) {
	c.Problems = append(c.Problems, Problem{kind, where, fmt.Sprintf(format, a...)})
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
	c.total += n.Used
	if n.Used != s.Used || n.Reserved != s.Reserved {
		c.bad("counter", where, "used %d, counted %d; reserved %d, counted %d", s.Used, n.Used, s.Reserved, n.Reserved)
	}
	root, err := tx.Place(s.RootID)
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
	if t.Children == t.Node.ChildCount {
		return nil
	}
	doomed, err := tx.BelowDoomed(t.Node.ID)
	if err == nil && !doomed { // what is being removed is not counted any more
		c.bad("counter", where, "child_count %d, counted %d", t.Node.ChildCount, t.Children)
	}
	return err
}

func (c *check) versions(ctx context.Context) error {
	for after := (coffer.ID{}); ; {
		type opened struct {
			db.VersionBlob
			dek seal.DEK
			err error
		}
		var page []opened
		err := c.s.inspect(ctx, func(tx *db.Tx) error {
			page = page[:0]
			vers, err := tx.VersionBlobs(after, checkPage)
			for _, v := range vers {
				dek, err := c.s.openVersion(tx, v.Version)
				if err != nil && coffer.KindOf(err) != coffer.Corrupt && !errors.Is(err, coffer.ErrNotFound) {
					return err
				}
				page = append(page, opened{v, dek, err})
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, v := range page {
			after = v.ID
			c.Versions++
			c.Bytes += v.Size
			where := "version " + v.ID.String() + " of file " + v.NodeID.String()
			switch {
			case v.err != nil:
				c.bad("damaged_key", where, "its key cannot be opened: %v", v.err)
			case v.dek.Size != v.Size:
				c.bad("wrong_size", where, "its row says %d bytes, its key record %d", v.Size, v.dek.Size)
			case !v.Blob || !v.Live:
				c.bad("blob_row", where, "the row of its blob %s is missing or does not say live", v.BlobID)
			default:
				if err := c.content(ctx, where, v.VersionBlob, v.dek); err != nil {
					return err
				}
			}
			v.dek.Key.Clear()
			if c.o.Progress != nil {
				c.o.Progress(c.Bytes, c.total)
			}
		}
		if len(page) < checkPage {
			return nil
		}
	}
}

func (c *check) content(ctx context.Context, where string, v db.VersionBlob, dek seal.DEK) error {
	want := content.StoredSize(v.Size, dek.PartLog)
	if v.PartLog != dek.PartLog || v.BlobSize != want {
		c.bad("wrong_size", where, "the row of its blob says %d bytes in parts of 2^%d, its key record %d in parts of 2^%d", v.BlobSize, v.PartLog, want, dek.PartLog)
	}
	obj, err := c.s.blobs.Open(ctx, v.BlobID)
	if errors.Is(err, blob.ErrNotExist) {
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
	if !c.o.ReadData {
		return nil
	}
	r, err := c.s.io.Open(ctx, c.s.blobs, v.BlobID, dek)
	if err == nil {
		sum := sha256.New()
		_, err = r.WriteRangeTo(ctx, sum, 0, v.Size)
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
			c.bad("blob_row", "blob "+id.String(), "no version and no upload names it, but it is not marked dead")
		}
		return err
	})
	if err != nil {
		return err
	}
	c.Orphans, err = c.s.orphans(ctx, 0)
	return err
}
