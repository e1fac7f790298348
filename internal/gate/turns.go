package gate

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"coffer"
)

// TransfersRunning is how many transfers of one person run at once, and
// TransfersWaiting how many more may wait for their turn. Small pictures have
// turns of their own: they wait for no transfer, and no transfer for them.
const (
	TransfersRunning = 8
	TransfersWaiting = 1000
	GlancesRunning   = 4
)

// turns keeps one queue per person, so that a thousand files of one do not
// stand before the one file of another. The zero value is ready.
type turns struct {
	mu    sync.Mutex
	lanes map[coffer.ID]*lane
}

type lane struct {
	slots *semaphore.Weighted // first come, first served
	users int                 // running and waiting
}

// Turn waits until a transfer of this person may run. The returned function
// gives the place back and must be called.
func (g *Gate) Turn(ctx context.Context, person coffer.ID) (done func(), err error) {
	return g.turns.wait(ctx, person, TransfersRunning)
}

// Glance is Turn for small pictures.
func (g *Gate) Glance(ctx context.Context, person coffer.ID) (done func(), err error) {
	return g.glances.wait(ctx, person, GlancesRunning)
}

func (t *turns) wait(ctx context.Context, person coffer.ID, running int) (done func(), err error) {
	t.mu.Lock()
	if t.lanes == nil {
		t.lanes = map[coffer.ID]*lane{}
	}
	l := t.lanes[person]
	if l == nil {
		l = &lane{slots: semaphore.NewWeighted(int64(running))}
		t.lanes[person] = l
	}
	if l.users == running+TransfersWaiting {
		t.mu.Unlock()
		return nil, &coffer.Error{Kind: coffer.Busy, Code: "busy", Msg: "Too many of your transfers are waiting. Try again in a moment.", RetryAfter: 5 * time.Second}
	}
	l.users++
	t.mu.Unlock()

	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(t.lanes, person)
		}
	}
	if err := l.slots.Acquire(ctx, 1); err != nil {
		leave()
		return nil, err
	}
	return func() { l.slots.Release(1); leave() }, nil
}
