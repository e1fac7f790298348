// Package server is the one place that wires: it takes what main has opened
// (database, store, keys, mail), builds the services and protocols on top, and
// answers on a listener until it is told to stop. Background work of the
// services is handed to the job runner here.
//
// It decides nothing, reads no configuration and opens no file.
package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/api"
	"coffer/internal/blob"
	"coffer/internal/content"
	"coffer/internal/cred"
	"coffer/internal/db"
	"coffer/internal/files"
	"coffer/internal/gate"
	"coffer/internal/jobs"
	"coffer/internal/keyring"
	"coffer/internal/mail"
	"coffer/internal/pages"
	"coffer/internal/picture"
	"coffer/internal/tus"
)

// Options are what main has opened and read.
type Options struct {
	DB      *db.DB
	Store   blob.Store
	Keyring *keyring.Keyring
	Mail    mail.Sender
	Install coffer.ID      // whose store the store must be
	BaseURL *url.URL       // checked by config: https, or http on loopback; no path
	Trusted []netip.Prefix // proxies whose X-Forwarded-For counts
	Version string         // shown in GET /instance
	Host    string         // names this server for operators
	Log     *slog.Logger
	UI      http.Handler               // the web interface at /; nil: none
	Asset   func(prefix string) string // finds a file of the interface, see pages.Options
	Jobs    bool                       // run background jobs in this process

	Retention  files.Retention
	ScrubEvery time.Duration // how often all contents are read and authenticated; 0: never
	ScrubRate  int64         // bytes a second; 0 = the product's

	Hasher      *cred.Hasher  // nil: one with the product's parameters
	Idle        time.Duration // for how long a body may stand still; 0 = 2 minutes
	Connections int           // open at once; 0 = by Memory
	Memory      int64         // bytes that the process may use; 0 = what GOMEMLIMIT and control groups say
	Grace       time.Duration // for running requests when the server stops; 0 = 15 s
}

// Server is a wired product.
type Server struct {
	o        Options
	accounts *accounts.Service
	files    *files.Service
	api      *api.API
	handler  http.Handler
	runner   *jobs.Runner // nil without Options.Jobs

	following sync.WaitGroup // of the keyring
	unfollow  context.CancelFunc
}

// The jobs that files has. Two are inserted with what they are about too, the
// sum of a blob only so; the rest come with the clock.
const (
	jobDoomed  = "files.purge_doomed"
	jobGivenUp = "files.purge_space"
	jobTrash   = "files.purge_trash"
	jobUploads = "files.collect_uploads"
	jobBlobs   = "files.collect_blobs"
	jobExpired = "accounts.purge_expired"
	jobKeys    = "keys.finish"
	jobScrub   = "files.scrub"
	jobOld     = "files.purge_versions"
	jobRecount = "files.recount"
	jobWork    = "files.work"
	jobForget  = "files.purge_work"
	jobIndex   = "files.index_names"
	jobSum     = "files.sum"
	jobClaims  = "files.return_claims"

	jobActivity = "files.purge_activity"
	jobQuiet    = "files.close_deliveries"
	jobReceipt  = "files.receipt"
	jobNotices  = "files.mail_notices"
	jobEndings  = "files.tell_endings"
	jobNoticed  = "files.purge_notices"
)

// FinishRotation makes a server end what a rotation of keys has begun, should
// its process be cut off.
func FinishRotation(tx *db.Tx) error { return jobs.Insert(tx, jobKeys, coffer.ID{}) }

