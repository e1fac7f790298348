// Package coffertest runs a whole server in the process of a test: real
// listener, real database (SQLite or PostgreSQL), real keys, blobs on disk or in
// memory, mails in memory. Its people sign up and work through REST, as
// everybody does; stories are told with them.
//
// It is for tests only, and knows the server from outside plus a clock.
package coffertest

import (
	"context"
	"crypto/tls"
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

// Options change what is built.
type Options struct {
	Disk       bool                  // blobs on disk; else in memory, because 1,024 new folders take ext4 half a second
	Idle       time.Duration         // for how long a body may stand still; 0 = the product's
	TLS, Trust *tls.Config           // of the server, and of its clients; nil: plain HTTP
	Edit       func(*server.Options) // the last word; nil: none
}

// Server is a running server.
type Server struct {
	*server.Server
	T     testing.TB
	URL   string // http://127.0.0.1:port
	Addr  string // 127.0.0.1:port
	DB    *db.DB
	Store blob.Store
	Data  string // folder with blobs and master key
	Mails *Mails
	Clock *Clock
	Log   *Log

	Owner *Person // made at the first start, signed in
	o     Options
	again func() *db.DB // one more handle on the database; nil on one of its own
	http  *http.Client
	stop  func() // ends it, once
}

// Each runs a test on both engines. open starts a server on an empty database.
func Each(t *testing.T, test func(t *testing.T, open func(Options) *Server)) {
	dbtest.EachWith(t, func(t *testing.T, openDB func(db.Options) *db.DB) {
		test(t, func(o Options) *Server {
			t.Helper()
			clock, log := &Clock{}, &Log{}
			handle := func(dsn string) *db.DB { return openDB(db.Options{DSN: dsn, Now: clock.Now, Log: log.logger()}) }
			s := start(t, handle(""), clock, log, o)
			s.again = func() *db.DB { return handle(dbtest.Same) }
			return s
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

// start makes keys and a store for an empty database, and runs a server.
func start(t testing.TB, d *db.DB, clock *Clock, log *Log, o Options) *Server {
	t.Helper()
	s := &Server{T: t, DB: d, Data: t.TempDir(), Mails: newMails(), Clock: clock, Log: log, o: o}
	if err := keyring.GenerateFile(s.keyFile()); err != nil {
		t.Fatal(err)
	}
	s.run()
	s.setUp()
	return s
}

func (s *Server) keyFile() string { return filepath.Join(s.Data, "master.key") }

// Restart runs a new server on what another has left, as after a new start of
// the process. edit may change its options.
func (s *Server) Restart(edit func(*server.Options)) *Server {
	s.T.Helper()
	s.stop()
	next := &Server{T: s.T, DB: s.DB, Store: s.Store, Data: s.Data, Mails: s.Mails, Clock: s.Clock, Log: s.Log, Owner: s.Owner, o: s.o}
	next.o.Edit = edit
	next.run()
	return next
}

// Beside runs one more server on the same database and store, as another process
// does. Only PostgreSQL takes two.
func (s *Server) Beside() *Server {
	s.T.Helper()
	next := &Server{T: s.T, DB: s.again(), Store: s.Store, Data: s.Data, Mails: s.Mails, Clock: s.Clock, Log: &Log{}, Owner: s.Owner, o: s.o, again: s.again}
	next.run()
	return next
}

func (s *Server) run() {
	t := s.T
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	if s.o.Disk {
		store, err := disk.Open(filepath.Join(s.Data, "blobs"))
		must(err)
		s.Store = store
	} else if s.Store == nil {
		s.Store = blob.NewMemory()
	}
	master, err := keyring.OpenFile(s.keyFile())
	must(err)
	install, err := installID(ctx, s.DB)
	must(err)
	keys, err := keyring.Open(ctx, s.DB, master, install)
	must(err)
	must(s.Store.Marker(ctx, install, true))

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	base := &url.URL{Scheme: "http", Host: ln.Addr().String()}
	if s.o.TLS != nil {
		base.Scheme = "https"
	}
	so := server.Options{DB: s.DB, Store: s.Store, Keyring: keys, Mail: s.Mails, Install: install, BaseURL: base, Version: "test",
		Log: s.Log.logger(), Jobs: true, Idle: s.o.Idle, Grace: 5 * time.Second,
		Hasher: cred.NewHasher(cred.HasherOptions{Params: cred.Params{MemoryKiB: 64, Time: 1, Threads: 1}})}
	if s.o.Edit != nil {
		s.o.Edit(&so)
	}
	s.Server, err = server.New(ctx, so)
	must(err)
	s.URL, s.Addr = base.String(), base.Host
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, TLSClientConfig: s.o.Trust, ForceAttemptHTTP2: true}
	s.http = &http.Client{Transport: transport, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(running, ln, s.o.TLS) }()
	s.stop = sync.OnceFunc(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	t.Cleanup(s.stop)
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
