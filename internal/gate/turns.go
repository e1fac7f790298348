package gate

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"coffer"
)

// How much of one kind one person has running at once, and how much more may
// wait for its turn. Small pictures and small requests have turns of their own:
// they wait for no transfer, and no transfer for them.
const (
	TransfersRunning = 8
	GlancesRunning   = 4
	RequestsRunning  = 6
	TurnsWaiting     = 1000
)

// defaultTransfers is how many transfers run at once, all people's together.
const defaultTransfers = 1024

// turns shares places among people. Each has a line of their own, so that a
// thousand files of one do not stand before the one file of another; and when
// the places of all are taken, the next goes to who has the fewest.
type turns struct {
	each, all int // places for one person, and for all together

	mu      sync.Mutex
	taken   int
	lanes   map[coffer.ID]*lane
	waiting []*lane // with somebody in line, in the order in which they began to wait or had their last turn
}

type lane struct {
	taken int
	line  []chan struct{} // first come, first served; closed when it is one's turn
}

func newTurns(each, all int) *turns {
	return &turns{each: each, all: all, lanes: map[coffer.ID]*lane{}}
}

// Turn waits until a transfer of this person may run. The returned function
// gives the place back and must be called.
func (g *Gate) Turn(ctx context.Context, person coffer.ID) (done func(), err error) {
	return g.transfers.wait(ctx, person)
}

// Glance is Turn for small pictures.
func (g *Gate) Glance(ctx context.Context, person coffer.ID) (done func(), err error) {
	return g.glances.wait(ctx, person)
}

// Small stands before a handler that moves no files: what one person asks for
// in parallel leaves the database to others, too. Who is not known yet does not
// wait here.
func (g *Gate) Small(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if person := Caller(r.Context()).User.ID; !person.IsZero() {
			done, err := g.requests.wait(r.Context(), person)
			if err != nil {
				g.Fail(w, r, err)
				return
			}
			defer done()
		}
		next.ServeHTTP(w, r)
	})
}

func (t *turns) wait(ctx context.Context, person coffer.ID) (done func(), err error) {
	t.mu.Lock()
	l := t.lanes[person]
	if l == nil {
		l = &lane{}
		t.lanes[person] = l
	}
	done = sync.OnceFunc(func() { t.leave(person, l) })
	if l.taken < t.each && t.taken < t.all { // then nobody waits for this place
		t.take(l)
		t.mu.Unlock()
		return done, nil
	}
	if len(l.line) == TurnsWaiting {
		t.mu.Unlock()
		return nil, &coffer.Error{Kind: coffer.Busy, Code: "busy", Msg: "Too many of your requests are waiting. Try again in a moment.", RetryAfter: 5 * time.Second}
	}
	turn := make(chan struct{})
	l.line = append(l.line, turn)
	if len(l.line) == 1 {
		t.waiting = append(t.waiting, l)
	}
	t.mu.Unlock()

	select {
	case <-turn:
		return done, nil
	case <-ctx.Done():
		if t.forget(person, l, turn) {
			done() // its turn came at the same moment
		}
		return nil, ctx.Err()
	}
}

func (t *turns) take(l *lane) {
	l.taken++
	t.taken++
}

func (t *turns) leave(person coffer.ID, l *lane) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.taken--
	t.taken--
	for t.taken < t.all {
		next := t.next()
		if next == nil {
			break
		}
		t.take(next)
		close(next.line[0])
		next.line = next.line[1:]
		t.unlist(next)
		if len(next.line) > 0 {
			t.waiting = append(t.waiting, next)
		}
	}
	t.drop(person, l)
}

// next is the line whose first one is to go: of those with a place to take the
// one that has the fewest, and of these the one that waited longest.
func (t *turns) next() (next *lane) {
	for _, l := range t.waiting {
		if l.taken < t.each && (next == nil || l.taken < next.taken) {
			next = l
		}
	}
	return next
}

// forget takes somebody out of a line, or reports that its turn had come.
func (t *turns) forget(person coffer.ID, l *lane, turn chan struct{}) (came bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(l.line, turn)
	if i < 0 {
		return true
	}
	if l.line = slices.Delete(l.line, i, i+1); len(l.line) == 0 {
		t.unlist(l)
	}
	t.drop(person, l)
	return false
}

func (t *turns) unlist(l *lane) {
	t.waiting = slices.DeleteFunc(t.waiting, func(w *lane) bool { return w == l })
}

func (t *turns) drop(person coffer.ID, l *lane) {
	if l.taken == 0 && len(l.line) == 0 {
		delete(t.lanes, person)
	}
}
