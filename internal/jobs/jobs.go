// Package jobs does work behind the answers: a durable queue and a clock. A
// job is a row, inserted in the transaction of the change that needs it; its
// only argument is an id. It is run at least once, on one server at a time,
// retried with growing pauses, and kept as dead when it never succeeds.
//
// It knows rows of the table job and functions that it was given; it must not
// know any noun, who is asking, or what a function does.
//
// Claims are leases in rows, by the servers' clocks: servers that share a
// database must agree on the time to within a few seconds.
package jobs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"coffer"
	"coffer/internal/db"
)

const (
	defaultWorkers = 4
	lease          = 30 * time.Second // a job of a server that died runs again after this
	renewal        = lease / 3
	poll           = 2 * time.Second // how long a job inserted by another process may wait unseen
	firstPause     = time.Second     // after the first failure; doubled each time
	longestPause   = 6 * time.Hour
	maxTries       = 24 // about two and a half days
	maxProblem     = 500
)

// Insert adds a job inside a transaction: it runs soon after the commit, and
// never when there is none.
func Insert(tx *db.Tx, kind string, id coffer.ID) error {
	return tx.InsertJob(coffer.NewID(), kind, id, tx.Now)
}

// InsertAt is Insert for a job that must not run before a time (ms).
func InsertAt(tx *db.Tx, kind string, id coffer.ID, at int64) error {
	return tx.InsertJob(coffer.NewID(), kind, id, at)
}

// InsertOnce is InsertAt for what one run does for all who asked for it: while
// there is such a job, of this kind, id and time, it adds none.
func InsertOnce(tx *db.Tx, kind string, id coffer.ID, at int64) error {
	h := sha256.Sum256(fmt.Appendf(nil, "coffer job %s %s %d", kind, id, at))
	return tx.InsertJob(coffer.ID(h[:16]), kind, id, at)
}

// Handler does the work of a kind of job. It must be repeatable: a job whose
// server died runs again. An error makes it run again after a pause.
type Handler = func(ctx context.Context, id coffer.ID) error

// Periodic runs the handler of its kind with the zero id, again and again, on
// one server at a time.
type Periodic struct {
	Kind  string
	Every time.Duration // from the end of one run to the start of the next
}

// Options say what to run.
type Options struct {
	DB       *db.DB
	Handlers map[string]Handler // by kind; jobs of other kinds are left for other servers
	Periodic []Periodic
	Workers  int          // jobs at once; 0 means 4
	Log      *slog.Logger // nil drops it
}

// Runner claims jobs and runs them.
type Runner struct {
	o        Options
	kinds    []string
	periodic map[coffer.ID]time.Duration // by the id of the row
	slots    chan struct{}

	stopping context.Context // no new jobs
	stop     context.CancelFunc
	cut      context.Context // running jobs must end
	cutNow   context.CancelFunc
	all      sync.WaitGroup
}

