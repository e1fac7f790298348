package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"coffer"
	"coffer/internal/wire"
)

// Upload is a file to be sent.
type Upload struct {
	Parent   coffer.ID // folder it goes into
	Name     string
	IfExists coffer.IfExists // Fail, KeepBoth, Replace
	Size     int64           // -1: not known before the end

	// Open returns the content from its first byte. It is called again for
	// another try if Rewind is set.
	Open   func() (io.ReadCloser, error)
	Rewind bool

	// Parts is how many parts of a big file are sent at once; 0 = 1. Modified
	// says which state of the local file this is, as its time of change: an
	// upload of the same that an earlier call began is gone on with; "": never.
	Parts    int
	Modified string

	// Progress is told how many bytes more were sent; a negative number takes
	// back those of a broken try. Called from one goroutine at a time.
	Progress func(n int64)
}

// expectAbove is the size from which the server is asked before the body is
// sent, so that a taken name costs no transfer.
const expectAbove = 256 << 10

// errStalled ends an attempt in which nothing moved.
var errStalled = errors.New("no byte moved for too long")

// Upload streams a file to the server and returns its node when it is durable
// there. The SHA-256 is computed while sending and compared with what the
// server stored.
//
// A big file whose content can be read again goes on where the line broke.
func (c *Client) Upload(ctx context.Context, u Upload) (wire.Node, error) {
	if u.Rewind && u.Size > resumeAbove {
		return c.resume(ctx, u)
	}
	var out wire.Node
	exists := u.IfExists
	unsure := false // an earlier try may have been stored
	err := c.retry(ctx, func() (bool, error) {
		t := c.newTransfer(ctx, u.Progress)
		node, err := c.put(t, u, exists)
		t.end(err == nil)
		if err == nil {
			out = node
			return false, t.compare(node)
		}
		e, refused := errors.AsType[*Error](err)
		if unsure && refused && e.Refusal.Code == "name_taken" && !e.Refusal.Existing.IsZero() {
			// Our earlier try, or somebody else's file?
			n, statErr := c.Stat(ctx, e.Refusal.Existing)
			if statErr == nil && n.SHA256 == unsureSum(ctx, u) {
				out = n
				if u.Progress != nil {
					u.Progress(n.Size)
				}
				return false, nil
			}
			if statErr == nil && u.IfExists == coffer.Replace {
				unsure, exists = false, coffer.Replace
				return u.Rewind, err
			}
			return false, err
		}
		if refused {
			if e.Status == http.StatusBadGateway || e.Status == http.StatusGatewayTimeout {
				return u.Rewind && u.IfExists != coffer.KeepBoth && mark(&unsure, &exists), err
			}
			return u.Rewind && declined(e), err
		}
		if t.local != nil {
			return false, t.local // reading the content failed, not the network
		}
		if !t.whole || notSent(err) {
			return u.Rewind, err // the server cannot have stored it
		}
		return u.Rewind && u.IfExists != coffer.KeepBoth && mark(&unsure, &exists), err
	})
	if err != nil {
		return wire.Node{}, err
	}
	return out, nil
}

// mark notes that a try may have been stored. The next one asks for Fail, so
// that the answer tells, instead of making a second version.
func mark(unsure *bool, exists *coffer.IfExists) bool {
	*unsure, *exists = true, coffer.Fail
	return true
}

// unsureSum hashes the content once more, for the rare case that an answer was
// lost and the name is taken now.
func unsureSum(ctx context.Context, u Upload) string {
	r, err := u.Open()
	if err != nil {
		return "unreadable"
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, readerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return r.Read(p)
	})); err != nil {
		return "unreadable"
	}
	return hex.EncodeToString(h.Sum(nil))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// put is one try.
func (c *Client) put(t *transfer, u Upload, exists coffer.IfExists) (wire.Node, error) {
	var node wire.Node
	src, err := u.Open()
	if err != nil {
		t.local = err
		return node, err
	}
	t.src, t.want, t.whole = src, u.Size, u.Size == 0
	query := url.Values{"name": {u.Name}, "if_exists": {string(exists)}}
	req, err := c.request(t.ctx, http.MethodPut, "/nodes/"+u.Parent.String()+"/files", query, t)
	if err != nil {
		src.Close()
		return node, err
	}
	req.ContentLength = u.Size
	if u.Size == 0 {
		src.Close()
		req.Body = http.NoBody
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	if u.Size < 0 || u.Size > expectAbove {
		req.Header.Set("Expect", "100-continue")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if cause := context.Cause(t.ctx); cause != nil && errors.Is(cause, errStalled) {
			err = errStalled
		}
		return node, c.unreachable(err)
	}
	defer drain(resp.Body)
	if resp.StatusCode >= 300 {
		return node, refusal(resp)
	}
	if err := json.NewDecoder(resp.Body).Decode(&node); err != nil {
		return node, c.unreachable(fmt.Errorf("reading the answer: %w", err))
	}
	return node, nil
}

// transfer is the body of one try: it hashes, counts, and ends the try when
// nothing moves. net/http may read it until after its answer is there, so what
// both look at stands behind a lock.
type transfer struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	src      io.ReadCloser
	want     int64 // bytes, -1 unknown
	progress func(int64)
	timer    *time.Timer
	stall    time.Duration

	mu    sync.Mutex
	over  bool      // the try has ended
	sum   hash.Hash // nil: none
	sent  int64
	whole bool  // the body was read to its end: the server may have it
	local error // reading the content failed
}

func (c *Client) newTransfer(ctx context.Context, progress func(int64)) *transfer {
	t := &transfer{sum: sha256.New(), progress: progress, stall: c.stall}
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	t.timer = time.AfterFunc(c.stall, func() { t.cancel(errStalled) })
	return t
}

// end ends the try. The bytes of a broken one do not count for the progress.
func (t *transfer) end(done bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.timer.Stop()
	t.cancel(nil)
	if !done && t.progress != nil && t.sent > 0 {
		t.progress(-t.sent)
	}
}

// Read gives net/http the next bytes of the body.
func (t *transfer) Read(p []byte) (int, error) {
	n, err := t.src.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return 0, context.Canceled
	}
	if t.sum != nil {
		t.sum.Write(p[:n])
	}
	t.sent += int64(n)
	if n > 0 && t.progress != nil {
		t.progress(int64(n))
	}
	switch {
	case err != nil && err != io.EOF:
		t.local = err
	case t.want >= 0 && (err == io.EOF && t.sent < t.want || t.sent > t.want):
		t.local = coffer.E(coffer.Invalid, "changed_locally", fmt.Sprintf("The file changed while it was sent: it had %d bytes, now another number.", t.want))
		return n, t.local
	case err == io.EOF || t.sent == t.want:
		t.whole = true
		t.timer.Stop() // from here the transport's own limit counts
		return n, err
	}
	t.timer.Reset(t.stall)
	return n, err
}

// Close is called by net/http when it needs no more.
func (t *transfer) Close() error { return t.src.Close() }

// compare holds what was sent against what the server says it stored.
func (t *transfer) compare(n wire.Node) error {
	if sum := hex.EncodeToString(t.sum.Sum(nil)); n.SHA256 != sum {
		return errMismatch(n, sum)
	}
	return nil
}

func errMismatch(n wire.Node, sum string) error {
	return &coffer.Error{Kind: coffer.Corrupt, Code: "sum_mismatch",
		Msg: fmt.Sprintf("The server stored %q with SHA-256 %.64q, but %s was sent. Do not rely on this copy.", n.Name, n.SHA256, sum)}
}