// New wires everything. Nothing runs before Serve or Start.
func New(_ context.Context, o Options) (*Server, error) {
	if o.DB == nil || o.Store == nil || o.Keyring == nil || o.Mail == nil || o.BaseURL == nil || o.Log == nil {
		return nil, errors.New("server: database, store, keyring, mail, base URL and log are needed")
	}
	// Password hashes and pictures take blocks of 64 MiB from one pool.
	if o.Memory == 0 {
		o.Memory = cred.MemoryLimit()
	}
	slots := cred.Slots(runtime.GOMAXPROCS(0), o.Memory)
	memory := semaphore.NewWeighted(int64(slots))
	if o.Hasher == nil {
		o.Hasher = cred.NewHasher(cred.HasherOptions{Memory: memory, Slots: slots})
	}
	pictures := picture.NewMaker(picture.Options{Memory: memory, AtOnce: max(1, slots/2)})
	if o.Grace == 0 {
		o.Grace = 15 * time.Second
	}
	noticed := func(tx *db.Tx, user coffer.ID, at int64) error { return jobs.InsertOnce(tx, jobNotices, user, at) }
	s := &Server{o: o}
	s.files = files.New(files.Deps{DB: o.DB, Blobs: o.Store, Keys: o.Keyring, IO: &content.IO{Crowded: crowd(o.Memory)}, Install: o.Install, Log: o.Log, Hasher: o.Hasher,
		Pictures: pictures, Retention: o.Retention, ScrubRate: o.ScrubRate,
		Doomed:   func(_ context.Context, tx *db.Tx, node coffer.ID) error { return jobs.Insert(tx, jobDoomed, node) },
		Work:     func(tx *db.Tx, work coffer.ID) error { return jobs.Insert(tx, jobWork, work) },
		GivenUp:  func(tx *db.Tx, space coffer.ID) error { return jobs.Insert(tx, jobGivenUp, space) },
		Unsummed: func(tx *db.Tx, blob coffer.ID) error { return jobs.Insert(tx, jobSum, blob) },
		Noticed:  noticed,
		Post:     func(tx *db.Tx, write func(mail.Site) mail.Message) error { return s.accounts.Post(tx, write) },
		Receipt:  func(tx *db.Tx, delivery coffer.ID) error { return jobs.Insert(tx, jobReceipt, delivery) }})
	s.accounts = accounts.New(accounts.Options{DB: o.DB, Keys: o.Keyring, Hasher: o.Hasher, Policy: cred.NewPolicy(), Sender: o.Mail,
		BaseURL: strings.TrimSuffix(o.BaseURL.String(), "/"), Log: o.Log, Leaving: s.files.GiveUp, Noticed: noticed})
	g := gate.New(gate.Options{BaseURL: o.BaseURL, Trusted: o.Trusted, Log: o.Log, Idle: o.Idle, Transfers: transfers(o.Memory),
		Session: func(ctx context.Context, secret string, from gate.Origin) (coffer.Principal, error) {
			return s.accounts.AuthenticateSession(ctx, secret, api.From(from))
		},
		Bearer: func(ctx context.Context, secret string, from gate.Origin) (coffer.Principal, error) {
			return s.accounts.AuthenticateToken(ctx, secret, api.From(from))
		},
		Ticket: func(ctx context.Context, ticket string, from gate.Origin) (coffer.Principal, error) {
			return s.accounts.AuthenticateTicket(ctx, ticket, api.From(from))
		}})
	uploads, err := tus.New(tus.Options{Gate: g, Files: s.files, BaseURL: o.BaseURL, Path: api.Prefix + "/uploads"})
	if err != nil {
		return nil, err
	}
	s.api = api.New(api.Options{Gate: g, Uploads: uploads, Accounts: s.accounts, Files: s.files, BaseURL: o.BaseURL, Version: o.Version, Retention: s.files.Retention()})

	mux := http.NewServeMux()
	mux.Handle("/api/", s.api)
	mux.Handle(gate.TicketPrefix, s.api)
	outside := pages.New(pages.Options{Gate: g, Files: s.files, BaseURL: o.BaseURL, Asset: o.Asset, Reported: func(ctx context.Context, r files.Reported, address string) error {
		return s.accounts.TellReport(ctx, accounts.Reported(r), accounts.From{Address: address})
	}, Uploads: uploads.ServeAt, Organisation: func(ctx context.Context) (string, error) {
		i, err := s.accounts.Instance(ctx)
		return i.Organisation, err
	}})
	mux.Handle(gate.LinkPrefix, outside)
	mux.Handle(gate.RequestPrefix, outside)
	mux.Handle(pages.Prefix, outside)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) { plain(w, http.StatusOK, "alive") })
	mux.HandleFunc("/readyz", s.ready)
	if o.UI != nil {
		mux.Handle("/", o.UI) // without a method: "GET /" would contest "/api/"
	}
	s.handler = g.Wrap(mux, "/healthz", "/readyz")

	if o.Jobs {
		s.runner = jobs.New(jobs.Options{DB: o.DB, Log: o.Log, Handlers: s.handlers(), Periodic: []jobs.Periodic{
			{Kind: jobDoomed, Every: time.Hour},
			{Kind: jobGivenUp, Every: time.Hour},
			{Kind: jobTrash, Every: time.Hour},
			{Kind: jobUploads, Every: time.Hour},
			{Kind: jobBlobs, Every: 24 * time.Hour},
			{Kind: jobExpired, Every: time.Hour},
			{Kind: jobKeys, Every: time.Hour},
			{Kind: jobScrub, Every: time.Hour},
			{Kind: jobOld, Every: 24 * time.Hour},
			{Kind: jobRecount, Every: 24 * time.Hour},
			{Kind: jobForget, Every: time.Hour},
			{Kind: jobIndex, Every: time.Hour},
			{Kind: jobClaims, Every: time.Hour},
			{Kind: jobActivity, Every: 24 * time.Hour},
			{Kind: jobQuiet, Every: time.Minute},
			{Kind: jobNoticed, Every: time.Hour},
			{Kind: jobEndings, Every: time.Hour},
		}})
	}
	return s, nil
}

