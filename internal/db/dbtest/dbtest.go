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
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coffer/internal/db"

	"github.com/jackc/pgx/v5"
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

// EachWith is Each for tests that set a clock, a log or a wrapper. A DSN that
// is given is opened as it is, so two handles can share one database; an empty
// one means a new database.
func EachWith(t *testing.T, test func(t *testing.T, open func(db.Options) *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		test(t, func(o db.Options) *db.DB {
			t.Helper()
			if o.DSN == "" {
				o.DSN = newSQLite(t)
			}
			return open(t, o)
		})
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, func(o db.Options) *db.DB {
			t.Helper()
			if o.DSN == "" {
				o.DSN = newPostgres(t, template(t))
			}
			return open(t, o)
		})
	})
}

// EachDSN runs a test once per engine and gives it addresses of empty
// databases without a schema, for tests that start whole programs.
func EachDSN(t *testing.T, test func(t *testing.T, newDSN func() string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, func() string { return newSQLite(t) }) })
	t.Run("postgres", func(t *testing.T) { test(t, func() string { return newPostgres(t, "template1") }) })
}

// SQLite opens a new, migrated, empty SQLite database, for packages that have
// nothing to learn from a second engine.
func SQLite(t testing.TB) *db.DB {
	t.Helper()
	return open(t, db.Options{DSN: newSQLite(t)})
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

// newPostgres copies a database and returns the copy's address.
func newPostgres(t testing.TB, from string) string {
	t.Helper()
	name := prefix + strings.ToLower(rand.Text())
	create := "CREATE DATABASE " + name + " TEMPLATE " + from
	if err := command(t, create); err != nil {
		t.Fatalf("make a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := command(t, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return address(t, name)
}

// prefix begins the names of all databases made here.
const prefix = "coffer_test_"

// templateLock is the advisory lock under which the template is made: test
// programs of several packages run at once.
const templateLock = 0x636f66666572

// template returns the name of a migrated database to copy, making it first
// when this schema has none yet. It stays for later runs.
func template(t testing.TB) string {
	t.Helper()
	id, err := db.SchemaID(db.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	name := "coffer_template_" + id
	ctx := context.Background()
	conn := connect(t)
	defer conn.Close(ctx)
	var there bool
	exists := func() bool {
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil {
			t.Fatalf("look for the template database: %v", err)
		}
		return there
	}
	if exists() {
		return name
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock); err != nil {
		t.Fatalf("lock: %v", err)
	}
	if exists() {
		return name
	}
	// Built under another name: a half-made one is never taken for the template.
	draft := name + "_draft"
	for _, q := range []string{"DROP DATABASE IF EXISTS " + draft + " WITH (FORCE)", "CREATE DATABASE " + draft} {
		if _, err := conn.Exec(ctx, q); err != nil {
			t.Fatalf("make the template database: %v", err)
		}
	}
	d, err := db.Open(ctx, db.Options{DSN: address(t, draft)})
	if err != nil {
		t.Fatalf("open the template database: %v", err)
	}
	if err := d.Migrate(ctx); err != nil {
		t.Fatalf("migrate the template database: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatalf("close the template database: %v", err)
	}
	if _, err := conn.Exec(ctx, "ALTER DATABASE "+draft+" RENAME TO "+name); err != nil {
		t.Fatalf("name the template database: %v", err)
	}
	return name
}

func server(t testing.TB) string {
	t.Helper()
	s := os.Getenv(Variable)
	if s == "" {
		t.Fatalf("%s is not set: every database test also runs on PostgreSQL. `make test` starts one, or name yours: postgres://user@host:port/postgres", Variable)
	}
	return s
}

// address is the server's address with another database in it.
func address(t testing.TB, database string) string {
	t.Helper()
	u, err := url.Parse(server(t))
	if err != nil {
		t.Fatalf("%s is not an address", Variable)
	}
	u.Path = "/" + database
	return u.String()
}

func connect(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), server(t))
	if err != nil {
		t.Fatalf("connect to the server that %s names: %v", Variable, err)
	}
	return conn
}

// command runs one statement on the server, outside of a transaction.
func command(t testing.TB, query string) error {
	t.Helper()
	conn := connect(t)
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), query); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}
