package db_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// Two functions lock two rows in opposite order: PostgreSQL kills one of them
// as a deadlock, and it is run again. On SQLite they never meet. Both succeed.
func TestDeadlockIsRetried(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		script(t, d, `INSERT INTO t (k) VALUES (1), (2)`)
		var runs atomic.Int64
		var met sync.WaitGroup // both hold their first row
		met.Add(2)
		change := func(first, second int) error {
			once := sync.OnceFunc(func() {
				met.Done()
				if d.Engine() == db.Postgres {
					met.Wait()
				}
			})
			return d.Update(context.Background(), func(tx *db.Tx) error {
				runs.Add(1)
				if err := tx.ExecOne("UPDATE t SET n = n + 1 WHERE k = $1", first); err != nil {
					return err
				}
				once()
				return tx.ExecOne("UPDATE t SET n = n + 1 WHERE k = $1", second)
			})
		}
		var all sync.WaitGroup
		all.Go(func() {
			if err := change(1, 2); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if err := change(2, 1); err != nil {
				t.Error(err)
			}
		})
		all.Wait()
		want := map[db.Engine]int64{db.SQLite: 2, db.Postgres: 3}[d.Engine()]
		if runs.Load() != want {
			t.Errorf("the functions ran %d times in all, want %d", runs.Load(), want)
		}
		err := d.View(t.Context(), func(tx *db.Tx) error {
			var n int
			err := tx.Scan("SELECT CAST(SUM(n) AS BIGINT) FROM t", nil, &n)
			if n != 4 {
				t.Errorf("%d changes are stored, want 4", n)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// A transaction that loses every time is given up as busy in the end.
func TestRetriesEnd(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		if d.Engine() != db.Postgres {
			return // SQLite's writer knows no serialization failures
		}
		runs := 0
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			runs++
			if _, err := tx.Exec(`DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$`); err == nil {
				t.Error("no exception")
			}
			return errMine // hides the cause
		})
		if runs != 6 || coffer.KindOf(err) != coffer.Busy {
			t.Errorf("%d runs, then %v; want 6, then busy", runs, err)
		}
		runs = 0
		if err := d.Update(t.Context(), func(tx *db.Tx) error { runs++; return errMine }); runs != 1 || !errors.Is(err, errMine) {
			t.Errorf("an error of the function's own: %d runs, then %v", runs, err)
		}
	})
}

// Changes that start with the row of their space are serial: each sees the
// one before it.
func TestSpaceRowSerialises(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		script(t, d, `INSERT INTO t (k) VALUES (0)`)
		const writers, rounds = 4, 10
		var all sync.WaitGroup
		for range writers {
			all.Go(func() {
				for range rounds {
					err := d.Update(context.Background(), func(tx *db.Tx) error {
						if err := tx.ExecOne("UPDATE t SET n = n + 1 WHERE k = 0"); err != nil {
							return err
						}
						var most int
						if err := tx.Scan("SELECT MAX(k) FROM t", nil, &most); err != nil {
							return err
						}
						return insert(most + 1)(tx)
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if got := len(keys(t, d)); got != writers*rounds+1 {
			t.Errorf("%d rows, want %d", got, writers*rounds+1)
		}
	})
}

// TestLock: one at a time has a name, across handles as across hosts, and the
// next one once it let go. SQLite has no such locks.
func TestLock(t *testing.T) {
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		a, ctx := open(db.Options{}), t.Context()
		b := open(db.Options{DSN: dbtest.Same})
		held, err := a.Lock(ctx, "keys")
		if a.Engine() == db.SQLite {
			if err == nil {
				t.Error("SQLite gave a lock")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Lock(ctx, "keys"); coffer.KindOf(err) != coffer.Busy {
			t.Errorf("a second one: %v", err)
		}
		other, err := b.Lock(ctx, "something else")
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range []io.Closer{held, other} {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		again, err := b.Lock(ctx, "keys")
		if err != nil {
			t.Fatalf("after it let go: %v", err)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