func (s *Server) handlers() map[string]jobs.Handler {
	timed := func(work func(context.Context) error) jobs.Handler {
		return func(ctx context.Context, _ coffer.ID) error { return work(ctx) }
	}
	return map[string]jobs.Handler{
		accounts.MailJob: s.accounts.SendMail,
		jobDoomed:        s.files.PurgeDoomed,
		jobGivenUp:       s.files.PurgeSpace,
		jobSum:           s.files.Sum,
		jobTrash:         timed(s.files.PurgeTrash),
		jobUploads:       timed(s.files.CollectUploads),
		jobBlobs:         timed(s.files.CollectBlobs),
		jobExpired:       timed(s.accounts.PurgeExpired),
		jobKeys:          timed(s.o.Keyring.Finish),
		jobScrub:         timed(s.scrub),
		jobOld:           timed(s.files.PurgeVersions),
		jobRecount:       timed(s.files.Recount),
		jobWork:          s.files.RunWork,
		jobForget:        timed(s.files.PurgeWork),
		jobIndex:         timed(s.files.IndexNames),
		jobClaims:        timed(s.files.ReturnClaims),
		jobActivity:      timed(s.files.PurgeActivity),
		jobQuiet:         timed(s.files.CloseDeliveries),
		jobReceipt:       s.mailReceipt,
		jobNotices:       s.files.MailNotices,
		jobEndings:       timed(s.files.TellEndings),
		jobNoticed:       timed(s.files.PurgeNotices),
	}
}

// A transfer takes half a MiB of buffers, an upload two while few run: so many
// may run that all together take less than half of the memory. Where no limit
// is known they stay below what a small host has.
const (
	transferMemory = 2 << 20
	leastTransfers = 32
	mostTransfers  = 4096
)

func transfers(memory int64) int {
	if memory == 0 {
		return 0 // the gate's own number
	}
	return int(min(max(memory/transferMemory, leastTransfers), mostTransfers))
}

// crowd is how many uploads have the large buffers: an eighth of the memory.
func crowd(memory int64) int {
	if memory == 0 {
		return 0 // content's own number
	}
	return int(min(max(memory/8/transferMemory, 4), 32))
}

// mailReceipt sends the receipt of a delivery to its sender.
func (s *Server) mailReceipt(ctx context.Context, id coffer.ID) error {
	d, asker, err := s.files.ReceiptOf(ctx, id)
	if errors.Is(err, coffer.ErrNotFound) {
		return nil // the request was removed meanwhile
	}
	if err != nil {
		return err
	}
	return s.accounts.MailReceipt(ctx, d, asker)
}

func (s *Server) scrub(ctx context.Context) error {
	if s.o.ScrubEvery == 0 {
		return nil
	}
	return s.files.Scrub(ctx, s.o.ScrubEvery)
}

// Handler answers everything: the API, the web interface, the health checks.
func (s *Server) Handler() http.Handler { return s.handler }

// API is the REST protocol, for tests that walk its routes.
func (s *Server) API() *api.API { return s.api }

// Accounts is the service behind the API, for tests that need people which
// nobody can make through REST.
func (s *Server) Accounts() *accounts.Service { return s.accounts }

