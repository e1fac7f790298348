package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"coffer"
	"coffer/internal/blob/disk"
	"coffer/internal/cmdline"
	"coffer/internal/config"
	"coffer/internal/db"
	"coffer/internal/keyring"
	"coffer/internal/mail"
)

// house is an opened installation: database, keys and store.
type house struct {
	cfg     *config.Config
	log     *slog.Logger
	db      *db.DB
	install coffer.ID
	master  keyring.Provider
	keys    *keyring.Keyring
	store   *disk.Store
	lock    *lock     // nil beside a server, and with PostgreSQL
	keyLock io.Closer // of those who change keys; else nil
}

// purpose says why an installation is opened.
type purpose struct {
	lock    bool // alone: serve, migrate
	migrate bool // bring an older schema to this one
	create  bool // make what is missing in an empty place
	keys    bool // change keys, which one process does at a time
	read    bool // change nothing, so that a copy on any medium will do

	escrow keyring.Provider // opens the keyring in place of the configured one
}

// open opens the installation that the configuration names. In an empty place
// it makes one, if the purpose is to create. It refuses to go on when data
// exist and the master key or the store is missing or another one.
func (a *app) open(cfg *config.Config, log *slog.Logger, why purpose) (_ *house, err error) {
	h := &house{cfg: cfg, log: log}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if why.create {
		if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(cfg.Data); err != nil {
		return nil, fmt.Errorf("there is no installation: %w", err)
	}
	if why.lock && cfg.Database == "" {
		if h.lock, err = lockFolder(cfg.Data); err != nil {
			return nil, err
		}
	}
	if err := a.openDatabase(h, why); err != nil {
		return nil, err
	}
	if why.keys { // before the key file is read
		if h.keyLock, err = a.lockKeys(h); err != nil {
			return nil, err
		}
	}
	empty, err := h.isEmpty(a.ctx)
	if err != nil {
		return nil, err
	}
	if empty && why.read {
		return nil, errors.New("nothing is stored here: the database holds no key")
	}
	if why.escrow != nil {
		h.master = why.escrow
	} else if h.master, err = a.masterKey(h, empty && why.create); err != nil {
		return nil, err
	}
	if h.store, err = disk.Open(filepath.Join(cfg.Data, "blobs")); err != nil {
		return nil, err
	}
	// Before the first key is made: a folder of blobs that belongs to another
	// database must not get one.
	if err := h.store.Marker(a.ctx, h.install, empty && why.create); err != nil {
		return nil, fmt.Errorf("the folder %s does not belong to this database (is the right volume mounted?): %w", filepath.Join(cfg.Data, "blobs"), err)
	}
	if h.keys, err = keyring.Open(a.ctx, h.db, h.master, h.install); err != nil {
		key := "master key " + cfg.Key.String()
		if why.escrow != nil {
			key = "export of the keys"
		}
		return nil, &cmdline.ExitError{Code: exitKey, Err: fmt.Errorf("the %s does not open this installation: %w", key, err)}
	}
	return h, nil
}

func (a *app) openDatabase(h *house, why purpose) (err error) {
	dsn := cmp.Or(h.cfg.Database, h.cfg.SQLitePath())
	if h.cfg.Database == "" && !why.create {
		if _, err := os.Stat(dsn); err != nil {
			return fmt.Errorf("there is no database: %w", err)
		}
	}
	if h.db, err = db.Open(a.ctx, db.Options{DSN: dsn, ReadOnly: why.read, Log: h.log}); err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	have, known, err := h.db.SchemaVersion(a.ctx)
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	switch {
	case have == known:
	case why.migrate || have == 0 && why.create:
		if err := h.db.Migrate(a.ctx); err != nil {
			return fmt.Errorf("migrating the database: %w", err)
		}
	case have == 0:
		return errors.New("the database is empty")
	default:
		return fmt.Errorf("the database has schema %d, this program needs %d: run \"cofferd migrate\", or stop the old server and start this one", have, known)
	}
	if why.read {
		return h.db.View(a.ctx, func(tx *db.Tx) (err error) { h.install, err = tx.Install(); return err })
	}
	return h.db.Update(a.ctx, func(tx *db.Tx) (err error) { h.install, err = tx.EnsureInstall(); return err })
}

// lockKeys takes the lock of those who change keys: two at once could each
// replace the key file of the other, after which it opens nothing. A database
// that several hosts share has the lock, else the data folder.
func (a *app) lockKeys(h *house) (io.Closer, error) {
	if h.cfg.Database == "" {
		l, err := lockKeysFile(h.cfg.Data)
		if err != nil {
			return nil, err
		}
		return l, h.forgetServer(a.ctx)
	}
	l, err := h.db.Lock(a.ctx, "keys")
	if coffer.KindOf(err) == coffer.Busy {
		return nil, &cmdline.ExitError{Code: exitLocked, Err: errors.New("the keys are being changed by another process. Wait until it has ended, then say it again")}
	}
	return l, err
}

// forgetServer forgets a server that was killed, where its lock shows that it
// does not live: no rotation has to wait for it.
func (h *house) forgetServer(ctx context.Context) error {
	l, err := lockFolder(h.cfg.Data)
	if err != nil { // it lives
		return nil
	}
	defer l.Close()
	return h.db.Update(ctx, func(tx *db.Tx) error { return tx.DeleteServers(tx.Now + 1) })
}

// isEmpty reports whether the database holds no key yet, so that nothing can
// be stored under one.
func (h *house) isEmpty(ctx context.Context) (empty bool, err error) {
	err = h.db.View(ctx, func(tx *db.Tx) error {
		keks, err := tx.KEKs()
		empty = len(keks) == 0
		return err
	})
	return empty, err
}

// masterKey opens the provider of the master key. It makes a key only in an
// empty installation, in the default place.
func (a *app) masterKey(h *house, mayMake bool) (keyring.Provider, error) {
	spec := h.cfg.Key
	if spec.Path == "" {
		return a.provider(h.cfg, spec)
	}
	refuse := func(err error) error { return &cmdline.ExitError{Code: exitKey, Err: err} }
	_, err := os.Stat(spec.Path)
	switch {
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		return nil, refuse(fmt.Errorf("the master key: %w", err))
	case !mayMake:
		return nil, refuse(fmt.Errorf("the master key %s is missing, but data exist that only it can open. Put it back from your safe copy, or say where it is with --master-key", spec.Path))
	case !spec.Own:
		return nil, refuse(fmt.Errorf("the master key %s is missing. A key is made only in the data folder: start once without --master-key, then move master.key there", spec.Path))
	default:
		if err := keyring.GenerateFile(spec.Path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("making the master key: %w", err)
		}
		a.loud(h.log, "made a master key: COPY IT TO A SAFE PLACE, AWAY FROM THE DATA. Without it nothing that is stored can be read, ever; whoever has it and the data can read everything.", spec.Path)
	}
	return a.provider(h.cfg, spec)
}

// provider opens the keys that are where spec says.
func (a *app) provider(cfg *config.Config, spec config.KeySpec) (keyring.Provider, error) {
	refuse := func(err error) error { return &cmdline.ExitError{Code: exitKey, Err: err} }
	switch {
	case spec.Env != "":
		v := a.getenv(spec.Env)
		if v == "" {
			return nil, refuse(fmt.Errorf("the master key is missing: the variable %s is not set", spec.Env))
		}
		m, err := keyring.OpenEnv(v)
		if err != nil {
			return nil, refuse(fmt.Errorf("the master key in the variable %s: %w", spec.Env, err))
		}
		return m, nil
	case spec.Transit != "":
		t, err := keyring.NewTransit(keyring.TransitOptions{URL: cfg.Transit, Mount: cfg.TransitMount, Key: spec.Transit, Namespace: cfg.TransitNamespace,
			TokenFile: cfg.TransitTokenFile, RoleID: cfg.TransitRoleID, SecretID: cfg.TransitSecretID, CAFile: cfg.TransitCA})
		if err != nil {
			return nil, refuse(err)
		}
		return t, nil
	}
	m, err := keyring.OpenFile(spec.Path)
	if err != nil {
		return nil, refuse(fmt.Errorf("the master key %s: %w", spec.Path, err))
	}
	return m, nil
}

// loud says something that must not be overlooked: framed for people, a
// warning in a log that programs read.
func (a *app) loud(log *slog.Logger, text, file string) {
	if !a.textLog() {
		log.Warn(text, "file", file)
		return
	}
	bar := strings.Repeat("*", 78)
	fmt.Fprintf(a.std.Err, "%s\n* %s\n* %s\n%s\n", bar, file, strings.ReplaceAll(text, ". ", ".\n* "), bar)
}

// sender is how mails leave.
func (h *house) sender() (s mail.Sender, where string, err error) {
	c := h.cfg
	if c.SMTPHost == "" {
		dir := filepath.Join(c.Data, "outbox")
		out, err := mail.NewOutbox(dir, c.From(), h.log)
		return out, "the folder " + dir, err
	}
	password := c.SMTPPassword
	if c.SMTPPassFile != "" {
		b, err := os.ReadFile(c.SMTPPassFile)
		if err != nil {
			return nil, "", fmt.Errorf("smtp-password-file: %w", err)
		}
		password = strings.TrimRight(string(b), "\r\n")
	}
	smtp, err := mail.NewSMTP(mail.SMTPOptions{Host: c.SMTPHost, Port: c.SMTPPortOr(), Security: c.SMTPSecurity, Username: c.SMTPUser, Password: password, From: c.From()})
	return smtp, "the mail server " + c.SMTPHost, err
}

// close lets go of everything, in the reverse order.
func (h *house) close() error {
	var err error
	if h.keyLock != nil {
		err = h.keyLock.Close()
	}
	if h.db != nil {
		err = errors.Join(err, h.db.Close())
	}
	if h.lock != nil {
		err = errors.Join(err, h.lock.Close())
	}
	return err
}

// textLog reports whether the log is for people.
func (a *app) textLog() bool {
	switch a.opts.LogFormat {
	case "text":
		return true
	case "json":
		return false
	}
	f, ok := a.std.Err.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// logger writes to the error stream. below raises the level for commands whose
// result is not the log.
func (a *app) logger(below slog.Level) *slog.Logger {
	level := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}[a.opts.LogLevel]
	o := &slog.HandlerOptions{Level: max(level, below)}
	if a.textLog() {
		o.ReplaceAttr = func(groups []string, at slog.Attr) slog.Attr {
			if at.Key == slog.TimeKey && len(groups) == 0 {
				return slog.String(slog.TimeKey, at.Value.Time().Format(time.TimeOnly))
			}
			return at
		}
		return slog.New(slog.NewTextHandler(a.std.Err, o))
	}
	return slog.New(slog.NewJSONHandler(a.std.Err, o))
}
