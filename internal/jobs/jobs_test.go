package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/jobs"
)

// A world is a database with a clock that stands until it is moved.
type world struct {
	*testing.T
	*db.DB
	clock *atomic.Int64
	open  func(db.Options) *db.DB
}

func each(t *testing.T, test func(w *world)) {
	t.Helper()
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		w := &world{T: t, clock: new(atomic.Int64), open: open}
		w.clock.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli())
		w.DB = open(db.Options{Now: w.now})
		test(w)
	})
}

// second opens the same database once more, as another server does.
func (w *world) second() *db.DB { return w.open(db.Options{DSN: dbtest.Same, Now: w.now}) }

func (w *world) now() time.Time { return time.UnixMilli(w.clock.Load()) }

// runner starts a runner; it is stopped after the test, if not before.
func (w *world) runner(o jobs.Options) *jobs.Runner {
	w.Helper()
	if o.DB == nil {
		o.DB = w.DB
	}
	if o.Handlers["nudge"] == nil {
		o.Handlers["nudge"] = func(context.Context, coffer.ID) error { return nil }
	}
	r := jobs.New(o)
	if err := r.Start(w.Context()); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { r.Stop(context.Background()) })
	return r
}

func (w *world) insert(kind string, id coffer.ID) {
	w.Helper()
	if err := w.Update(w.Context(), func(tx *db.Tx) error { return jobs.Insert(tx, kind, id) }); err != nil {
		w.Fatal(err)
	}
}

// until moves the clock on, again and again, until something is received.
func until[T any](w *world, step time.Duration, c <-chan T) T {
	w.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case v := <-c:
			return v
		case <-tick.C:
			w.clock.Add(step.Milliseconds())
			w.insert("nudge", coffer.ID{}) // the clock of the test does not wake the runner
		}
	}
}

// wantCounts waits until so many jobs live and are dead.
func (w *world) wantCounts(living, dead int64) {
	w.Helper()
	var l, d int64
	for patience := time.Now().Add(10 * time.Second); time.Now().Before(patience); runtime.Gosched() {
		err := w.View(w.Context(), func(tx *db.Tx) (err error) {
			l, d, err = tx.JobCounts()
			return err
		})
		if err != nil {
			w.Fatal(err)
		}
		if l == living && d == dead {
			return
		}
	}
	w.Errorf("%d jobs live and %d are dead, want %d and %d", l, d, living, dead)
}

func TestRunsAfterCommitOnly(t *testing.T) {
	each(t, func(w *world) {
		ran := make(chan coffer.ID, 10)
		w.runner(jobs.Options{Handlers: map[string]jobs.Handler{
			"mail": func(_ context.Context, id coffer.ID) error { ran <- id; return nil },
		}})
		lost, kept := coffer.NewID(), coffer.NewID()
		errNo := errors.New("no")
		err := w.Update(w.Context(), func(tx *db.Tx) error {
			return errors.Join(jobs.Insert(tx, "mail", lost), errNo)
		})
		if !errors.Is(err, errNo) {
			t.Fatal(err)
		}
		w.insert("mail", kept)
		if id := <-ran; id != kept {
			t.Errorf("the job of %s ran, want that of %s", id, kept)
		}
		w.wantCounts(0, 0)
		if len(ran) > 0 {
			t.Errorf("another job ran, for %s", <-ran)
		}
	})
}

func TestInsertAt(t *testing.T) {
	each(t, func(w *world) {
		ran := make(chan int64, 10)
		handler := func(context.Context, coffer.ID) error { ran <- w.clock.Load(); return nil }
		w.runner(jobs.Options{Handlers: map[string]jobs.Handler{"later": handler, "soon": handler}})
		due := w.clock.Load() + 60_000
		if err := w.Update(w.Context(), func(tx *db.Tx) error { return jobs.InsertAt(tx, "later", coffer.NewID(), due) }); err != nil {
			t.Fatal(err)
		}
		w.insert("soon", coffer.NewID())
		if at := <-ran; at >= due {
			t.Error("the job that was due did not run first")
		}
		if at := until(w, 20*time.Second, ran); at < due {
			t.Errorf("the job ran %d ms early", due-at)
		}
	})
}

// Whatever a handler does, its job is tried again until it answers nil.
func TestTriedAgain(t *testing.T) {
	each(t, func(w *world) {
		var tries atomic.Int64
		ran := make(chan int64)
		w.runner(jobs.Options{Handlers: map[string]jobs.Handler{
			"hard": func(context.Context, coffer.ID) error {
				n := tries.Add(1)
				ran <- n
				switch n {
				case 1:
					return errors.New("not a \x00 text that \xff can be stored as it is")
				case 2:
					panic("third time lucky")
				case 3:
					runtime.Goexit()
				}
				return nil
			},
		}})
		w.insert("hard", coffer.NewID())
		for n := int64(1); n <= 4; n++ {
			if got := until(w, 10*time.Second, ran); got != n {
				t.Fatalf("run %d, want %d", got, n)
			}
		}
		w.wantCounts(0, 0)
		if tries.Load() != 4 {
			t.Errorf("%d runs, want 4", tries.Load())
		}
	})
}

