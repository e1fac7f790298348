package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

var errMine = errors.New("no, thank you")

// each runs a test on both engines, on a database with a table of its own.
func each(t *testing.T, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d := open()
		script(t, d, `CREATE TABLE t (k BIGINT PRIMARY KEY, v TEXT UNIQUE, n BIGINT NOT NULL DEFAULT 0)`)
		test(t, d)
	})
}

func script(t testing.TB, d *db.DB, text string) {
	t.Helper()
	if err := d.Script(text); err != nil {
		t.Fatal(err)
	}
}

func insert(k int) func(*db.Tx) error {
	return func(tx *db.Tx) error {
		_, err := tx.Exec("INSERT INTO t (k) VALUES ($1)", k)
		return err
	}
}

// keys reads the keys that are in the table, in order.
func keys(t testing.TB, d *db.DB) (all []int) {
	t.Helper()
	err := d.View(context.Background(), func(tx *db.Tx) error {
		return tx.Each("SELECT k FROM t ORDER BY k", nil, func(scan func(...any) error) error {
			var k int
			err := scan(&k)
			all = append(all, k)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantKeys(t testing.TB, d *db.DB, want ...int) {
	t.Helper()
	if got := keys(t, d); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the table has %v, want %v", got, want)
	}
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		if err := d.Update(t.Context(), insert(1)); err != nil {
			t.Fatal(err)
		}
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			if err := insert(2)(tx); err != nil {
				return err
			}
			return errMine
		})
		if !errors.Is(err, errMine) {
			t.Errorf("Update answered %v, want its function's error", err)
		}
		wantKeys(t, d, 1)
	})
}

// A statement that fails spoils its function on both engines, even when the
// function goes on and answers nil.
func TestFailedStatementSpoils(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			if err := insert(1)(tx); err != nil {
				return err
			}
			if err := insert(1)(tx); !errors.Is(err, db.ErrTaken) {
				t.Errorf("the same key again: %v, want ErrTaken", err)
			}
			if err := insert(2)(tx); !errors.Is(err, db.ErrTaken) {
				t.Errorf("after a failed statement: %v, want the first error", err)
			}
			return nil
		})
		if !errors.Is(err, db.ErrTaken) || coffer.KindOf(err) != coffer.Conflict {
			t.Errorf("Update answered %v, want ErrTaken", err)
		}
		wantKeys(t, d)
	})
}

func TestTakenAndNotFound(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		script(t, d, `INSERT INTO t (k, v) VALUES (1, 'a')`)
		for name, q := range map[string]string{
			"primary key": `INSERT INTO t (k, v) VALUES (1, 'b')`,
			"unique":      `INSERT INTO t (k, v) VALUES (2, 'a')`,
			"returning":   `INSERT INTO t (k, v) VALUES (2, 'a') RETURNING k`,
		} {
			err := d.Update(t.Context(), func(tx *db.Tx) error {
				var k int
				return tx.Scan(q, nil, &k)
			})
			if !errors.Is(err, db.ErrTaken) {
				t.Errorf("%s: %v, want ErrTaken", name, err)
			}
		}
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			var k int
			if err := tx.Scan("SELECT k FROM t WHERE k = $1", []any{7}, &k); err != coffer.ErrNotFound {
				t.Errorf("no row: %v, want ErrNotFound", err)
			}
			if err := tx.ExecOne("UPDATE t SET n = 1 WHERE k = 7"); err != coffer.ErrNotFound {
				t.Errorf("no row to change: %v, want ErrNotFound", err)
			}
			return insert(3)(tx) // neither has spoilt the transaction
		})
		if err != nil {
			t.Error(err)
		}
		wantKeys(t, d, 1, 3)
	})
}

func TestNowIsFixed(t *testing.T) {
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		var clock atomic.Int64
		d := open(db.Options{Now: func() time.Time { return time.UnixMilli(clock.Add(1)) }})
		for name, run := range map[string]func(context.Context, func(*db.Tx) error) error{"Update": d.Update, "View": d.View} {
			before := clock.Load()
			if err := run(t.Context(), func(tx *db.Tx) error {
				if tx.Now != before+1 {
					t.Errorf("%s: now is %d, want %d", name, tx.Now, before+1)
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
			if clock.Load() != before+1 {
				t.Errorf("%s asked the clock %d times", name, clock.Load()-before)
			}
		}
	})
}

// Texts that only SQLite would take are refused on both engines; bytes may
// hold anything.
func TestTexts(t *testing.T) {
	type name string
	each(t, func(t *testing.T, d *db.DB) {
		script(t, d, `CREATE TABLE b (v TEXT, raw BYTEA)`)
		for _, bad := range []any{"a\x00b", "\xff", name("a\x00b"), "ok\xed\xa0\x80"} {
			err := d.Update(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Exec("INSERT INTO b (v) VALUES ($1)", bad)
				return err
			})
			if err == nil || coffer.KindOf(err) != coffer.Invalid {
				t.Errorf("%q: %v, want it refused as invalid", bad, err)
			}
		}
		for _, good := range []any{"", "o'; DROP TABLE b; --", "日本語 🗝", name("named"), `\x00`} {
			raw := []byte{0, 1, 0xff, '\''}
			err := d.Update(t.Context(), func(tx *db.Tx) error {
				if _, err := tx.Exec("DELETE FROM b"); err != nil {
					return err
				}
				if _, err := tx.Exec("INSERT INTO b (v, raw) VALUES ($2, $1)", raw, good); err != nil {
					return err
				}
				var v name
				var back []byte
				if err := tx.Scan("SELECT v, raw FROM b", nil, &v, &back); err != nil {
					return err
				}
				if string(v) != fmt.Sprint(good) || string(back) != string(raw) {
					t.Errorf("stored %q and %x, got %q and %x", good, raw, v, back)
				}
				return nil
			})
			if err != nil {
				t.Errorf("%q: %v", good, err)
			}
		}
	})
}

