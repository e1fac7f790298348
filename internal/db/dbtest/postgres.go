package dbtest

import (
	"context"
	"fmt"
	"hash/crc32"
	"net/url"
	"os"
	"testing"

	"coffer/internal/db"

	"github.com/jackc/pgx/v5"
)

// Making a database costs PostgreSQL some hundred milliseconds, so migrated
// ones are kept on the server and lent to tests: whoever holds the advisory
// lock of a database may use it, and empties it first. The lock ends with the
// connection, so a killed test gives its database back too.

// migratedPostgres lends a migrated, empty database to the test and returns
// its address.
func migratedPostgres(t testing.TB) string {
	t.Helper()
	id := schemaID(t, db.Postgres)
	conn := connect(t, address(t, ""))
	t.Cleanup(func() { conn.Close(context.Background()) })
	number := 0
	for !lock(t, conn, id, number) {
		number++
	}
	name := fmt.Sprintf("%s%s_%d", prefix, id, number)
	if !ask(t, conn, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name) {
		dropOld(t, conn, id)
		makeMigrated(t, conn, name)
	}
	empty(t, address(t, name))
	return address(t, name)
}

// lock tries to take the number-th database of a schema.
func lock(t testing.TB, conn *pgx.Conn, id string, number int) bool {
	t.Helper()
	return ask(t, conn, "SELECT pg_try_advisory_lock($1, $2)", int32(crc32.ChecksumIEEE([]byte(id))), int32(number))
}

// makeMigrated makes a database under a passing name first: a half-made one is
// never lent.
func makeMigrated(t testing.TB, conn *pgx.Conn, name string) {
	t.Helper()
	draft := name + "_draft"
	do(t, conn, "DROP DATABASE IF EXISTS "+draft+" WITH (FORCE)")
	do(t, conn, "CREATE DATABASE "+draft)
	migrate(t, address(t, draft))
	inside := connect(t, address(t, draft))
	// The mark by which empty knows the schema's own tables.
	do(t, inside, `DO $$ DECLARE r record; BEGIN
		FOR r IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
			EXECUTE format('COMMENT ON TABLE %I IS ''of the schema''', r.tablename);
		END LOOP; END $$`)
	inside.Close(context.Background())
	do(t, conn, "ALTER DATABASE "+draft+" RENAME TO "+name)
}

// empty removes the rows of the schema's tables and all other tables.
func empty(t testing.TB, address string) {
	t.Helper()
	conn := connect(t, address)
	defer conn.Close(context.Background())
	do(t, conn, `DO $$ DECLARE r record; used boolean; tables text; BEGIN
		FOR r IN SELECT tablename, obj_description(format('public.%I', tablename)::regclass) IS NOT NULL AS ours
			FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_version' LOOP
			IF NOT r.ours THEN
				EXECUTE format('DROP TABLE %I CASCADE', r.tablename);
				CONTINUE;
			END IF;
			EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', r.tablename) INTO used;
			IF used THEN tables := concat_ws(', ', tables, quote_ident(r.tablename)); END IF;
		END LOOP;
		IF tables IS NOT NULL THEN EXECUTE 'TRUNCATE ' || tables || ' CASCADE'; END IF;
		FOR r IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
			AND sequencename NOT LIKE 'schema_version%' LOOP
			EXECUTE format('ALTER SEQUENCE %I RESTART', r.sequencename);
		END LOOP; END $$`)
}

// dropOld drops databases of other schemas that nobody uses.
func dropOld(t testing.TB, conn *pgx.Conn, id string) {
	t.Helper()
	rows, err := conn.Query(context.Background(), "SELECT datname FROM pg_database WHERE datname LIKE $1", prefix+"%")
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		var other string
		var number int
		if _, err := fmt.Sscanf(name, prefix+"%16s_%d", &other, &number); err != nil || other == id || !lock(t, conn, other, number) {
			continue
		}
		do(t, conn, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		do(t, conn, fmt.Sprintf("SELECT pg_advisory_unlock(%d, %d)", int32(crc32.ChecksumIEEE([]byte(other))), number))
	}
}

// newPostgres makes an empty database without a schema and returns its address.
func newPostgres(t testing.TB) string {
	t.Helper()
	conn := connect(t, address(t, ""))
	number := 1_000_000 // names apart from the lent ones, by the same locks
	for !lock(t, conn, "empty", number) {
		number++
	}
	name := fmt.Sprintf("%sempty_%d", prefix, number)
	do(t, conn, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	do(t, conn, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		do(t, conn, "DROP DATABASE "+name+" WITH (FORCE)")
		conn.Close(context.Background())
	})
	return address(t, name)
}

// address is the server's address, with another database in it unless name is "".
func address(t testing.TB, name string) string {
	t.Helper()
	server := os.Getenv(Variable)
	if server == "" {
		t.Fatalf("%s is not set: every database test also runs on PostgreSQL. `make test` starts one, or name yours: postgres://user@host:port/postgres", Variable)
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not an address", Variable)
	}
	if name != "" {
		u.Path = "/" + name
	}
	return u.String()
}

func connect(t testing.TB, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), address)
	if err != nil {
		t.Fatalf("connect to the server that %s names: %v", Variable, err)
	}
	return conn
}

// ask runs a query whose answer is yes or no.
func ask(t testing.TB, conn *pgx.Conn, query string, args ...any) (yes bool) {
	t.Helper()
	if err := conn.QueryRow(context.Background(), query, args...).Scan(&yes); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return yes
}

// do runs one statement, outside of a transaction.
func do(t testing.TB, conn *pgx.Conn, query string) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