// failures is a log that tells when the failure of a job has been written down.
type failures chan struct{}

func (f failures) Enabled(context.Context, slog.Level) bool { return true }
func (f failures) WithAttrs([]slog.Attr) slog.Handler       { return f }
func (f failures) WithGroup(string) slog.Handler            { return f }
func (f failures) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "a job failed") {
		f <- struct{}{}
	}
	return nil
}

// The pauses grow: at first a second, in the end hours.
func TestPausesGrowThenDead(t *testing.T) {
	each(t, func(w *world) {
		ran := make(chan int64)
		written := make(failures, 24)
		w.runner(jobs.Options{Log: slog.New(written), Handlers: map[string]jobs.Handler{
			"never": func(context.Context, coffer.ID) error { ran <- w.clock.Load(); return errors.New("no") },
		}})
		w.insert("never", coffer.NewID())
		last := <-ran
		step := time.Second
		for n := 2; n <= 24; n++ {
			<-written // a clock that moves on before that would end the lease of the try
			at := until(w, step, ran)
			pause := time.Duration(at-last) * time.Millisecond
			if pause < min(step, 6*time.Hour) {
				t.Errorf("before try %d there was a pause of %v, want at least %v", n, pause, min(step, 6*time.Hour))
			}
			last, step = at, step*2
		}
		w.wantCounts(0, 1)
		select {
		case <-ran:
			t.Error("a dead job ran")
		default:
		}
	})
}

func TestStopWaits(t *testing.T) {
	each(t, func(w *world) {
		began, leave := make(chan bool), make(chan bool)
		r := w.runner(jobs.Options{Handlers: map[string]jobs.Handler{
			"slow": func(context.Context, coffer.ID) error { began <- true; <-leave; return nil },
		}})
		w.insert("slow", coffer.NewID())
		<-began
		stopped := make(chan error, 1)
		go func() { stopped <- r.Stop(context.Background()) }()
		select {
		case <-stopped:
			t.Error("Stop did not wait")
		default:
		}
		close(leave)
		if err := <-stopped; err != nil {
			t.Errorf("Stop answered %v though the job came to its end", err)
		}
		w.wantCounts(0, 0) // and the end is written down
	})
}

// A job that is cut off by Stop is told so, and runs again at the next start.
func TestStopInTheMiddle(t *testing.T) {
	each(t, func(w *world) {
		id := coffer.NewID()
		began := make(chan coffer.ID)
		r := w.runner(jobs.Options{Handlers: map[string]jobs.Handler{
			"slow": func(ctx context.Context, id coffer.ID) error { began <- id; <-ctx.Done(); return ctx.Err() },
		}})
		w.insert("slow", id)
		<-began
		over, cancel := context.WithCancel(w.Context())
		cancel()
		if err := r.Stop(over); !errors.Is(err, context.Canceled) {
			t.Errorf("Stop answered %v, want that it had to cut", err)
		}
		w.wantCounts(1, 0)
		w.runner(jobs.Options{Handlers: map[string]jobs.Handler{
			"slow": func(_ context.Context, id coffer.ID) error { began <- id; return nil },
		}})
		if got := <-began; got != id { // at once: the clock has not moved
			t.Errorf("after the restart the job ran for %s, want %s", got, id)
		}
		w.wantCounts(0, 0)
	})
}

// A job of a server that died runs again when its lease has ended, not before.
func TestServerDied(t *testing.T) {
	each(t, func(w *world) {
		id := coffer.NewID()
		w.insert("mail", id)
		var dead db.Job
		err := w.Update(w.Context(), func(tx *db.Tx) (err error) {
			dead, err = tx.ClaimJob([]string{"mail"}, coffer.RandomID(), tx.Now+30_000)
			return err
		})
		if err != nil || dead.ObjectID != id || dead.Tries != 1 {
			t.Fatalf("claimed %+v, %v", dead, err)
		}
		claimed := w.clock.Load()
		ran, leave := make(chan int64, 1), make(chan bool)
		w.runner(jobs.Options{Handlers: map[string]jobs.Handler{
			"mail": func(context.Context, coffer.ID) error { ran <- w.clock.Load(); <-leave; return nil },
		}})
		if at := until(w, 4*time.Second, ran); at < claimed+30_000 {
			t.Errorf("the job ran again %d ms after the claim, within the lease", at-claimed)
		}
		w.wantCounts(1, 0) // the nudges are done
		// The dead server was only slow: what it says about the job counts no more.
		err = w.Update(w.Context(), func(tx *db.Tx) error {
			if err := tx.RenewJob(dead, tx.Now+99_000); err != coffer.ErrNotFound {
				t.Errorf("a lost claim was renewed: %v", err)
			}
			return errors.Join(tx.DeleteJob(dead), tx.ReleaseJob(dead, 0, 0, ""), tx.BuryJob(dead, ""))
		})
		if err != nil {
			t.Error(err)
		}
		w.wantCounts(1, 0)
		close(leave)
		w.wantCounts(0, 0)
	})
}

