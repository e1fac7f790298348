package files_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"testing"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/cobblestone"
	"coffer/internal/content"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/files"
	"coffer/internal/seal"
)

// A census counts every message that is sealed under some key. The head of a
// Cobblestone message, salt and commitment, is a function of key, context and
// salt, and so are the key and the nonces of its chunks: two messages with one
// head have used every (key, nonce) pair twice.
type census struct {
	mu       sync.Mutex
	messages map[string][]byte // head -> what stands behind it, as far as written
	reused   []string
}

// add counts a message, or the first bytes of one that was cut. The same bytes
// again are the same message.
func (c *census) add(what string, message []byte) {
	if len(message) < cobblestone.HeaderSize {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	head, rest := string(message[:cobblestone.HeaderSize]), message[cobblestone.HeaderSize:]
	before, known := c.messages[head]
	if n := min(len(before), len(rest)); known && !bytes.Equal(before[:n], rest[:n]) {
		c.reused = append(c.reused, what)
	}
	if len(rest) > len(before) {
		c.messages[head] = bytes.Clone(rest)
	}
}

// records counts the sealed records of the database.
func (c *census) records(t *testing.T, d *db.DB, spaces ...coffer.ID) {
	t.Helper()
	err := d.View(ctx, func(tx *db.Tx) error {
		for _, col := range db.SealedColumns() {
			for _, space := range spaces {
				recs, err := tx.SealedBelow(col, space, math.MaxInt32, 10_000)
				if err != nil {
					return err
				}
				for _, r := range recs {
					c.add(fmt.Sprintf("%s of %v", col.Name(), r.IDs[0]), r.Sealed[1:])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// countedStore is a store that shows the census all that is ever written, also
// what is overwritten, aborted or never published.
type countedStore struct {
	blob.Store
	c *census
}

func (s countedStore) Stage(ctx context.Context, id coffer.ID, partSize int64) (blob.Pending, error) {
	p, err := s.Store.Stage(ctx, id, partSize)
	return &countedPending{Pending: p, c: s.c, id: id, partSize: partSize, parts: map[int64][]byte{}}, err
}

type countedPending struct {
	blob.Pending
	c        *census
	id       coffer.ID
	partSize int64
	mu       sync.Mutex
	parts    map[int64][]byte // of each part the attempt that is written
}

func (p *countedPending) WriteAt(b []byte, off int64) (int, error) {
	p.mu.Lock()
	for rest, at := b, off; len(rest) > 0; {
		part, in := at/p.partSize, at%p.partSize
		n := min(int64(len(rest)), p.partSize-in)
		if in == 0 { // an attempt begins
			p.count(part)
			p.parts[part] = nil
		}
		if in != int64(len(p.parts[part])) {
			p.mu.Unlock()
			return 0, errors.New("census: a part is not written in order")
		}
		p.parts[part] = append(p.parts[part], rest[:n]...)
		rest, at = rest[n:], at+n
	}
	p.mu.Unlock()
	return p.Pending.WriteAt(b, off)
}

func (p *countedPending) count(part int64) {
	p.c.add(fmt.Sprintf("part %d of blob %v", part, p.id), p.parts[part])
}

func (p *countedPending) all() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for part := range p.parts {
		p.count(part)
	}
}

func (p *countedPending) Publish(ctx context.Context, size int64) error {
	p.all()
	return p.Pending.Publish(ctx, size)
}

func (p *countedPending) Abort(ctx context.Context) error {
	p.all()
	return p.Pending.Abort(ctx)
}

// TestNonceCensus: under crashes, retries, uploads at once, copies and rotation
// no pair of key and nonce seals two plaintexts.
func TestNonceCensus(t *testing.T) {
	t.Parallel()
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		c, clock := &census{messages: map[string][]byte{}}, newClock()
		w := newWorld(t, open(db.Options{Now: clock.now}), clock, countedStore{blob.NewMemory(), c})
		ann := w.person("Ann")
		space := ann.space().ID
		large := bytes.Repeat([]byte("0123456789abcdef"), 20<<20/16) // three parts of 8 MiB
		upload := func(name string, body io.Reader, size int64) error {
			return third(ann.Upload(ctx, ann.root, name, coffer.Replace, files.Body{Reader: body, Size: size}))
		}
		// The same file again and again: whole, cut at several places, crashed.
		w.ok(upload("large", bytes.NewReader(large), int64(len(large))))
		for _, cut := range []int{100_000, 8 << 20, 9 << 20, len(large) - 1} {
			if err := upload("large", io.MultiReader(bytes.NewReader(large[:cut]), errReader{}), int64(len(large))); err == nil {
				t.Error("a cut upload succeeded")
			}
			func() {
				defer func() {
					if recover() == nil {
						t.Error("no crash")
					}
				}()
				_ = upload("large", io.MultiReader(bytes.NewReader(large[:cut]), panics{}), int64(len(large)))
			}()
			c.records(t, w.db, space)
		}
		// Equal and different contents, at once.
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for j := range 5 {
					if err := upload(fmt.Sprint("at once ", i), bytes.NewReader(bytes.Repeat([]byte{byte(i % 2), byte(j)}, 40_000)), -1+int64(i%2)*80_001); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		w.ok(third(ann.Copy(ctx, ann.root, ann.mkdir(ann.root, "in"), "copy", "")))
		drawn := ann.put(ann.root, "drawn.png", photo(1))
		ann.small(drawn.ID, files.TileEdge)
		ann.small(drawn.ID, files.PreviewEdge)
		c.records(t, w.db, space)
		for range 3 {
			_, err := w.keys.RotateSpace(ctx, space)
			w.ok(err)
			w.ok(w.keys.ResealSpace(ctx, space))
			v, err := w.keys.AddKEK(ctx)
			w.ok(err)
			w.ok(w.keys.ActivateKEK(ctx, v))
			w.ok(w.keys.Reseal(ctx))
			c.records(t, w.db, space)
			w.ok(upload("small", bytes.NewReader([]byte("small")), 5))
		}
		c.records(t, w.db, space)

		// One key in one place for several plaintexts: a password that is changed,
		// and a part whose attempt is given up and begun again.
		dek := seal.DEK{Key: seal.NewKey(), PartLog: 23, Size: 50_000}
		for i := range 5 {
			sealed, _ := w.keys.SealPassword(ann.who.User.ID, fmt.Sprint("password ", i))
			c.add("a password", sealed[1:])
			p, err := w.store.Stage(ctx, coffer.ID{1}, content.StoredPartSize(dek.PartLog))
			w.ok(err)
			_, err = new(content.IO).Write(ctx, p, coffer.ID{1}, dek, bytes.NewReader(bytes.Repeat([]byte{byte(i)}, 50_000)), content.WriteOptions{})
			w.ok(err)
			w.ok(p.Abort(ctx))
		}
		if len(c.messages) < 200 {
			t.Errorf("%d messages were counted: too few to prove anything", len(c.messages))
		}
		if len(c.reused) > 0 {
			t.Errorf("%d messages of %d were sealed with a used key and nonce: %.5q", len(c.reused), len(c.messages), c.reused)
		}
		t.Logf("%d messages, no pair of key and nonce twice", len(c.messages))

		// The census itself: the same head over other bytes is noticed.
		for head, rest := range c.messages {
			c.add("planted", append([]byte(head), bytes.Repeat([]byte{rest[0] + 1}, len(rest))...))
			break
		}
		if len(c.reused) != 1 {
			t.Error("a planted reuse is not noticed")
		}
	})
}
