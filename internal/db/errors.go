package db

import (
	"database/sql"
	"errors"
	"fmt"

	"coffer"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// ErrTaken says that a row with such a unique value exists already.
var ErrTaken = coffer.E(coffer.Conflict, "taken", "This is taken already.")

// errFull and errBusy are what a full disk and a database that others keep
// locked become.
var (
	errFull = coffer.E(coffer.OverQuota, "disk_full", "The server's disk is full. Tell who runs this server.")
	errBusy = coffer.E(coffer.Busy, "database_busy", "The server is busy. Try again in a moment.")
)

// errReadOnly answers all that would change a database of Options.ReadOnly.
var errReadOnly = errors.New("db: this database was opened to be read only")

// Result codes of SQLite (https://sqlite.org/rescode.html).
const (
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteFull       = 13
	sqlitePrimaryKey = 19 | 6<<8
	sqliteUnique     = 19 | 8<<8
	sqliteRowID      = 19 | 10<<8
)

// Codes of PostgreSQL (appendix A of its manual).
const (
	pgUnique        = "23505"
	pgSerialization = "40001"
	pgDeadlock      = "40P01"
	pgDiskFull      = "53100"
	pgTooMany       = "53300"
	pgLockTimeout   = "55P03"
)

// told gives an error of an engine the meaning that both engines share. The
// engine's own error stays in the chain, for the log.
func told(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return coffer.ErrNotFound
	}
	var means error
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch code := e.Code(); {
		case code == sqliteUnique || code == sqlitePrimaryKey || code == sqliteRowID:
			means = ErrTaken
		case code&0xff == sqliteFull:
			means = errFull
		case code&0xff == sqliteBusy || code&0xff == sqliteLocked:
			means = errBusy
		}
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case pgUnique:
			means = ErrTaken
		case pgDiskFull:
			means = errFull
		case pgSerialization, pgDeadlock, pgTooMany, pgLockTimeout:
			means = errBusy
		}
	}
	if means == nil || errors.Is(err, means) {
		return err
	}
	return fmt.Errorf("%w: %w", means, err)
}

// again reports whether PostgreSQL gave up a transaction only because of
// another one, so that it may go through when tried again.
func again(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == pgSerialization || e.Code == pgDeadlock)
}
