// Package coffertest runs a whole server in the process of a test: real
// listener, real database (SQLite or PostgreSQL), real store on disk, real
// keys, mails in memory. Its people sign up and work through REST, as
// everybody does; stories are told with them.
//
// It is for tests only, and knows the server from outside plus a clock.
package coffertest

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/blob/disk"
	"coffer/internal/cred"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/keyring"
	"coffer/internal/server"
	"coffer/internal/wire"
)

// Options change what Start builds.
type Options struct {
	Idle  time.Duration                     // for how long a body may stand still; 0 = the product's
	Store func(inner blob.Store) blob.Store // nil: the disk store as it is
	Edit  func(*server.Options)             // the last word; nil: none
}

// Server is a running server.
type Server struct {
	*server.Server
	T     testing.TB
	URL   string // http://127.0.0.1:port
	DB    *db.DB
	Store blob.Store // the disk store, without what Options.Store put around it
	Data  string     // folder with blobs and master key
	Mails *Mails
	Clock *Clock
	Log   *Log

	Owner *Person // made at the first start, signed in
	http  *http.Client
	stop  func() // ends it, once
}

// Each runs a test on both engines. open starts a server on an empty database.
func Each(t *testing.T, test func(t *testing.T, open func(Options) *Server)) {
	dbtest.EachWith(t, func(t *testing.T, openDB func(db.Options) *db.DB) {
		test(t, func(o Options) *Server {
			t.Helper()
			clock := &Clock{}
			log := &Log{}
			return start(t, openDB(db.Options{Now: clock.Now, Log: log.logger()}), clock, log, o)
		})
	})
}

// New starts a server on SQLite.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	clock, log := &Clock{}, &Log{}
	path := filepath.Join(t.TempDir(), "coffer.db")
	d, err := db.Open(t.Context(), db.Options{DSN: path, Now: clock.Now, Log: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return start(t, d, clock, log, o)
}

func start(t testing.TB, d *db.DB, clock *Clock, log *Log, o Options) *Server {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s := &Server{T: t, DB: d, Data: t.TempDir(), Mails: newMails(), Clock: clock, Log: log}
	ctx := context.Background()
	var err error
	s.Store, err = disk.Open(filepath.Join(s.Data, "blobs"))
	must(err)
	keyFile := filepath.Join(s.Data, "master.key")
	must(keyring.GenerateFile(keyFile))
	master, err := keyring.OpenFile(keyFile)
	must(err)
	install, err := installID(ctx, d)
	must(err)
	keys, err := keyring.Open(ctx, d, master, install)
	must(err)
	must(s.Store.Marker(ctx, install, true))
	used := s.Store
	if o.Store != nil {
		used = o.Store(used)
	}

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	base := &url.URL{Scheme: "http", Host: ln.Addr().String()}
	so := server.Options{DB: d, Store: used, Keyring: keys, Mail: s.Mails, Install: install, BaseURL: base, Version: "test",
		Log: log.logger(), Jobs: true, Idle: o.Idle, Grace: 5 * time.Second,
		Hasher: cred.NewHasher(cred.HasherOptions{Params: cred.Params{MemoryKiB: 64, Time: 1, Threads: 1}})}
	if o.Edit != nil {
		o.Edit(&so)
	}
	s.Server, err = server.New(ctx, so)
	must(err)
	s.URL = base.String()
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	s.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(running, ln, nil) }()
	s.stop = sync.OnceFunc(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	t.Cleanup(s.stop)
	s.setUp()
	return s
}

// Stop ends the server and waits for it.
func (s *Server) Stop() { s.stop() }

// setUp makes the owner Olga with the printed code, and opens sign-up.
func (s *Server) setUp() {
	s.T.Helper()
	address, err := s.SetupURL(context.Background())
	_, code, found := strings.Cut(address, "#")
	if err != nil || !found {
		s.T.Fatalf("setup address %q: %v", address, err)
	}
	s.Owner = s.Stranger("Olga")
	res := s.Owner.Do("POST", "/setup", wire.Setup{Code: code, Name: "Olga", Email: s.Owner.Email, Password: s.Owner.Password, Organisation: "Test & Sons", Signup: "open"})
	res.Want(http.StatusCreated)
	s.Owner.took(res)
}

// Clock is the server's clock: the real time plus what Advance added.
type Clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

// Now is the server's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// Log holds what the server logged.
type Log struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *Log) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// installID is the id of the database's installation.
func installID(ctx context.Context, d *db.DB) (id coffer.ID, err error) {
	err = d.Update(ctx, func(tx *db.Tx) (err error) {
		id, err = tx.EnsureInstall()
		return err
	})
	return id, err
}
