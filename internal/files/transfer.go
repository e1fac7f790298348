package files

import (
	"context"
	"slices"
	"sync"
	"time"

	"coffer"
	"coffer/internal/db"
)

// A transfer lasts as long as its bytes flow: a day, on a bad line. The right to
// it may end meanwhile, and so must it, within seconds, even where the other
// side takes or sends nothing and no code of ours runs.
const (
	followEvery = time.Second     // new revocations are looked for
	firstLook   = time.Second     // into a transfer: what came while it was prepared was told to nobody
	laterLook   = time.Minute     // grants and sessions end with time, too: nothing tells that
	followLimit = 5 * time.Second // a database that does not answer is asked again
)

// revocations wakes the running transfers of this process when somebody,
// anywhere, lost a right. The zero value is ready.
type revocations struct {
	mu   sync.Mutex
	news chan struct{} // closed by the next one
}

func (r *revocations) next() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.news == nil {
		r.news = make(chan struct{})
	}
	return r.news
}

func (r *revocations) tell() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.news != nil {
		close(r.news)
		r.news = nil
	}
}

// Follow looks for revocations, this server's and others', until ctx ends.
func (s *Service) Follow(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	var seen db.Revocations
	failing := false
	for {
		var now db.Revocations
		look, done := context.WithTimeout(ctx, followLimit)
		err := s.inspect(look, func(tx *db.Tx) (err error) { now, err = tx.Revocations(); return err })
		done()
		switch {
		case err == nil && now != seen:
			seen = now
			s.revoked.tell()
		case err != nil && !failing && ctx.Err() == nil:
			s.log.Error("revocations cannot be read; running transfers go on until they can", "err", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// CutBy gives the view what makes a blocked read or write of its transfers
// return. It is called from another goroutine when one may not go on.
func (v *View) CutBy(cut func()) *View {
	v.cut = cut
	return v
}

// transfer runs what moves bytes under passes, with a context that ends when
// these would not be given any more. Then the error says why.
func (v *View) transfer(ctx context.Context, ps []pass, run func(context.Context) error) error {
	running, end := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		if err := v.watch(running, ps); err != nil {
			end(err)
			v.cut()
		}
	})
	err := run(running)
	end(nil) // no more than the first cause counts
	watch.Wait()
	if cause := context.Cause(running); err != nil && lost(cause) {
		return cause
	}
	return err
}

// watch returns the error of who has lost what the passes were given for, or
// nil when ctx ends.
func (v *View) watch(ctx context.Context, ps []pass) error {
	news, after := v.s.revoked.next(), time.NewTimer(firstLook)
	defer after.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-news:
		case <-after.C:
		}
		news = v.s.revoked.next() // before looking: news that come meanwhile are looked at, too
		switch err := v.hold(ctx, ps); {
		case lost(err):
			return err
		case err != nil: // the database: it says nothing about rights
			after.Reset(firstLook)
		default:
			after.Reset(laterLook)
		}
	}
}

// lost reports whether an error says that a right is gone.
func lost(err error) bool {
	return err != nil && slices.Contains([]coffer.Kind{coffer.NotFound, coffer.Forbidden, coffer.Unauthenticated}, coffer.KindOf(err))
}
