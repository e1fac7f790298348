package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"coffer/internal/cmdline"
	"coffer/internal/config"
	"coffer/internal/files"
	"coffer/internal/server"
	"coffer/internal/web"
)

type serveCmd struct{}

func (serveCmd) Help() string {
	return `Without any setting the server keeps everything in ./data, answers on 127.0.0.1:8080, and writes mails into the folder outbox there. The first start makes the folder, the database and a master key; it prints an address on which the first owner is made.

A first SIGTERM or Ctrl-C lets running transfers end (--stop-within), a second one ends the server at once.

Examples:

  cofferd serve
  cofferd serve --data /srv/coffer --listen :443 --base-url https://files.example.org --tls-cert cert.pem --tls-key key.pem
  cofferd serve --data /srv/coffer --base-url https://files.example.org --trusted-proxies 127.0.0.1`
}

func (serveCmd) Run(a *app) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if cfg.MemoryLimit > 0 && a.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(cfg.MemoryLimit) << 20)
	}
	log := a.logger(slog.LevelDebug)
	var secure *tls.Config
	if cfg.TLSCert != "" {
		cert, err := tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey)
		if err != nil {
			return fmt.Errorf("tls-cert and tls-key: %w", err)
		}
		secure = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	h, err := a.open(cfg, log, purpose{lock: true, migrate: true, create: true})
	if err != nil {
		return err
	}
	err = a.serve(h, secure)
	if closing := h.close(); err == nil {
		err = closing
	}
	return err
}

func (a *app) serve(h *house, secure *tls.Config) error {
	ln, err := net.Listen("tcp", h.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer ln.Close()
	h.cfg.FixBase(ln.Addr())
	mails, where, err := h.sender()
	if err != nil {
		return err
	}
	ui, err := web.New()
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "a host without a name"
	}
	s, err := server.New(a.ctx, server.Options{
		DB: h.db, Store: h.store, Keyring: h.keys, Mail: mails, Install: h.install,
		BaseURL: h.cfg.Base, Trusted: h.cfg.Trusted, Version: cmdline.Version(), Log: h.log, Host: fmt.Sprintf("%s (%s)", host, ln.Addr()),
		UI: ui, Asset: ui.Asset, Jobs: true, Grace: time.Duration(h.cfg.StopWithin),
		Retention: retention(h.cfg), ScrubEvery: time.Duration(h.cfg.ScrubEvery), ScrubRate: int64(h.cfg.ScrubRate) << 20,
	})
	if err != nil {
		return err
	}
	setup, err := s.SetupURL(a.ctx)
	if err != nil {
		return err
	}
	if err := a.remind(h); err != nil {
		return err
	}
	a.greet(h, ln.Addr(), where, setup)
	if h.cfg.Metrics != "" {
		end, err := a.metrics(h, s)
		if err != nil {
			return err
		}
		defer end()
	}
	err = s.Serve(a.ctx, ln, secure)
	h.log.Info("stopped")
	return err
}

// metrics answers on an address of its own, until end.
func (a *app) metrics(h *house, s *server.Server) (end func(), err error) {
	ln, err := net.Listen("tcp", h.cfg.Metrics)
	if err != nil {
		return nil, fmt.Errorf("metrics-listen: %w", err)
	}
	m := &http.Server{Handler: s.Metrics(), ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	go func() {
		if err := m.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			h.log.Error("the metrics have ended", "err", err)
		}
	}()
	h.log.Info("metrics", "listen", ln.Addr().String())
	return func() { m.Close() }, nil
}

// retention is what the configuration says of deleted things.
func retention(c *config.Config) files.Retention {
	return files.Retention{Trash: time.Duration(c.TrashKeep), BackupWindow: time.Duration(c.BackupWindow), Backups: time.Duration(c.BackupKeep),
		Versions: c.VersionsKeep, VersionAge: time.Duration(c.VersionsAge)}
}

// greet tells where the server answers, where mails go, and how the first
// owner is made. The setup address is the one secret that the log carries.
func (a *app) greet(h *house, addr net.Addr, mails, setup string) {
	if !a.textLog() {
		if setup != "" {
			h.log.Info("no owner exists yet: open this address to make the first one", "setup", setup)
		}
		h.log.Info("serving", "version", cmdline.Version(), "url", h.cfg.Base.String(), "listen", addr.String(), "data", h.cfg.Data, "database", string(h.db.Engine()), "mail", mails)
		return
	}
	fmt.Fprintf(a.std.Err, "\nCoffer %s answers on %s\n", cmdline.Version(), h.cfg.Base)
	fmt.Fprintf(a.std.Err, "  data   %s (%s)\n  mails  go to %s\n", h.cfg.Data, h.db.Engine(), mails)
	if setup != "" {
		fmt.Fprintf(a.std.Err, "\nNo owner exists yet. Open this address to make the first one:\n\n  %s\n", setup)
	}
	fmt.Fprintln(a.std.Err)
}

// remind says at every start that nobody could open the data without this host.
func (a *app) remind(h *house) error {
	at, current, err := h.keys.EscrowState(a.ctx)
	if err != nil || current {
		return err
	}
	text := "the keys were never exported: if the master key is lost, so is everything that is stored. Say: cofferd keys export --help"
	if at > 0 {
		text = "the keys have changed since they were exported: export them again. Say: cofferd keys export --help"
	}
	if a.textLog() {
		fmt.Fprintf(a.std.Err, "Reminder: %s\n\n", text)
	} else {
		h.log.Warn(text)
	}
	return nil
}

type migrateCmd struct{}

func (migrateCmd) Help() string {
	return "Make a backup first: an older version cannot use a migrated database.\n\nExamples:\n\n  cofferd migrate --data /srv/coffer"
}

func (migrateCmd) Run(a *app) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	h, err := a.open(cfg, a.logger(slog.LevelWarn), purpose{lock: true, migrate: true, create: true})
	if err != nil {
		return err
	}
	_, known, err := h.db.SchemaVersion(a.ctx)
	if err != nil {
		h.close()
		return err
	}
	if err := h.close(); err != nil {
		return err
	}
	if a.opts.JSON {
		return a.std.JSON(map[string]any{"schema": known})
	}
	_, err = fmt.Fprintf(a.std.Out, "The database has schema %d.\n", known)
	return err
}
