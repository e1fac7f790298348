package db_test

// What only SQLite has: the writer with its batches, and kept statements.

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// held lets the writer stand inside a function, so that others have to wait
// behind it; they form the next batch.
func held(t *testing.T, d *db.DB) (release func()) {
	t.Helper()
	inside, leave, left := make(chan bool), make(chan bool), make(chan bool)
	go func() {
		defer close(left)
		if err := d.Update(context.Background(), func(*db.Tx) error { close(inside); <-leave; return nil }); err != nil {
			t.Error(err)
		}
	}()
	<-inside
	return func() { close(leave); <-left }
}

// waiting returns when n goroutines wait for SQLite's writer.
func waiting(t *testing.T, n int) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	for strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "db.(*DB).wait(") < n {
		runtime.Gosched()
	}
}

// Functions that wait together are committed together, and each one's failure
// is its own.
func TestGroupCommit(t *testing.T) {
	var faults dbtest.Faults
	path := t.TempDir() + "/coffer.db"
	d, err := db.Open(t.Context(), db.Options{DSN: path, Wrap: faults.Wrap})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	script(t, d, `CREATE TABLE t (k BIGINT PRIMARY KEY)`)

	release := held(t, d)
	faults.Arm(0, false, nil)
	const n = 40
	var all sync.WaitGroup
	var calm atomic.Int64
	for k := range n {
		all.Go(func() {
			defer func() {
				if p := recover(); (p != nil) != (k == 11) || p != nil && p != "eleven" {
					t.Errorf("function %d panicked with %v", k, p)
				}
			}()
			err := d.Update(context.Background(), func(tx *db.Tx) error {
				if err := insert(k)(tx); err != nil {
					return err
				}
				switch k {
				case 10:
					return errMine
				case 11:
					panic("eleven")
				case 12:
					return insert(12)(tx) // taken
				case 13:
					runtime.Goexit()
				}
				return nil
			})
			want := map[int]error{10: errMine, 12: db.ErrTaken}[k]
			if !errors.Is(err, want) {
				t.Errorf("function %d: %v, want %v", k, err, want)
			}
			calm.Add(1)
		})
	}
	waiting(t, n)
	release()
	all.Wait()

	if calm.Load() != n-2 {
		t.Errorf("%d functions returned, want all but the panic and the ended goroutine", calm.Load())
	}
	var want []int
	for k := range n {
		if k < 10 || k > 13 {
			want = append(want, k)
		}
	}
	wantKeys(t, d, want...)
	// One start and one commit, a savepoint and its end for each, a statement
	// for each; going back for the four; one statement more in the twelfth; the
	// commit of the holder; the view of wantKeys (start, query).
	if got, want := faults.Count(), 2+2*n+n+4+1+1+2; got != want {
		t.Errorf("%d calls to the database, want %d: the functions were not committed together", got, want)
	}
}

// A full disk is told as such, by each function that met it, and its fellows
// in the batch are not disturbed.
func TestDiskFull(t *testing.T) {
	d := dbtest.SQLite(t)
	script(t, d, `CREATE TABLE t (k BIGINT PRIMARY KEY, v TEXT)`)
	script(t, d, `PRAGMA max_page_count = 1`) // becomes the present size
	big := func(tx *db.Tx) error {
		_, err := tx.Exec("INSERT INTO t (k, v) VALUES (1000, $1)", strings.Repeat("x", 1<<20))
		return err
	}
	release := held(t, d)
	var all sync.WaitGroup
	for k := range 5 {
		all.Go(func() {
			if err := d.Update(context.Background(), insert(k)); err != nil {
				t.Errorf("a small one: %v", err)
			}
		})
		all.Go(func() {
			err := d.Update(context.Background(), big)
			var e *coffer.Error
			if !errors.As(err, &e) || e.Kind != coffer.OverQuota || e.Code != "disk_full" {
				t.Errorf("a big one: %v, want disk_full", err)
			}
		})
	}
	waiting(t, 10)
	release()
	all.Wait()
	wantKeys(t, d, 0, 1, 2, 3, 4)
}

func TestNestedUpdate(t *testing.T) {
	d := dbtest.SQLite(t)
	defer func() {
		if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "inside a function") {
			t.Errorf("an Update inside an Update: %v, want a panic that says so", p)
		}
		if err := d.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	d.Update(t.Context(), func(*db.Tx) error {
		return d.Update(t.Context(), func(*db.Tx) error { return nil })
	})
}

// A function that waits for the writer can be given up.
func TestCancelWhileWaiting(t *testing.T) {
	d := dbtest.SQLite(t)
	release := held(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { waiting(t, 1); cancel() }()
	if err := d.Update(ctx, func(*db.Tx) error { t.Error("it ran"); return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	release()
}

// The same query inside the reading of its own rows (which PostgreSQL refuses)
// does not disturb them: a statement that is kept prepared is used once at a time.
func TestQueryInsideItself(t *testing.T) {
	d := dbtest.SQLite(t)
	script(t, d, `CREATE TABLE t (k BIGINT PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)`)
	const query = "SELECT k FROM t ORDER BY k"
	err := d.View(t.Context(), func(tx *db.Tx) error {
		var outer, inner []int
		err := tx.Each(query, nil, func(scan func(...any) error) error {
			var k int
			if err := scan(&k); err != nil {
				return err
			}
			outer = append(outer, k)
			return tx.Each(query, nil, func(scan func(...any) error) error {
				err := scan(&k)
				inner = append(inner, k)
				return err
			})
		})
		if fmt.Sprint(outer, inner) != "[1 2 3] [1 2 3 1 2 3 1 2 3]" {
			t.Errorf("read %v and inside %v", outer, inner)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A connection keeps only so many statements, and each still answers rightly.
func TestManyQueries(t *testing.T) {
	d := dbtest.SQLite(t)
	for round := range 2 {
		for n := range 600 {
			err := d.View(t.Context(), func(tx *db.Tx) error {
				var got int
				if err := tx.Scan(fmt.Sprintf("SELECT %d + $1", n), []any{round}, &got); err != nil {
					return err
				}
				if got != n+round {
					t.Errorf("got %d, want %d", got, n+round)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
