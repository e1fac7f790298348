package blobtest

import (
	"context"
	"errors"
	"sync"

	"coffer"
	"coffer/internal/blob"
)

// Op is a step of a store that can be made to fail.
type Op string

// The steps. OpRead and OpWrite are ReadAt and WriteAt.
const (
	OpStage   Op = "stage"
	OpWrite   Op = "write"
	OpSync    Op = "sync"
	OpPublish Op = "publish"
	OpAbort   Op = "abort"
	OpOpen    Op = "open"
	OpRead    Op = "read"
	OpDelete  Op = "delete"
	OpList    Op = "list"
)

// ErrInjected is the error of a step that was made to fail.
var ErrInjected = errors.New("blobtest: injected failure")

// Faulty is a store in which steps fail on demand, for fault tables: each row
// names a step, the how manieth of its kind, and whether it happened anyway
// (the answer was lost, not the work). Safe for concurrent use.
type Faulty struct {
	inner blob.Store

	mu    sync.Mutex
	plans map[Op]*plan
	seen  map[Op]int
}

type plan struct {
	skip      int
	persisted bool
	forEver   bool
	err       error
}

// NewFaulty wraps a store.
func NewFaulty(inner blob.Store) *Faulty {
	return &Faulty{inner: inner, plans: map[Op]*plan{}, seen: map[Op]int{}}
}

// Fail makes one step fail: the next of its kind after skip more. With
// persisted its work is done before the error is returned. err nil means
// ErrInjected.
func (f *Faulty) Fail(op Op, skip int, persisted bool, err error) {
	if err == nil {
		err = ErrInjected
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plans[op] = &plan{skip: skip, persisted: persisted, err: err}
}

// FailForEver makes all steps of a kind fail until Heal.
func (f *Faulty) FailForEver(op Op) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plans[op] = &plan{forEver: true, err: ErrInjected}
}

// Heal ends all failures and forgets those that did not happen yet.
func (f *Faulty) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.plans)
}

// Seen returns how many steps of a kind were asked for, so that a table can
// go through all of them.
func (f *Faulty) Seen(op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[op]
}

// do runs a step, or fails instead of it or after it.
func (f *Faulty) do(op Op, work func() error) error {
	f.mu.Lock()
	f.seen[op]++
	p := f.plans[op]
	now := p != nil && (p.forEver || p.skip == 0)
	if p != nil && !p.forEver {
		if now {
			delete(f.plans, op)
		}
		p.skip--
	}
	f.mu.Unlock()
	if !now {
		return work()
	}
	if p.persisted {
		if err := work(); err != nil {
			return err
		}
	}
	return p.err
}

// Stage implements blob.Store.
func (f *Faulty) Stage(ctx context.Context, id coffer.ID, partSize int64) (blob.Pending, error) {
	var p blob.Pending
	err := f.do(OpStage, func() (err error) { p, err = f.inner.Stage(ctx, id, partSize); return err })
	if err != nil {
		if p != nil {
			p.Close() // it happened, but nobody knows
		}
		return nil, err
	}
	return &faultyPending{f, p}, nil
}

// Open implements blob.Store.
func (f *Faulty) Open(ctx context.Context, id coffer.ID) (blob.Object, error) {
	var o blob.Object
	err := f.do(OpOpen, func() (err error) { o, err = f.inner.Open(ctx, id); return err })
	if err != nil {
		if o != nil {
			o.Close()
		}
		return nil, err
	}
	return faultyObject{o, f}, nil
}

// Delete implements blob.Store.
func (f *Faulty) Delete(ctx context.Context, id coffer.ID) error {
	return f.do(OpDelete, func() error { return f.inner.Delete(ctx, id) })
}

// List implements blob.Store.
func (f *Faulty) List(ctx context.Context, prefix string, fn func(blob.Entry) error) error {
	return f.do(OpList, func() error { return f.inner.List(ctx, prefix, fn) })
}

// Marker implements blob.Store; it never fails by plan.
func (f *Faulty) Marker(ctx context.Context, install coffer.ID, create bool) error {
	return f.inner.Marker(ctx, install, create)
}

type faultyObject struct {
	blob.Object
	f *Faulty
}

func (o faultyObject) ReadAt(b []byte, off int64) (n int, err error) {
	err = o.f.do(OpRead, func() (err error) { n, err = o.Object.ReadAt(b, off); return err })
	return n, err
}

type faultyPending struct {
	f     *Faulty
	inner blob.Pending
}

func (p *faultyPending) WriteAt(b []byte, off int64) (n int, err error) {
	err = p.f.do(OpWrite, func() (err error) { n, err = p.inner.WriteAt(b, off); return err })
	return n, err
}

func (p *faultyPending) ReadAt(b []byte, off int64) (n int, err error) {
	err = p.f.do(OpRead, func() (err error) { n, err = p.inner.ReadAt(b, off); return err })
	return n, err
}

func (p *faultyPending) Sync(ctx context.Context) error {
	return p.f.do(OpSync, func() error { return p.inner.Sync(ctx) })
}

func (p *faultyPending) Publish(ctx context.Context, size int64) error {
	return p.f.do(OpPublish, func() error { return p.inner.Publish(ctx, size) })
}

func (p *faultyPending) Abort(ctx context.Context) error {
	return p.f.do(OpAbort, func() error { return p.inner.Abort(ctx) })
}

func (p *faultyPending) Close() error { return p.inner.Close() }
