package db_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// counter is CountTry said a second time, in Go.
type counter struct{ tries, window, blocked int64 }

func (c *counter) try(now int64, l db.TryLimit) int64 {
	end := c.window
	if c.blocked > 0 {
		end = c.blocked
	}
	if c.tries == 0 || end <= now {
		*c = counter{window: now + l.Window}
	}
	if c.tries <= l.Tries {
		c.tries++
	}
	if c.tries == l.Tries {
		if c.blocked = c.window; l.Wait > 0 {
			c.blocked = now + l.Wait
		}
	}
	if c.tries > l.Tries {
		return c.blocked
	}
	return 0
}

func TestCountTryAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		var now atomic.Int64
		now.Store(1_000_000)
		d := open(db.Options{Now: func() time.Time { return time.UnixMilli(now.Load()) }})
		for name, l := range map[string]db.TryLimit{
			"waits": {Tries: 5, Window: 900, Wait: 300}, "long wait": {Tries: 3, Window: 100, Wait: 5000}, "till the window ends": {Tries: 10, Window: 1000}, "once": {Tries: 1, Window: 50},
		} {
			var model counter
			for i := range 150 {
				now.Add(r.Int64N(l.Window / 4))
				if r.IntN(20) == 0 {
					now.Add(l.Window + l.Wait)
				}
				var got int64
				if err := d.Update(t.Context(), func(tx *db.Tx) (err error) { got, err = tx.CountTry(name, l); return err }); err != nil {
					t.Fatal(err)
				}
				if want := model.try(now.Load(), l); got != want {
					t.Fatalf("%s, try %d at %d: refused until %d, want %d (%+v)", name, i, now.Load(), got, want, model)
				}
			}
		}
	})
}

func TestCountTryRaces(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d := open()
		l := db.TryLimit{Tries: 7, Window: time.Hour.Milliseconds()}
		var allowed atomic.Int64
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				var until int64
				err := d.Update(t.Context(), func(tx *db.Tx) (err error) { until, err = tx.CountTry("x", l); return err })
				if err != nil {
					t.Error(err)
				} else if until == 0 {
					allowed.Add(1)
				}
			})
		}
		wg.Wait()
		if allowed.Load() != 7 {
			t.Errorf("%d of 50 tries at once were allowed, want 7", allowed.Load())
		}
	})
}

func TestUndoTry(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d := open()
		l := db.TryLimit{Tries: 2, Window: time.Hour.Milliseconds()}
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			count := func(want bool) {
				t.Helper()
				until, err := tx.CountTry("x", l)
				if err != nil || (until == 0) != want {
					t.Errorf("refused until %d, %v; want allowed %v", until, err, want)
				}
			}
			undo := func() {
				t.Helper()
				if err := tx.UndoTry("x", l); err != nil {
					t.Error(err)
				}
			}
			undo() // nothing there
			for range 5 {
				count(true)
				undo()
			}
			count(true)
			count(true)
			undo() // the last allowed one, which began the wait
			count(true)
			count(false)
			if err := tx.ForgetTries("x"); err != nil {
				return err
			}
			count(true)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
