package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"coffer"
)

// Memory is a Store for tests and for trying things out. It polices its
// callers: staging with another part size, publishing or aborting beside another
// Pending, and reuse of an id after deletion panic, because on a real store they
// destroy data in silence.
type Memory struct {
	mu      sync.Mutex
	mark    coffer.ID
	objects map[coffer.ID]*object
	staged  map[coffer.ID]*staged
	gone    map[coffer.ID]bool // published once, then deleted
}

// where names the store in sentences for the operator.
const where = "the memory store"

type object struct {
	data    []byte // never changed
	changed time.Time
}

type staged struct {
	store    *Memory
	id       coffer.ID
	partSize int64
	data     []byte
	changed  time.Time
	open     int  // Pendings of it
	gone     bool // published, aborted or deleted
}

// pending is one Pending of a staged blob.
type pending struct {
	*staged
	ended bool
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{objects: map[coffer.ID]*object{}, staged: map[coffer.ID]*staged{}, gone: map[coffer.ID]bool{}}
}

// Stage implements Store.
func (m *Memory) Stage(ctx context.Context, id coffer.ID, partSize int64) (Pending, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if id.IsZero() || partSize <= 0 {
		panic("blob: Stage wants an id and a part size")
	}
	if m.mark.IsZero() {
		return nil, NoMark(where)
	}
	if m.objects[id] != nil {
		return nil, fmt.Errorf("%w: %v", ErrExists, id)
	}
	if m.gone[id] {
		panic("blob: id is used a second time")
	}
	p := m.staged[id]
	if p == nil {
		p = &staged{store: m, id: id, partSize: partSize, changed: time.Now()}
		m.staged[id] = p
	}
	if p.partSize != partSize {
		panic("blob: staged with another part size")
	}
	p.open++
	return &pending{staged: p}, nil
}

// Open implements Store.
func (m *Memory) Open(ctx context.Context, id coffer.ID) (Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.objects[id]
	if o == nil {
		return nil, fmt.Errorf("%w: %v", ErrNotExist, id)
	}
	return reader{bytes.NewReader(o.data)}, nil
}

type reader struct{ *bytes.Reader }

func (reader) Close() error { return nil }

// Delete implements Store.
func (m *Memory) Delete(ctx context.Context, id coffer.ID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects[id] != nil {
		m.gone[id] = true
	}
	if p := m.staged[id]; p != nil {
		p.gone = true
	}
	delete(m.objects, id)
	delete(m.staged, id)
	return nil
}

// List implements Store.
func (m *Memory) List(ctx context.Context, prefix string, fn func(Entry) error) error {
	m.mu.Lock()
	var all []Entry
	for id, o := range m.objects {
		all = append(all, Entry{ID: id, Size: int64(len(o.data)), Changed: o.changed})
	}
	for id, p := range m.staged {
		all = append(all, Entry{ID: id, Staged: true, Size: int64(len(p.data)), Changed: p.changed})
	}
	m.mu.Unlock()
	for _, e := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		if strings.HasPrefix(e.ID.String(), prefix) {
			if err := fn(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// Marker implements Store.
func (m *Memory) Marker(ctx context.Context, install coffer.ID, create bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !m.mark.IsZero():
		return CheckMark(m.mark, install)
	case !create:
		return NoMark(where)
	case len(m.objects)+len(m.staged) > 0:
		return NotEmpty(where)
	}
	m.mark = install
	return ctx.Err()
}

// use locks the store for a call on p, unless p has ended.
func (p *pending) use() (unlock func(), err error) {
	p.store.mu.Lock()
	if p.ended || p.gone {
		p.store.mu.Unlock()
		return nil, ErrEnded
	}
	return p.store.mu.Unlock, nil
}

// end ends p; alone says that no other may be there.
func (p *pending) end(alone bool) {
	if alone && p.open > 1 {
		panic("blob: published or aborted while another Pending is open")
	}
	p.ended = true
	p.open--
}

func (p *pending) WriteAt(b []byte, off int64) (int, error) {
	unlock, err := p.use()
	if err != nil {
		return 0, err
	}
	defer unlock()
	if off < 0 {
		return 0, errors.New("blob: negative offset")
	}
	if len(b) == 0 {
		return 0, nil // lengthens nothing, as on a disk
	}
	if end := off + int64(len(b)); end > int64(len(p.data)) {
		p.data = append(p.data, make([]byte, end-int64(len(p.data)))...)
	}
	p.changed = time.Now()
	return copy(p.data[off:], b), nil
}

func (p *pending) ReadAt(b []byte, off int64) (int, error) {
	unlock, err := p.use()
	if err != nil {
		return 0, err
	}
	defer unlock()
	return bytes.NewReader(p.data).ReadAt(b, off)
}

func (p *pending) Sync(ctx context.Context) error {
	unlock, err := p.use()
	if err != nil {
		return err
	}
	defer unlock()
	return ctx.Err()
}

func (p *pending) Publish(ctx context.Context, size int64) error {
	unlock, err := p.use()
	if err != nil {
		return err
	}
	defer unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if size <= 0 || size > int64(len(p.data)) {
		return fmt.Errorf("blob: publish %d bytes of %v, %d are staged", size, p.id, len(p.data))
	}
	if p.store.objects[p.id] != nil {
		return fmt.Errorf("%w: %v", ErrExists, p.id)
	}
	p.end(true)
	p.gone = true
	p.store.objects[p.id] = &object{p.data[:size:size], time.Now()}
	delete(p.store.staged, p.id)
	return nil
}

func (p *pending) Abort(context.Context) error {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	if p.ended {
		return nil
	}
	p.end(true)
	if !p.gone {
		p.gone = true
		delete(p.store.staged, p.id)
	}
	return nil
}

func (p *pending) Close() error {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	if !p.ended {
		p.end(false)
	}
	return nil
}
