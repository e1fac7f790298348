package gate

import (
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"coffer"
)

// writer counts an answer and gives up on a caller who takes nothing for the
// idle time. It hides nothing of the writer below (Flush, ReadFrom, Unwrap) and
// copies nothing, so that big writes stay big down to the socket.
type writer struct {
	http.ResponseWriter
	rc       *http.ResponseController
	deadline deadline
	idle     time.Duration
	renewed  time.Time // when the write deadline was last moved
	status   int
	turn     sync.Mutex // over the next two
	begun    bool       // status is set
	last     bool       // a connection whose reading was cut takes no other request
	sent     int64
}

// deadline moves on while bytes flow, until it is cut.
type deadline struct {
	set  func(time.Time) error
	mu   sync.Mutex
	over bool
}

func (d *deadline) move(to time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.over {
		_ = d.set(to) // a connection without deadlines is a test's
	}
}

// cut puts it into the past for good. Safe beside everything else.
func (d *deadline) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	_ = d.set(time.Unix(1, 0))
}

func newWriter(w http.ResponseWriter, idle time.Duration) *writer {
	rc := http.NewResponseController(w)
	rc.SetWriteDeadline(time.Time{}) // of the request before this one; a writer without deadlines is a test's
	return &writer{ResponseWriter: w, rc: rc, deadline: deadline{set: rc.SetWriteDeadline}, idle: idle}
}

// cut ends an answer that has begun. One that has not may still be given: cut
// ends its body, which may be nil. net/http reads on behind a body, and takes an
// end there for the caller's who left, also for requests to come: so the
// connection is given up. HTTP/2 has streams, and reads nothing behind a body.
func (w *writer) cut(body *body) {
	w.turn.Lock()
	defer w.turn.Unlock()
	if w.begun {
		w.deadline.cut()
	} else if body != nil {
		w.last = body.lingers
		body.deadline.cut()
	}
}

func (w *writer) begin(status int) {
	w.turn.Lock()
	defer w.turn.Unlock()
	w.status = status
	w.begun = true
	if w.last {
		w.Header().Set("Connection", "close")
	}
}

func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// renew moves the write deadline ahead, at most eight times in the idle time.
func (w *writer) renew() {
	if now := time.Now(); now.Sub(w.renewed) > w.idle/8 {
		w.renewed = now
		w.deadline.move(now.Add(w.idle))
	}
}

func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.begin(status)
	}
	w.renew()
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	w.renew()
	n, err := w.ResponseWriter.Write(b)
	w.sent += int64(n)
	return n, err
}

func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	rf, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{w}, r)
	}
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	const piece = 1 << 20 // the deadline follows from piece to piece
	for total := int64(0); ; {
		w.renew()
		n, err := rf.ReadFrom(io.LimitReader(r, piece))
		total += n
		w.sent += n
		if n < piece || err != nil {
			return total, err
		}
	}
}

func (w *writer) Flush() { w.rc.Flush() }

// pace is what of a body has to come in each idle time. Less is no slow line
// but somebody who keeps a place by sending a byte now and then. (Of an answer
// as much as one Write has to go in that time, the buffer of a transfer.)
const pace = 32 << 10

// body gives up on a request body that stands still, or almost, for the idle
// time, or (when end is set) that is not there by then. It moves the read
// deadline while bytes flow; net/http takes it away at the end of the body.
type body struct {
	io.ReadCloser
	rc       *http.ResponseController
	deadline deadline
	idle     time.Duration
	end      time.Time
	renewed  time.Time
	got      int           // bytes towards the pace,
	spent    time.Duration // and how long they were waited for; what the handler does in between does not count
	done     bool
	lingers  bool // of HTTP/1: see finish and cut
}

func (b *body) Read(p []byte) (int, error) {
	now := time.Now()
	if now.Sub(b.renewed) > b.idle/8 {
		b.renewed = now
		at := now.Add(b.idle - b.spent)
		if !b.end.IsZero() && b.end.Before(at) {
			at = b.end
		}
		b.deadline.move(at)
	}
	n, err := b.ReadCloser.Read(p)
	b.spent += time.Since(now)
	if b.got += n; b.got >= pace {
		b.got, b.spent = 0, 0
	}
	if err == nil && b.spent > b.idle {
		err = os.ErrDeadlineExceeded // whoever else moves the deadline
	}
	b.done = b.done || err != nil
	if err != nil && err != io.EOF {
		err = &coffer.Error{Kind: coffer.Malformed, Code: "body_cut", Msg: "The request's body ended before it was complete.", Err: err}
	}
	return n, err
}

// What is read, and for how long, of a body that no handler wanted.
const (
	lingerBytes = 16 << 20
	lingerTime  = 5 * time.Second
)

// finish sends the answer and reads on for a while when a handler did not want
// the rest of the body. A client that is still sending would otherwise find the
// connection reset, and never read why it was refused (RFC 9112, 9.6). Who asked
// first (Expect: 100-continue) may send all the same; else it closes, and this
// ends at once. HTTP/2 has its own way.
func (b *body) finish() {
	if b.done {
		return
	}
	b.rc.SetReadDeadline(time.Now().Add(lingerTime))
	if b.lingers {
		_ = b.rc.Flush()
		_, _ = io.CopyN(io.Discard, b.ReadCloser, lingerBytes)
	}
}

// LimitBody gives the body of r, which must come from Wrap, a time in which it
// must have arrived whole.
func LimitBody(r *http.Request, within time.Duration) {
	if b, ok := r.Body.(*body); ok {
		b.end = time.Now().Add(within)
	}
}

// Begun reports whether an answer's first byte is on its way. w must come from
// Wrap.
func Begun(w http.ResponseWriter) bool {
	own, ok := w.(*writer)
	return ok && own.status != 0
}