// Files is the service behind the API, for the commands that check a store.
func (s *Server) Files() *files.Service { return s.files }

// SetupURL makes a new one-time code for the first owner and returns the
// address to print; "" when there is an owner.
func (s *Server) SetupURL(ctx context.Context) (string, error) {
	code, err := s.accounts.PrepareSetup(ctx)
	if err != nil || code == "" {
		return "", err
	}
	return s.o.BaseURL.JoinPath("setup").String() + "#" + code, nil
}

// Start joins the servers of this installation and follows its keyring, and runs the background jobs where Options.Jobs
// asks for them.
func (s *Server) Start(ctx context.Context) error {
	if s.o.DB.Engine() == db.SQLite {
		if err := s.files.Alone(ctx); err != nil {
			return err
		}
	}
	member, err := s.o.Keyring.Join(ctx, s.o.Host)
	if err != nil {
		return err
	}
	following, unfollow := context.WithCancel(ctx)
	s.unfollow = unfollow
	s.following.Go(func() { member.Follow(following, s.o.Log) })
	s.following.Go(func() { s.files.Follow(following) })
	if s.runner == nil {
		return nil
	}
	return s.runner.Start(ctx)
}

// Close ends what Start began and waits for what runs behind answers. It closes
// neither database nor store.
func (s *Server) Close(ctx context.Context) error {
	var err error
	if s.runner != nil {
		err = s.runner.Stop(ctx)
	}
	if s.unfollow != nil {
		s.unfollow()
		s.following.Wait()
	}
	s.accounts.Close()
	return err
}

// Serve starts the jobs and answers on the listener until ctx ends; then it
// takes no new requests, gives running ones the grace time, cuts the rest,
// waits until these have cleaned up, and stops the jobs. With a TLS
// configuration it speaks HTTP/2 too.
func (s *Server) Serve(ctx context.Context, ln net.Listener, secure *tls.Config) error {
	headerTime := 10 * time.Second
	if s.o.Idle > 0 {
		headerTime = min(headerTime, s.o.Idle)
	}
	const all = 1 << 40
	inside := semaphore.NewWeighted(all) // requests that have not returned
	h := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !inside.TryAcquire(1) { // the grace time is over
				panic(http.ErrAbortHandler)
			}
			defer inside.Release(1)
			s.handler.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: headerTime,
		ConnState:         (&conns{most: cmp.Or(s.o.Connections, connections(s.o.Memory))}).state,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    gate.MaxHeaderBytes,
		TLSConfig:         secure,
		ErrorLog:          slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug), // broken handshakes and the like
		// No ReadTimeout and WriteTimeout: they would end long transfers. Gate
		// sets deadlines that follow the bytes.
	}
	after := context.WithoutCancel(ctx)
	if err := s.Start(after); err != nil {
		ln.Close()
		return fmt.Errorf("server: start: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		if secure != nil {
			ended <- h.ServeTLS(ln, "", "")
		} else {
			ended <- h.Serve(ln)
		}
	}()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(after, s.o.Grace)
	defer cancel()
	if h.Shutdown(grace) != nil { // the grace time is over
		h.Close()
	}
	last, cancelLast := context.WithTimeout(after, cleanUp)
	defer cancelLast()
	if inside.Acquire(last, all) != nil {
		err = errors.Join(err, errors.New("server: some requests did not end"))
	}
	return errors.Join(err, s.Close(last))
}

// cleanUp is how long cut requests and jobs get for putting things in order.
const cleanUp = 10 * time.Second

// Ready reports whether the server can do its work: the database answers, the
// store is ours, the keys open.
func (s *Server) Ready(ctx context.Context) error {
	if err := s.o.DB.Ping(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if err := s.o.Store.Marker(ctx, s.o.Install, false); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := s.o.Keyring.Check(ctx); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if err := s.Ready(r.Context()); err != nil {
		gate.Note(r.Context(), err)
		part, _, _ := strings.Cut(err.Error(), ":") // which part, not why
		plain(w, http.StatusServiceUnavailable, "not ready: "+part)
		return
	}
	plain(w, http.StatusOK, "ready")
}

func plain(w http.ResponseWriter, status int, text string) {
	gate.SetAPIHeaders(w.Header())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}