// New returns a runner that does nothing until Start. A periodic kind without
// a handler is a mistake in the program and panics.
func New(o Options) *Runner {
	if o.Workers == 0 {
		o.Workers = defaultWorkers
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Runner{
		o: o, kinds: slices.Sorted(maps.Keys(o.Handlers)),
		periodic: map[coffer.ID]time.Duration{}, slots: make(chan struct{}, o.Workers),
	}
	for _, p := range o.Periodic {
		if o.Handlers[p.Kind] == nil {
			panic("jobs: no handler for the periodic job " + p.Kind)
		}
		r.periodic[periodicID(p.Kind)] = p.Every
	}
	r.stopping, r.stop = context.WithCancel(context.Background())
	r.cut, r.cutNow = context.WithCancel(context.Background())
	return r
}

// periodicID is the id of the one row of a periodic job.
func periodicID(kind string) coffer.ID {
	h := sha256.Sum256([]byte("coffer periodic job " + kind))
	return coffer.ID(h[:16])
}

// Start makes the rows of the periodic jobs, due now when they are new, and
// begins to run jobs, until Stop. It is called once.
func (r *Runner) Start(ctx context.Context) error {
	err := r.o.DB.Update(ctx, func(tx *db.Tx) error {
		for _, p := range r.o.Periodic {
			if err := tx.InsertJob(periodicID(p.Kind), p.Kind, coffer.ID{}, tx.Now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("jobs: start: %w", err)
	}
	if len(r.kinds) > 0 {
		r.all.Go(r.claimAll)
	}
	return nil
}

// Stop claims no more jobs and waits for the running ones. When ctx ends
// before they do, their contexts are cancelled, and Stop still waits for them
// to return; such jobs run again later, and the answer is ctx's error.
func (r *Runner) Stop(ctx context.Context) error {
	r.stop()
	defer r.cutNow()
	cut := context.AfterFunc(ctx, r.cutNow)
	r.all.Wait()
	if !cut() {
		return fmt.Errorf("jobs: stop: %w", ctx.Err())
	}
	return nil
}

// claimAll is the clock: it claims what is due while there are free slots,
// then sleeps until the next job is due, one is inserted, or it is time to
// look for jobs of other processes.
func (r *Runner) claimAll() {
	for {
		select {
		case r.slots <- struct{}{}:
		case <-r.stopping.Done():
			return
		}
		j, pause, err := r.claim()
		if err == nil && j.Kind != "" {
			r.all.Go(func() {
				defer func() { <-r.slots }()
				r.run(j)
			})
			continue
		}
		<-r.slots
		if err != nil && r.stopping.Err() == nil {
			r.o.Log.Error("jobs cannot be claimed", "err", err)
			pause = poll
		}
		if !r.sleep(pause) {
			return
		}
	}
}

// sleep reports false when the runner stops.
func (r *Runner) sleep(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.o.DB.JobInserted():
	case <-r.stopping.Done():
		return false
	}
	return true
}

// claim takes the next job that is due. Without one it tells how long to
// sleep. It looks with a read first, which costs the writer nothing.
func (r *Runner) claim() (j db.Job, pause time.Duration, err error) {
	var next, now int64
	err = r.o.DB.View(r.stopping, func(tx *db.Tx) error {
		now = tx.Now
		next, err = tx.NextJob(r.kinds)
		return err
	})
	if errors.Is(err, coffer.ErrNotFound) {
		return j, poll, nil
	}
	if err != nil || next > now {
		return j, min(poll, time.Duration(next-now)*time.Millisecond), err
	}
	err = r.o.DB.Update(r.stopping, func(tx *db.Tx) error {
		j, err = tx.ClaimJob(r.kinds, coffer.RandomID(), tx.Now+lease.Milliseconds())
		return err
	})
	if errors.Is(err, coffer.ErrNotFound) {
		return db.Job{}, 0, nil // another server was quicker: look again at once
	}
	return j, 0, err
}

// run does one job: the handler in a goroutine of its own, the lease renewed
// beside it, the result written at the end.
func (r *Runner) run(j db.Job) {
	ctx, cancel := context.WithCancel(r.cut)
	defer cancel()
	result := make(chan error, 1)
	go func() {
		// Deferred, so that a handler that ends its goroutine has an answer too.
		err := errors.New("the handler did not return")
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
				r.o.Log.Error("a job panicked", "kind", j.Kind, "job", j.ID, "panic", p, "stack", string(debug.Stack()))
			}
			result <- err
		}()
		err = r.o.Handlers[j.Kind](ctx, j.ObjectID)
	}()
	renew := time.NewTicker(renewal)
	defer renew.Stop()
	for {
		select {
		case err := <-result:
			r.finish(j, err)
			return
		case <-renew.C:
			err := r.update(func(tx *db.Tx) error { return tx.RenewJob(j, tx.Now+lease.Milliseconds()) })
			if errors.Is(err, coffer.ErrNotFound) {
				r.o.Log.Warn("a job took longer than its lease and may run twice", "kind", j.Kind, "job", j.ID)
				cancel()
			}
		}
	}
}

// finish writes down how a job ended.
func (r *Runner) finish(j db.Job, problem error) {
	every, periodic := r.periodic[j.ID]
	err := r.update(func(tx *db.Tx) error {
		switch {
		case problem == nil && periodic:
			return tx.ReleaseJob(j, tx.Now+every.Milliseconds(), 0, "")
		case problem == nil:
			return tx.DeleteJob(j)
		case r.cut.Err() != nil: // we cut it off: not its fault, no try counted
			return tx.ReleaseJob(j, tx.Now, j.Tries-1, "")
		case j.Tries >= maxTries && !periodic:
			return tx.BuryJob(j, told(problem))
		}
		pause := pauseAfter(j.Tries)
		if periodic {
			pause = min(pause, every)
		}
		return tx.ReleaseJob(j, tx.Now+pause.Milliseconds(), j.Tries, told(problem))
	})
	if err != nil {
		// The lease ends by itself; the job runs again then.
		r.o.Log.Error("the end of a job cannot be written", "kind", j.Kind, "job", j.ID, "err", err)
	}
	switch {
	case problem == nil || r.cut.Err() != nil:
	case j.Tries >= maxTries && !periodic:
		r.o.Log.Error("a job failed for the last time", "kind", j.Kind, "job", j.ID, "tries", j.Tries, "err", problem)
	default:
		r.o.Log.Warn("a job failed and will be tried again", "kind", j.Kind, "job", j.ID, "tries", j.Tries, "err", problem)
	}
}

// update is DB.Update, not ended by Stop: what has run must be written down.
func (r *Runner) update(fn func(*db.Tx) error) error {
	return r.o.DB.Update(context.WithoutCancel(r.cut), fn)
}

// pauseAfter is how long a job waits after its n-th try: doubled each time,
// and up to a tenth more, so that jobs which failed together part.
func pauseAfter(tries int64) time.Duration {
	pause := longestPause
	if shift := max(tries, 1) - 1; shift < 15 {
		pause = min(firstPause<<shift, longestPause)
	}
	return pause + rand.N(pause/10) //nolint:gosec // spreading retries needs no secret number
}

// told is an error as text that fits the row.
func told(err error) string {
	s := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\x00", ""), "")
	if len(s) > maxProblem {
		s = strings.ToValidUTF8(s[:maxProblem], "")
	}
	return s
}
