package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"coffer"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
)

// Engine names a kind of database.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Sizes of the pools and caches.
const (
	sqliteReaders   = 4        // connections that only read
	writeCacheKiB   = 8192     // page cache of the one connection that writes
	readCacheKiB    = 2048     // page cache of each reader; the system's cache lies behind it
	checkpointPages = 2000     // pages in the write-ahead log before they move into the file (8 MB)
	walKeptBytes    = 16 << 20 // what the log file may keep after it was longer
	busyTimeoutMs   = 10000    // how long to wait for another process: a net, not a plan
	postgresConns   = 10       // unless the address says pool_max_conns
)

// Options say which database to open and how.
type Options struct {
	// DSN is "postgres://..." (or postgresql://), "sqlite:" and a path, or a
	// path alone. The file of an SQLite database is made when missing, with
	// mode 0600; its folder must exist.
	DSN string
	// ReadOnly opens a database that must be there and changes nothing: Update
	// fails. An SQLite database that no process has open is read without even
	// the files that SQLite puts beside it, so it may lie on a medium that
	// cannot be written to.
	ReadOnly bool
	// Now is the clock of Tx.Now; nil means time.Now.
	Now func() time.Time
	// Log takes what operators should know, never values; nil drops it.
	Log *slog.Logger
	// Wrap, when not nil, is put around each way to connect. It is there for
	// tests that make calls fail.
	Wrap func(driver.Connector) driver.Connector
}

// DB is an open database. Its methods may be called from many goroutines.
type DB struct {
	engine Engine
	now    func() time.Time
	log    *slog.Logger
	read   *sql.DB // SQLite: a pool that cannot write
	write  *sql.DB // SQLite: one connection, used by the writer alone; PostgreSQL: the same pool as read; nil when read-only
	pool   *pgxpool.Pool
	// idle is the log file of an SQLite database that was opened while no
	// process used it, "" of all others: see stillIdle.
	idle string

	queue  chan *call // SQLite: functions waiting for the writer
	writer sync.WaitGroup
	jobs   chan struct{} // see JobInserted

	mu      sync.Mutex // guards closed and running.Add
	closed  bool
	running sync.WaitGroup // functions inside Update and View
}

// Open connects to a database. It does not change the schema (see Migrate),
// but refuses one that is newer than this program knows.
func Open(ctx context.Context, o Options) (*DB, error) {
	d := &DB{now: o.Now, log: o.Log, queue: make(chan *call), jobs: make(chan struct{}, 1)}
	if d.now == nil {
		d.now = time.Now
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	wrap := o.Wrap
	if wrap == nil {
		wrap = func(c driver.Connector) driver.Connector { return c }
	}
	var err error
	switch path := strings.TrimPrefix(o.DSN, "sqlite:"); {
	case strings.HasPrefix(o.DSN, "postgres://") || strings.HasPrefix(o.DSN, "postgresql://"):
		err = d.openPostgres(ctx, o, wrap)
	case o.ReadOnly:
		err = d.readSQLite(path, wrap)
	default:
		err = d.openSQLite(path, wrap)
	}
	if err != nil {
		return nil, err
	}
	if d.engine == SQLite {
		d.writer.Go(d.writeAll)
	}
	if have, known, err := d.SchemaVersion(ctx); err != nil {
		return nil, closing(d, fmt.Errorf("db: open: %w", err))
	} else if have > known {
		return nil, closing(d, errNewer(have, known))
	}
	return d, nil
}

func closing(d *DB, err error) error {
	d.Close()
	return err
}

func (d *DB) openSQLite(path string, wrap func(driver.Connector) driver.Connector) error {
	d.engine = SQLite
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("db: open: %w", err)
	}
	// SQLite gives the log and the index beside the file the file's own mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("db: open: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("db: open: %w", err)
	}
	if d.write, err = sqlitePool(path, true, nil, wrap); err != nil {
		return err
	}
	d.read, err = sqlitePool(path, false, nil, wrap)
	return err
}

// readSQLite opens a database to read it. While a process has it open, there
// is a log beside it, and reading takes part in SQLite's locks. Without one
// the file is all there is: "immutable" reads it without locks and without
// making a log.
func (d *DB) readSQLite(path string, wrap func(driver.Connector) driver.Connector) error {
	d.engine = SQLite
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("db: open: %w", err)
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("db: open: %w", err)
	}
	how := url.Values{"mode": {"ro"}}
	if !there(path+"-wal") && !there(path+"-journal") {
		d.idle = path + "-wal"
		how.Set("immutable", "1")
	}
	d.read, err = sqlitePool(path, false, how, wrap)
	return err
}

