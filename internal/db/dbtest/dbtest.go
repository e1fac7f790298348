// Package dbtest opens databases for tests: every suite that touches the
// database runs on SQLite and on PostgreSQL. It knows how to make, migrate and
// drop databases, and how to make calls to them fail; it must know no nouns.
//
// The environment variable COFFER_TEST_POSTGRES names a PostgreSQL server
// ("postgres://user@host:port/postgres") whose user may create databases. A
// missing one fails the test: no suite is silently skipped.
package dbtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coffer/internal/db"
)

// Variable is the name of the environment variable with the address of the
// PostgreSQL server.
const Variable = "COFFER_TEST_POSTGRES"

// Each runs a test once per engine, as subtests named sqlite and postgres.
// Each call of open makes a new, migrated, empty database, gone after the test.
func Each(t *testing.T, test func(t *testing.T, open func() *db.DB)) {
	t.Helper()
	EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		test(t, func() *db.DB { return open(db.Options{}) })
	})
}

// Same as the DSN in EachWith means the database of the call of open before.
const Same = "same"

// EachWith is Each for tests that set a clock, a log or a wrapper. An empty
// DSN means a new database, Same one more handle on the last one, as a second
// server has.
func EachWith(t *testing.T, test func(t *testing.T, open func(db.Options) *db.DB)) {
	t.Helper()
	for _, engine := range []db.Engine{db.SQLite, db.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			migrated, last := migratedSQLite, ""
			if engine == db.Postgres {
				migrated = migratedPostgres
			}
			test(t, func(o db.Options) *db.DB {
				t.Helper()
				if o.DSN == "" {
					last = migrated(t)
				}
				o.DSN = last
				return open(t, o)
			})
		})
	}
}

// EachDSN runs a test once per engine and gives it addresses of empty
// databases without a schema, for tests that start whole programs.
func EachDSN(t *testing.T, test func(t *testing.T, newDSN func() string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, func() string { return newSQLite(t) }) })
	t.Run("postgres", func(t *testing.T) { test(t, func() string { return newPostgres(t) }) })
}

// SQLite opens a new, migrated, empty SQLite database, for packages that have
// nothing to learn from a second engine.
func SQLite(t testing.TB) *db.DB {
	t.Helper()
	return open(t, db.Options{DSN: migratedSQLite(t)})
}

// Postgres is SQLite for the other engine, for benchmarks of both.
func Postgres(t testing.TB) *db.DB {
	t.Helper()
	return open(t, db.Options{DSN: migratedPostgres(t)})
}

// Counted is Postgres for measurements, and what its housekeeping does by itself
// a minute after many rows came: it counts them, without which the planner takes
// every table for a small one.
func Counted(t testing.TB) (d *db.DB, count func()) {
	t.Helper()
	dsn := migratedPostgres(t)
	return open(t, db.Options{DSN: dsn}), func() {
		conn := connect(t, dsn)
		defer conn.Close(context.Background())
		do(t, conn, "ANALYZE")
	}
}

// open opens and migrates a database and closes it after the test.
func open(t testing.TB, o db.Options) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), o)
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	if err := d.Migrate(context.Background()); err != nil {
		t.Fatalf("migrate the database: %v", err)
	}
	return d
}

func newSQLite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "coffer.db")
}

// migratedSQLite is newSQLite with the schema in it: a copy of a file that the
// first test of a schema leaves in the folder for temporary files.
func migratedSQLite(t testing.TB) string {
	t.Helper()
	model := filepath.Join(os.TempDir(), fmt.Sprintf("%s%s_%d.db", prefix, schemaID(t, db.SQLite), os.Getuid()))
	content, err := os.ReadFile(model)
	if errors.Is(err, fs.ErrNotExist) {
		draft := filepath.Join(t.TempDir(), "model.db")
		migrate(t, draft)
		if content, err = os.ReadFile(draft); err == nil {
			// By rename: a half-written file is never taken for the model.
			var f *os.File
			if f, err = os.CreateTemp(os.TempDir(), prefix); err == nil {
				_, err = f.Write(content)
				err = errors.Join(err, f.Close(), os.Rename(f.Name(), model))
			}
		}
	}
	if err != nil {
		t.Fatalf("make the model database: %v", err)
	}
	dsn := newSQLite(t)
	if err := os.WriteFile(strings.TrimPrefix(dsn, "sqlite:"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return dsn
}

// migrate makes a database ready and closes it.
func migrate(t testing.TB, dsn string) {
	t.Helper()
	d, err := db.Open(context.Background(), db.Options{DSN: dsn})
	if err != nil {
		t.Fatalf("open a database to migrate it: %v", err)
	}
	if err := errors.Join(d.Migrate(context.Background()), d.Close()); err != nil {
		t.Fatalf("migrate a database: %v", err)
	}
}

func schemaID(t testing.TB, e db.Engine) string {
	t.Helper()
	id, err := db.SchemaID(e)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// prefix begins the names of all databases made here.
const prefix = "coffer_test_"