// When the commit fails, nobody is told that the work is done, and none of it is.
func TestFailedCommit(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("persisted=%v", after), func(t *testing.T) {
			var faults dbtest.Faults
			dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
				d := open(db.Options{Wrap: faults.Wrap})
				script(t, d, `CREATE TABLE t (k BIGINT PRIMARY KEY)`)
				faults.Arm(3, after, errMine) // start, insert, commit
				if err := d.Update(t.Context(), insert(1)); !errors.Is(err, errMine) {
					t.Errorf("Update answered %v, want the commit's error", err)
				}
				if after {
					wantKeys(t, d, 1) // told as failed, but it is there: callers must be able to repeat
				} else {
					wantKeys(t, d)
				}
				if err := d.Update(t.Context(), insert(2)); err != nil {
					t.Errorf("after a failed commit: %v", err)
				}
			})
		})
	}
}

// Every single call of a function may fail: the answer is the error, nothing
// is stored, and the database goes on.
func TestEveryCallMayFail(t *testing.T) {
	var faults dbtest.Faults
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		d := open(db.Options{Wrap: faults.Wrap})
		script(t, d, `CREATE TABLE t (k BIGINT PRIMARY KEY)`)
		work := func(tx *db.Tx) error { return errors.Join(insert(1)(tx), insert(2)(tx)) }
		for n := 1; n <= 4; n++ {
			faults.Arm(n, false, errMine)
			if err := d.Update(t.Context(), work); !errors.Is(err, errMine) {
				t.Errorf("call %d fails: Update answered %v", n, err)
			}
			faults.Arm(0, false, nil)
			wantKeys(t, d)
		}
		if err := d.Update(t.Context(), work); err != nil || faults.Count() < 4 {
			t.Errorf("without a fault: %v after %d calls", err, faults.Count())
		}
	})
}

func TestCancel(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		// A function that runs is not disturbed.
		err := d.Update(ctx, func(tx *db.Tx) error {
			cancel()
			return insert(1)(tx)
		})
		if err != nil {
			t.Errorf("cancelled while running: %v", err)
		}
		// One that has not begun does not begin.
		if err := d.Update(ctx, insert(2)); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: %v", err)
		}
		wantKeys(t, d, 1)

		// A view ends in the middle of a statement that would take minutes.
		ctx, cancel = context.WithCancel(t.Context())
		err = d.View(ctx, func(tx *db.Tx) error {
			time.AfterFunc(50*time.Millisecond, cancel)
			var n int
			return tx.Scan(`WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000000000) SELECT MAX(x) FROM c`, nil, &n)
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled view: %v", err)
		}
		wantKeys(t, d, 1)
	})
}

// A view sees one state, whatever is committed meanwhile, and cannot write.
func TestView(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		count := func(tx *db.Tx) (n int) {
			if err := tx.Scan("SELECT CAST(COUNT(*) AS BIGINT) FROM t", nil, &n); err != nil {
				t.Error(err)
			}
			return n
		}
		err := d.View(t.Context(), func(tx *db.Tx) error {
			before := count(tx)
			done := make(chan error)
			go func() { done <- d.Update(context.Background(), insert(1)) }()
			if err := <-done; err != nil {
				return err
			}
			if after := count(tx); after != before {
				t.Errorf("the view saw %d rows, then %d", before, after)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := d.View(t.Context(), insert(2)); err == nil {
			t.Error("a view could write")
		}
		wantKeys(t, d, 1)
	})
}

// The runner of jobs is told of a new job when it is committed, not before
// and not when it is rolled back.
func TestJobInserted(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		told := func() bool {
			select {
			case <-d.JobInserted():
				return true
			default:
				return false
			}
		}
		work := func(result error) func(*db.Tx) error {
			return func(tx *db.Tx) error {
				if err := tx.InsertJob(coffer.NewID(), "mail", coffer.NewID(), tx.Now); err != nil {
					return err
				}
				return result
			}
		}
		if err := d.Update(t.Context(), work(errMine)); !errors.Is(err, errMine) || told() {
			t.Errorf("%v: told of a job that was rolled back", err)
		}
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			err := work(nil)(tx)
			if told() {
				t.Error("told before the commit")
			}
			return err
		})
		if err := errors.Join(err, d.Update(t.Context(), work(nil))); err != nil {
			t.Error(err)
		}
		if !told() || told() {
			t.Error("not told once of two new jobs")
		}
	})
}

func TestClose(t *testing.T) {
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		d := open(db.Options{})
		script(t, d, `CREATE TABLE t (k BIGINT PRIMARY KEY)`)
		inside, leave, done := make(chan bool), make(chan bool), make(chan error)
		go func() {
			done <- d.Update(context.Background(), func(tx *db.Tx) error { close(inside); <-leave; return insert(1)(tx) })
		}()
		<-inside
		closed := make(chan error)
		go func() { closed <- d.Close() }()
		// Close refuses newcomers at once, but does not return before the function.
		for {
			if err := d.Ping(context.Background()); err != nil {
				if coffer.KindOf(err) != coffer.Busy {
					t.Errorf("after Close: %v, want busy", err)
				}
				break
			}
		}
		select {
		case <-closed:
			t.Error("Close did not wait")
		default:
		}
		close(leave)
		if err := <-done; err != nil {
			t.Errorf("a function that ran when Close was called: %v", err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

func TestMain(m *testing.M) {
	if os.Getenv(crashVariable) != "" {
		crashChild()
		return
	}
	os.Exit(m.Run())
}