// Two servers on one database share the jobs and run none twice.
func TestTwoServers(t *testing.T) {
	each(t, func(w *world) {
		const n = 60
		var mu sync.Mutex
		runs := map[coffer.ID]int{}
		done := make(chan bool, 2*n)
		for range n {
			w.insert("count", coffer.NewID())
		}
		for range 2 {
			w.runner(jobs.Options{DB: w.second(), Handlers: map[string]jobs.Handler{
				"count": func(_ context.Context, id coffer.ID) error {
					mu.Lock()
					defer mu.Unlock()
					runs[id]++
					done <- true
					return nil
				},
			}})
		}
		for range n {
			<-done
		}
		w.wantCounts(0, 0)
		mu.Lock()
		defer mu.Unlock()
		for id, times := range runs {
			if times != 1 {
				t.Errorf("the job of %s ran %d times", id, times)
			}
		}
		if len(runs) != n {
			t.Errorf("%d jobs ran, want %d", len(runs), n)
		}
	})
}

// A periodic job runs when its time has come, on one of the servers, and goes
// on however often it fails.
func TestPeriodic(t *testing.T) {
	each(t, func(w *world) {
		ran := make(chan int64)
		for range 2 {
			w.runner(jobs.Options{
				Handlers: map[string]jobs.Handler{
					"purge": func(_ context.Context, id coffer.ID) error {
						if !id.IsZero() {
							t.Errorf("a periodic job got the id %s", id)
						}
						ran <- w.clock.Load()
						return errors.New("failing does not stop it")
					},
				},
				Periodic: []jobs.Periodic{{Kind: "purge", Every: time.Second}},
			})
		}
		last := <-ran  // due at the first start
		for range 26 { // more often than a job may fail
			now := until(w, 600*time.Millisecond, ran)
			if now-last < 1000 {
				t.Errorf("it ran again after %d ms", now-last)
			}
			last = now
		}
		err := w.View(w.Context(), func(tx *db.Tx) error {
			_, dead, err := tx.JobCounts()
			if dead != 0 {
				t.Errorf("%d jobs are dead", dead)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// Jobs of a kind that this server does not know wait for one that does.
func TestUnknownKind(t *testing.T) {
	each(t, func(w *world) {
		w.insert("future", coffer.NewID())
		ran := make(chan bool)
		w.runner(jobs.Options{Handlers: map[string]jobs.Handler{
			"mail": func(context.Context, coffer.ID) error { ran <- true; return nil },
		}})
		w.insert("mail", coffer.NewID())
		<-ran
		w.wantCounts(1, 0)
	})
}

// No single failing call to the database stops the runner or loses a job.
func TestDatabaseFails(t *testing.T) {
	var faults dbtest.Faults
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		d := open(db.Options{Wrap: faults.Wrap})
		ran := make(chan coffer.ID, 100)
		r := jobs.New(jobs.Options{DB: d, Handlers: map[string]jobs.Handler{
			"mail": func(_ context.Context, id coffer.ID) error { ran <- id; return nil },
		}})
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer r.Stop(context.Background())
		for n := 4; n <= 8; n++ { // the first three are the insert of the job
			id := coffer.NewID()
			faults.Arm(n, false, errors.New("the disk fell off"))
			insert := func() error {
				return d.Update(t.Context(), func(tx *db.Tx) error { return jobs.Insert(tx, "mail", id) })
			}
			if err := insert(); err != nil {
				t.Logf("call %d met the insert: %v", n, err)
				continue
			}
			tick := time.NewTicker(20 * time.Millisecond)
			for got := (coffer.ID{}); got != id; {
				select {
				case got = <-ran:
				case <-tick.C:
					insert() // wakes the runner; may fail
				}
			}
			tick.Stop()
		}
		faults.Arm(0, false, nil)
	})
}

func TestPeriodicWithoutHandler(t *testing.T) {
	defer func() {
		if p := recover(); p == nil {
			t.Error("a periodic job without a handler was accepted")
		}
	}()
	jobs.New(jobs.Options{Periodic: []jobs.Periodic{{Kind: "purge"}}})
}

func BenchmarkInsertToRun(b *testing.B) {
	d := dbtest.SQLite(b)
	ran := make(chan bool)
	r := jobs.New(jobs.Options{DB: d, Handlers: map[string]jobs.Handler{
		"mail": func(context.Context, coffer.ID) error { ran <- true; return nil },
	}})
	if err := r.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer r.Stop(context.Background())
	for b.Loop() {
		if err := d.Update(b.Context(), func(tx *db.Tx) error { return jobs.Insert(tx, "mail", coffer.NewID()) }); err != nil {
			b.Fatal(err)
		}
		<-ran
	}
}
