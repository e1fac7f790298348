package files

import (
	"context"
	"fmt"
	"io"
	"sync"

	"coffer"
	"coffer/internal/content"
	"coffer/internal/db"
	"coffer/internal/seal"
)

// Content is the bytes of one version, opened for one principal. Its methods
// may be called at once from several goroutines, Close last.
type Content struct {
	Node    coffer.Node
	Version coffer.Version
	SHA256  []byte // 32 bytes, nil when unknown

	v      *View
	pass   pass
	r      *content.Reader
	dek    seal.DEK // its key is the reader's until Close
	record func()   // queues the file.opened event
	once   sync.Once
	queued sync.WaitGroup
}

// Open opens a version of a file, the current one when version is zero. It is
// Corrupt when the stored bytes are missing or have another length.
func (v *View) Open(ctx context.Context, id, version coffer.ID) (*Content, error) {
	c, seen, err := v.open(ctx, id, version)
	if err != nil || seen {
		return c, err
	}
	c.record = func() {
		c.queued.Go(func() {
			a := act{action: "file.opened", node: c.Node.ID, target: c.Version.ID, detail: map[string]any{"name": c.Node.Name, "version": c.Version.Number}}
			if err := v.opened(context.WithoutCancel(ctx), c.pass, a); err != nil {
				v.s.log.Error("a download could not be recorded", "request", v.p.RequestID, "node", c.Node.ID, "err", err)
			}
		})
	}
	return c, nil
}

// Find tells which version of a file Open would open, for who may read it.
func (v *View) Find(ctx context.Context, id, version coffer.ID) (n coffer.Node, ver coffer.Version, err error) {
	err = v.look(ctx, id, coffer.Read, func(tx *db.Tx, p pass) error {
		found, err := v.version(tx, p, version)
		n, ver = p.node, found.Version
		return err
	})
	return n, ver, err
}

// version is a version of a pass's file, the current one when id is zero.
func (v *View) version(tx *db.Tx, p pass, id coffer.ID) (db.Version, error) {
	id, err := v.wanted(p, id)
	if err != nil {
		return db.Version{}, err
	}
	return tx.Version(p.node.ID, id)
}

func (v *View) wanted(p pass, version coffer.ID) (coffer.ID, error) {
	if p.node.Kind != coffer.File {
		return version, coffer.E(coffer.Conflict, "not_a_file", "This is a folder: download it as a ZIP file.")
	}
	if version.IsZero() {
		version = p.node.VersionID
	}
	if !v.opens(version) {
		return version, coffer.ErrNotFound
	}
	return version, nil
}

// open is Open without a record of the reading; seen says that there is one.
func (v *View) open(ctx context.Context, id, version coffer.ID) (c *Content, seen bool, err error) {
	c = &Content{v: v, record: func() {}}
	_, actor := v.actor()
	err = v.look(ctx, id, coffer.Read, func(tx *db.Tx, p pass) (err error) {
		version, err := v.wanted(p, version)
		if err != nil {
			return err
		}
		var ver db.Version
		var key db.SpaceKey
		if ver, key, seen, err = tx.VersionToRead(p.node.ID, version, actor, tx.Now-openedEvery.Milliseconds()); err != nil {
			return err
		}
		c.pass, c.Node, c.Version = p, p.node, ver.Version
		c.dek, err = v.s.openKeyUnder(key, p, ver)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if c.dek.Digest == seal.FileSHA256 {
		c.SHA256 = c.dek.Sum[:]
	}
	if c.r, err = v.s.openBlob(ctx, c.Version.BlobID, c.dek); err != nil {
		c.dek.Key.Clear()
		return nil, false, err
	}
	return c, seen, nil
}

// WriteRange writes n bytes from off on to w and returns how many. Only
// authentic bytes reach w; where they end early the error is Corrupt, and the
// transport must be cut so that nobody takes them for all. An error of w comes
// back as it is. It ends when the right to the file does, see transfer.
func (c *Content) WriteRange(ctx context.Context, w io.Writer, off, n int64) (sent int64, err error) {
	err = c.v.transfer(ctx, []pass{c.pass}, func(ctx context.Context) error {
		sent, err = c.writeRange(ctx, w, off, n)
		return err
	})
	return sent, err
}

func (c *Content) writeRange(ctx context.Context, w io.Writer, off, n int64) (int64, error) {
	if off < 0 || n < 0 || n > c.Version.Size-off {
		return 0, fmt.Errorf("files: range %d+%d of %d bytes", off, n, c.Version.Size)
	}
	c.once.Do(c.record)
	return c.r.WriteRangeTo(ctx, w, off, n)
}

// ReadAt reads as io.ReaderAt says, for those who look into a file.
func (c *Content) ReadAt(p []byte, off int64) (int, error) {
	c.once.Do(c.record)
	return c.r.ReadAt(p, off)
}

// Close lets the bytes go and waits until the reading is recorded.
func (c *Content) Close() error {
	c.queued.Wait()
	defer c.dek.Key.Clear()
	return c.r.Close()
}
