package tus

import (
	"context"
	"sync"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"coffer"
	"coffer/internal/files"
)

const (
	askEvery   = 100 * time.Millisecond // for a lease that another request has
	lookEvery  = time.Second            // whether somebody waits for ours
	renewEvery = 8 * time.Second
	// renewedFor is how long a lease is believed in after it was renewed: less
	// than it lasts, so that we stop writing before another begins.
	renewedFor = 20 * time.Second
)

// locker makes sure that one request at a time writes a piece, on whichever
// server: by leases, which are rows.
type locker struct{ h *Handler }

// NewLock implements handler.Locker.
func (l locker) NewLock(text string) (handler.Lock, error) {
	id, err := coffer.ParseID(text)
	if err != nil {
		return nil, handler.ErrNotFound
	}
	return &lock{files: l.h.o.Files, id: id, lease: coffer.RandomID()}, nil
}

type lock struct {
	files *files.Service
	id    coffer.ID
	lease coffer.ID
	stop  context.CancelFunc
	kept  sync.WaitGroup
}

// Lock implements handler.Lock. Who has the lease is told that we wait, and
// lets go after the bytes that have arrived.
func (l *lock) Lock(ctx context.Context, release func()) error {
	e := exchangeOf(ctx)
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		taken, err := e.view().Lease(ctx, l.id, l.lease)
		switch {
		case coffer.KindOf(err) == coffer.NotFound && err != nil:
			return handler.ErrNotFound
		case ctx.Err() != nil:
			return handler.ErrFileLocked
		case err != nil:
			return e.fail(err)
		}
		if taken {
			break
		}
		select {
		case <-ctx.Done():
			return handler.ErrFileLocked
		case <-tick.C:
		}
	}
	e.lease = l.lease
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	l.kept.Go(func() { l.keep(keeping, release) })
	return nil
}

// keep renews the lease, and asks for the end of the request when another waits
// for it or when it may be lost.
func (l *lock) keep(ctx context.Context, release func()) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	renewed, tried := time.Now(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if time.Since(tried) >= renewEvery {
			tried = time.Now()
			if held, err := l.files.Renew(ctx, l.id, l.lease); err == nil {
				if !held {
					release()
					return
				}
				renewed = tried
			}
		}
		wanted, err := l.files.Wanted(ctx, l.id, l.lease)
		if err == nil && wanted || time.Since(renewed) > renewedFor {
			release()
			return
		}
	}
}

// Unlock implements handler.Lock.
func (l *lock) Unlock() error {
	l.stop()
	l.kept.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), lookEvery)
	defer cancel()
	return l.files.Free(ctx, l.id, l.lease)
}
