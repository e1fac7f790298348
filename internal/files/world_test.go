package files_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/blob/disk"
	"coffer/internal/content"
	"coffer/internal/cred"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/files"
	"coffer/internal/keyring"
	"coffer/internal/picture"
)

var ctx = context.Background()

// A world is an installation: real database, real keys, real store.
type world struct {
	t       testing.TB
	db      *db.DB
	keys    *keyring.Keyring
	install coffer.ID
	store   blob.Store
	svc     *files.Service
	clock   *clock
	doom    chan coffer.ID // jobs that were inserted
	work    chan coffer.ID // of large batches

	pictures *picture.Maker // nil: each service has its own
}

// A clock stands still until it is moved, so that tests own the time.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time       { return time.UnixMilli(c.ms.Load()) }
func (c *clock) move(d time.Duration) { c.ms.Add(d.Milliseconds()) }

func newWorld(t testing.TB, d *db.DB, clock *clock, store blob.Store) *world {
	t.Helper()
	w := &world{t: t, db: d, store: store, clock: clock, doom: make(chan coffer.ID, 1000), work: make(chan coffer.ID, 1000)}
	var install coffer.ID
	err := d.Update(ctx, func(tx *db.Tx) (err error) { install, err = tx.EnsureInstall(); return err })
	w.ok(err)
	w.ok(store.Marker(ctx, install, true))
	key := filepath.Join(t.TempDir(), "master.key")
	w.ok(keyring.GenerateFile(key))
	master, err := keyring.OpenFile(key)
	w.ok(err)
	w.keys, err = keyring.Open(ctx, d, master, install)
	w.ok(err)
	w.install = install
	w.svc = w.service()
	w.ok(w.svc.IndexNames(ctx)) // nothing, but from now on Check wants all names indexed
	return w
}

func (w *world) service() *files.Service { return w.serviceWith(files.Retention{}) }

func (w *world) serviceWith(r files.Retention) *files.Service {
	return files.New(files.Deps{Retention: r, DB: w.db, Blobs: w.store, Keys: w.keys, IO: new(content.IO), Install: w.install, Pictures: w.pictures,
		WorkFrom: 250,
		Hasher:   cred.NewHasher(cred.HasherOptions{Params: cred.Params{MemoryKiB: 64, Time: 1, Threads: 1}}),
		Work:     func(_ *db.Tx, id coffer.ID) error { w.work <- id; return nil },
		Doomed:   func(_ context.Context, _ *db.Tx, id coffer.ID) error { w.doom <- id; return nil }})
}

// each runs a test on both databases, with the store in memory.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		c := newClock()
		test(t, newWorld(t, open(db.Options{Now: c.now}), c, blob.NewMemory()))
	})
}

// eachStore is each with both kinds of store: files beside SQLite, memory
// beside PostgreSQL. Making a store of files takes longer than most tests.
func eachStore(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		c := newClock()
		test(t, newWorld(t, open(db.Options{Now: c.now}), c, newStore(t)))
	})
}