// there reports whether a file is there; when nobody can tell, it is taken to be.
func there(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// stillIdle fails when a process has begun to use a database that is read
// without locks: what was read may be of two states.
func (d *DB) stillIdle() error {
	if d.idle != "" && there(d.idle) {
		return coffer.E(coffer.Busy, "database_in_use", "A server has begun to use this database while it was read. Try again, or read a copy.")
	}
	return nil
}

func sqlitePool(path string, writes bool, how url.Values, wrap func(driver.Connector) driver.Connector) (*sql.DB, error) {
	pragmas := []string{
		fmt.Sprintf("busy_timeout(%d)", busyTimeoutMs), "foreign_keys(ON)", "temp_store(MEMORY)", "mmap_size(0)", "trusted_schema(OFF)",
	}
	begin, conns := "BEGIN", sqliteReaders
	if writes {
		begin, conns = "BEGIN IMMEDIATE", 1
		pragmas = append(pragmas, "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)",
			fmt.Sprintf("cache_size(-%d)", writeCacheKiB), fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages),
			fmt.Sprintf("journal_size_limit(%d)", walKeptBytes))
	} else {
		pragmas = append(pragmas, "query_only(ON)", fmt.Sprintf("cache_size(-%d)", readCacheKiB))
	}
	query := url.Values{"_pragma": pragmas}
	maps.Copy(query, how)
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	if filepath.VolumeName(path) != "" {
		address.Path = "/" + address.Path
	}
	connector, err := sqlite.NewConnector(address.String())
	if err != nil {
		return nil, fmt.Errorf("db: open: %w", err)
	}
	pool := sql.OpenDB(wrap(keeper{connector, begin}))
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	return pool, nil
}

func (d *DB) openPostgres(ctx context.Context, o Options, wrap func(driver.Connector) driver.Connector) error {
	d.engine = Postgres
	config, err := pgxpool.ParseConfig(o.DSN)
	if err != nil {
		// pgx's error repeats the address; it may hold a password.
		return coffer.E(coffer.Invalid, "database_invalid", "The address of the PostgreSQL database cannot be read. It looks like postgres://user:password@host:5432/name.")
	}
	if !strings.Contains(o.DSN, "pool_max_conns") {
		config.MaxConns = postgresConns
	}
	set := config.ConnConfig.RuntimeParams
	for name, value := range map[string]string{"application_name": "coffer", "timezone": "UTC", "lock_timeout": fmt.Sprint(busyTimeoutMs), "synchronous_commit": "on"} {
		if _, given := set[name]; !given {
			set[name] = value
		}
	}
	if d.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return fmt.Errorf("db: open: %w", err)
	}
	d.read = sql.OpenDB(wrap(stdlib.GetPoolConnector(d.pool)))
	d.read.SetMaxIdleConns(0) // the pool behind it keeps them
	if !o.ReadOnly {
		d.write = d.read
	}
	return nil
}

// Engine tells which database this is.
func (d *DB) Engine() Engine { return d.engine }

// Lock takes a lock of a name that all programs of a PostgreSQL database share,
// until Close or the end of the process. It is coffer.Busy when another holds
// it. An SQLite database has none: its folder can be locked.
func (d *DB) Lock(ctx context.Context, name string) (io.Closer, error) {
	if d.engine != Postgres {
		return nil, errors.New("db: only PostgreSQL has locks of a name")
	}
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("db: lock: %w", err)
	}
	var got bool
	// hashtext is the same on every host of one server.
	if err := conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock(hashtext('coffer'), hashtext($1))`, name).Scan(&got); err != nil || !got {
		conn.Close()
		if err != nil {
			return nil, fmt.Errorf("db: lock: %w", err)
		}
		return nil, coffer.E(coffer.Busy, "locked", "Another process is at this work. Try again when it has ended.")
	}
	return held{conn, name}, nil
}

// held is a connection whose session holds a lock.
type held struct {
	conn *sql.Conn
	name string
}

// Close unlocks: the connection goes back to its pool and lives on.
func (h held) Close() error {
	_, err := h.conn.ExecContext(context.Background(), `SELECT pg_advisory_unlock(hashtext('coffer'), hashtext($1))`, h.name)
	return errors.Join(err, h.conn.Close())
}

// Ping asks the database for a sign of life.
func (d *DB) Ping(ctx context.Context) error {
	return d.View(ctx, func(tx *Tx) error {
		var one int
		return tx.row("SELECT 1").Scan(&one)
	})
}

// Close waits for running functions and disconnects. Later calls of Update
// and View fail.
func (d *DB) Close() error {
	d.mu.Lock()
	again := d.closed
	d.closed = true
	d.mu.Unlock()
	if again {
		return nil
	}
	d.running.Wait()
	close(d.queue)
	d.writer.Wait()
	var err error
	if d.read != nil {
		err = d.read.Close()
	}
	if d.write != nil && d.write != d.read { // last, so that it can fold the log into the file
		if e := d.write.Close(); err == nil {
			err = e
		}
	}
	if d.pool != nil {
		d.pool.Close()
	}
	return err
}

// enter counts a function in, unless the database is closed; leave counts it out.
func (d *DB) enter() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return coffer.E(coffer.Busy, "database_closed", "The server is stopping. Try again in a moment.")
	}
	d.running.Add(1)
	return nil
}

func (d *DB) leave() { d.running.Done() }