func newStore(t testing.TB) blob.Store {
	if strings.HasSuffix(t.Name(), "/postgres") {
		return blob.NewMemory()
	}
	s, err := disk.Open(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// A person is signed in.
type person struct {
	*files.View
	w    *world
	who  coffer.Principal
	root coffer.ID
}

// person makes an account with its space.
func (w *world) person(name string) *person {
	w.t.Helper()
	return w.personAs(name, coffer.RoleMember)
}

func (w *world) personAs(name string, role coffer.Role) *person {
	w.t.Helper()
	u := coffer.User{ID: coffer.NewID(), Email: strings.ToLower(name) + "@example.com", Name: name, Role: role, Theme: "system", Language: "en"}
	sealed, ver := w.keys.SealPassword(u.ID, "none")
	w.ok(w.db.Update(ctx, func(tx *db.Tx) error { return tx.InsertUser(u, db.Password{Sealed: sealed, KEKVer: ver}) }))
	p := &person{w: w, who: coffer.Principal{Kind: coffer.UserKind, User: u, Scopes: coffer.AllScopes[:], Address: "192.0.2.1", RequestID: "7Q2M-4K"}}
	p.View = w.svc.As(p.who)
	spaces, err := p.Spaces(ctx)
	w.ok(err)
	if len(spaces) > 0 { // a guest has none
		p.root = spaces[0].RootID
	}
	return p
}

func (p *person) put(folder coffer.ID, name string, data []byte) files.Detail {
	p.w.t.Helper()
	d, _, err := p.Upload(ctx, folder, name, coffer.Fail, body(data))
	p.w.ok(err)
	return d
}

func (p *person) mkdir(folder coffer.ID, name string) coffer.ID {
	p.w.t.Helper()
	d, _, err := p.CreateFolder(ctx, folder, name, coffer.Fail)
	p.w.ok(err)
	return d.ID
}

func (p *person) trash(id coffer.ID) {
	p.w.t.Helper()
	p.w.ok(p.Trash(ctx, id, 0))
}

func (p *person) space() coffer.Space {
	p.w.t.Helper()
	s, err := p.Spaces(ctx)
	p.w.ok(err)
	return s[0].Space
}

func (p *person) setQuota(bytes int64) {
	p.w.t.Helper()
	p.w.ok(p.w.db.Update(ctx, func(tx *db.Tx) error { return tx.SetQuota(p.who.User.ID, &bytes) }))
}

func (p *person) spaceID(tx *db.Tx) coffer.ID {
	s, err := tx.PersonalSpace(p.who.User.ID)
	p.w.ok(err)
	return s.ID
}

// names lists a folder, one letter for the kind before each name.
func (p *person) names(folder coffer.ID) string {
	p.w.t.Helper()
	page, err := p.Children(ctx, folder, files.ListOptions{Limit: 10000})
	p.w.ok(err)
	if int(page.Total) != len(page.Items) {
		p.w.t.Errorf("total %d, items %d", page.Total, len(page.Items))
	}
	var out []string
	for _, i := range page.Items {
		if i.Kind == coffer.Folder {
			i.Name += "/"
		}
		out = append(out, i.Name)
	}
	return strings.Join(out, " ")
}

func (p *person) read(id coffer.ID) []byte {
	p.w.t.Helper()
	b, err := p.readVersion(id, coffer.ID{})
	p.w.ok(err)
	return b
}

func (p *person) readVersion(id, version coffer.ID) ([]byte, error) {
	c, err := p.Open(ctx, id, version)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	n, err := c.WriteRange(ctx, &buf, 0, c.Version.Size)
	if err == nil && n != c.Version.Size {
		err = errors.New("short without an error")
	}
	return buf.Bytes(), errors.Join(err, c.Close())
}

// clean runs Check and wants nothing wrong, and orphans as many as said.
func (w *world) clean(orphans int) files.Report {
	w.t.Helper()
	r, err := w.svc.Check(ctx, files.CheckOptions{ReadData: 100})
	w.ok(err)
	for _, p := range r.Problems {
		w.t.Errorf("check: %+v", p)
	}
	if len(r.Orphans) != orphans {
		w.t.Errorf("check: orphans %+v, want %d", r.Orphans, orphans)
	}
	return r
}

// jobs runs the jobs that were inserted.
func (w *world) jobs() {
	w.t.Helper()
	for {
		select {
		case id := <-w.doom:
			w.ok(w.svc.PurgeDoomed(ctx, id))
		case id := <-w.work:
			w.ok(w.svc.RunWork(ctx, id))
		default:
			return
		}
	}
}

func (w *world) events() (out []string) {
	w.t.Helper()
	w.ok(w.db.View(ctx, func(tx *db.Tx) error {
		spaces, err := tx.Spaces(coffer.ID{}, 100)
		out = out[:0]
		for _, s := range spaces {
			events, err := tx.Events(s.ID, 1000)
			if err != nil {
				return err
			}
			for _, e := range events {
				out = append(out, e.Action)
			}
		}
		return err
	}))
	return out
}

func body(b []byte) files.Body { return files.Body{Reader: bytes.NewReader(b), Size: int64(len(b))} }

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// code is the code of an error, "" for none, "?" for a foreign one.
func code(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*coffer.Error](err); ok {
		return e.Code
	}
	return "? " + err.Error()
}
