package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"coffer"
	"coffer/internal/wire"
)

const (
	// resumeAbove is the size from which a file is sent so that it goes on
	// where the line broke: one part of the server's.
	resumeAbove = 8 << 20
	// partsAbove is the size from which several parts are sent at once.
	partsAbove = 64 << 20
	tusVersion = "1.0.0"
)

// resumable is one upload that arrives in several requests (tus 1.0).
type resumable struct {
	c      *Client
	u      Upload
	pieces []*piece

	mu sync.Mutex // progress comes from several goroutines
}

// piece is what one address of the upload takes.
type piece struct {
	r           *resumable
	id          string
	first, size int64
	off         int64     // of it, that the server has
	unsure      bool      // ask before sending more
	node        coffer.ID // of the file, when this request made it
}

// errGone says that the server does not know the upload (any more).
var errGone = errors.New("the upload has ended")

// resume sends a file so that what has arrived is never sent again: over broken
// lines, restarts of the server, and, when Upload.Modified is given, by a later
// call. The SHA-256 is computed beside and compared with the server's.
func (c *Client) resume(ctx context.Context, u Upload) (wire.Node, error) {
	hashing, stop := context.WithCancel(ctx)
	defer stop()
	sum := make(chan string, 1)
	go func() { sum <- unsureSum(hashing, u) }()
	var id coffer.ID
	for try := 0; ; try++ {
		r := &resumable{c: c, u: u}
		var err error
		if id, err = r.run(ctx, try == 0); err == nil {
			break
		}
		r.moved(-r.received())
		if !errors.Is(err, errGone) || try > 0 {
			return wire.Node{}, err
		}
	}
	return c.stored(ctx, id, u, <-sum)
}

// run sends everything. old says that an upload of an earlier call may be gone
// on with.
func (r *resumable) run(ctx context.Context, old bool) (coffer.ID, error) {
	if old {
		if err := r.find(ctx); err != nil {
			return coffer.ID{}, err
		}
	}
	if len(r.pieces) == 0 {
		if err := r.begin(ctx); err != nil {
			return coffer.ID{}, err
		}
	}
	r.moved(r.received())
	g, sending := errgroup.WithContext(ctx)
	for _, p := range r.pieces {
		g.Go(func() error { return p.send(sending) })
	}
	if err := g.Wait(); err != nil {
		return coffer.ID{}, err
	}
	if p := r.pieces[0]; len(r.pieces) == 1 {
		return p.node, nil
	}
	return r.join(ctx)
}

func (r *resumable) received() (n int64) {
	for _, p := range r.pieces {
		n += p.off
	}
	return n
}

func (r *resumable) moved(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.u.Progress != nil && n != 0 {
		r.u.Progress(n)
	}
}

// find looks for what an earlier call has left of the same file.
func (r *resumable) find(ctx context.Context) error {
	if r.u.Modified == "" {
		return nil
	}
	all, err := r.c.Uploads(ctx)
	if err != nil {
		return err
	}
	var group coffer.ID
	for _, w := range all {
		if w.Parent == nil || *w.Parent != r.u.Parent || w.Name != r.u.Name || w.Modified != r.u.Modified || w.IfExists != r.u.IfExists || w.Size == nil {
			continue
		}
		p := &piece{r: r, id: w.ID.String(), first: w.First, size: *w.Size, off: w.Offset, unsure: true}
		switch {
		case !w.Partial && p.size == r.u.Size:
			r.pieces = []*piece{p}
			return nil
		case w.Partial && w.Group != nil && (group.IsZero() || group == *w.Group):
			group = *w.Group
			r.pieces = append(r.pieces, p)
		}
	}
	if r.whole() {
		return nil
	}
	r.pieces = nil
	return nil
}

// whole puts the pieces in order and reports whether they are all of the file.
func (r *resumable) whole() bool {
	next := int64(0)
	for range r.pieces {
		for i, p := range r.pieces {
			if p.first == next && p.size > 0 {
				r.pieces[i], r.pieces[0] = r.pieces[0], r.pieces[i]
			}
		}
		next = r.pieces[0].first + r.pieces[0].size
		r.pieces = append(r.pieces[1:], r.pieces[0])
	}
	return len(r.pieces) > 0 && next == r.u.Size
}

// begin makes the upload, in parts where that is worth it.
func (r *resumable) begin(ctx context.Context) error {
	n := int64(1)
	if r.u.Size >= partsAbove {
		n = max(1, int64(r.u.Parts))
	}
	about := map[string]string{"parent": r.u.Parent.String(), "name": r.u.Name, "if_exists": string(r.u.IfExists), "modified": r.u.Modified}
	if n == 1 {
		p := &piece{r: r, size: r.u.Size}
		r.pieces = []*piece{p}
		return p.begin(ctx, about, "")
	}
	// Parts of the server's are at least resumeAbove long, and a power of two: a
	// multiple of a large one fits all.
	const edge = partsAbove
	about["group"], about["total"] = coffer.RandomID().String(), strconv.FormatInt(r.u.Size, 10)
	each := (r.u.Size/n + edge - 1) / edge * edge
	for first := int64(0); first < r.u.Size; first += each {
		p := &piece{r: r, first: first, size: min(each, r.u.Size-first)}
		about["first"] = strconv.FormatInt(first, 10)
		if err := p.begin(ctx, about, "partial"); err != nil {
			return err
		}
		r.pieces = append(r.pieces, p)
	}
	return nil
}

// metadata writes what is told about an upload as tus has it.
func metadata(about map[string]string) string {
	var all []string
	for k, v := range about {
		if v != "" {
			all = append(all, k+" "+base64.StdEncoding.EncodeToString([]byte(v)))
		}
	}
	return strings.Join(all, ",")
}

func (p *piece) begin(ctx context.Context, about map[string]string, concat string) error {
	return p.r.c.retry(ctx, func() (bool, error) {
		resp, err := p.r.c.tus(ctx, http.MethodPost, "", nil, map[string]string{
			"Upload-Length": strconv.FormatInt(p.size, 10), "Upload-Metadata": metadata(about), "Upload-Concat": concat})
		if err != nil {
			return again(err), err // one that was made all the same expires
		}
		drain(resp.Body)
		p.id = path.Base(resp.Header.Get("Location"))
		return false, nil
	})
}

// tus does one request of the protocol. An answer that is an error becomes one.
func (c *Client) tus(ctx context.Context, method, id string, body io.Reader, header map[string]string) (*http.Response, error) {
	target := "/uploads"
	if id != "" {
		target += "/" + id
	}
	req, err := c.request(ctx, method, target, nil, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Tus-Resumable", tusVersion)
	for k, v := range header {
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	if t, ok := body.(*transfer); ok {
		req.ContentLength = t.want
		req.Header.Set("Content-Type", "application/offset+octet-stream")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(cause(ctx, err))
	}
	if resp.StatusCode >= 300 {
		defer drain(resp.Body)
		return nil, refusal(resp)
	}
	return resp, nil
}

// again reports whether a failed request of an upload is worth another try:
// the line broke, or the server is busy.
func again(err error) bool {
	e, refused := errors.AsType[*Error](err)
	return !refused || declined(e) || e.Refusal.Kind == coffer.Busy
}

// send brings the piece to its end. As long as bytes move, it does not give up.
func (p *piece) send(ctx context.Context) error {
	for {
		before := p.off
		err := p.r.c.retry(ctx, func() (bool, error) {
			at := p.off
			more, err := p.try(ctx)
			if err != nil && p.off > at {
				return false, err // it moved: a fresh row of tries follows
			}
			return more, err
		})
		if err == nil && p.off == p.size {
			return nil
		}
		if err != nil && (p.off == before || !again(err) || ctx.Err() != nil) {
			return err
		}
	}
}

// try asks where the piece stands, if that is not sure, and sends the rest.
func (p *piece) try(ctx context.Context) (more bool, err error) {
	if p.unsure {
		if err := p.ask(ctx); err != nil {
			return again(err), err
		}
	}
	if p.off == p.size && (p.r.parallel() || !p.node.IsZero()) {
		return false, nil
	}
	src, err := p.r.u.Open()
	if err != nil {
		return false, err
	}
	if err := skip(src, p.first+p.off); err != nil {
		src.Close()
		return false, err
	}
	p.unsure = true // until the answer is here
	t := p.r.c.newTransfer(ctx, p.r.moved)
	t.sum = nil // of the whole file, it is computed beside
	t.src, t.want = limited{io.LimitReader(src, p.size-p.off), src}, p.size-p.off
	resp, err := p.r.c.tus(t.ctx, http.MethodPatch, p.id, t, map[string]string{"Upload-Offset": strconv.FormatInt(p.off, 10)})
	t.end(err == nil)
	if err != nil {
		if t.local != nil {
			return false, t.local // reading the content failed, not the network
		}
		if e, ok := errors.AsType[*Error](err); ok && e.Refusal.Code == "offset_mismatch" {
			return true, err // a request before arrived late
		}
		return again(err), err
	}
	defer drain(resp.Body)
	p.off, p.unsure = p.size, false
	p.node, _ = coffer.ParseID(resp.Header.Get("Coffer-Node"))
	if p.node.IsZero() && !p.r.parallel() {
		p.unsure = true
		return true, p.r.c.unreachable(errors.New("the answer names no file"))
	}
	return false, nil
}

func (r *resumable) parallel() bool { return len(r.pieces) > 1 }

// ask learns where the piece stands.
func (p *piece) ask(ctx context.Context) error {
	resp, err := p.r.c.tus(ctx, http.MethodHead, p.id, nil, nil)
	if e, ok := errors.AsType[*Error](err); ok && (e.Status == http.StatusNotFound || e.Status == http.StatusGone) {
		return errGone
	}
	if err != nil {
		return err
	}
	defer drain(resp.Body)
	off, err := strconv.ParseInt(resp.Header.Get("Upload-Offset"), 10, 64)
	if err != nil || off < 0 || off > p.size {
		return fmt.Errorf("the server says that %q of %d bytes have arrived", resp.Header.Get("Upload-Offset"), p.size)
	}
	p.r.moved(off - p.off)
	p.off, p.unsure = off, false
	p.node, _ = coffer.ParseID(resp.Header.Get("Coffer-Node"))
	return nil
}

// limited is the rest of a file.
type limited struct {
	io.Reader
	io.Closer
}

// skip moves to an offset of a file.
func skip(src io.Reader, n int64) error {
	if s, ok := src.(io.Seeker); ok {
		_, err := s.Seek(n, io.SeekStart)
		return err
	}
	_, err := io.CopyN(io.Discard, src, n)
	return err
}

// join makes one file of the parts.
func (r *resumable) join(ctx context.Context) (id coffer.ID, err error) {
	parts := make([]string, len(r.pieces))
	for i, p := range r.pieces {
		parts[i] = "/api/v1/uploads/" + p.id
	}
	about := map[string]string{"parent": r.u.Parent.String(), "name": r.u.Name, "if_exists": string(r.u.IfExists)}
	err = r.c.retry(ctx, func() (bool, error) {
		resp, err := r.c.tus(ctx, http.MethodPost, "", nil, map[string]string{"Upload-Concat": "final;" + strings.Join(parts, " "), "Upload-Metadata": metadata(about)})
		if err != nil {
			return again(err), err
		}
		drain(resp.Body)
		id, err = coffer.ParseID(resp.Header.Get("Coffer-Node"))
		return false, err
	})
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusNotFound {
		// A try before, whose answer was lost, has made the file of them.
		n, err := r.c.ResolveUnder(ctx, r.u.Parent, r.u.Name)
		return n.ID, err
	}
	return id, err
}

// stored waits until the server knows the SHA-256 of what it stored, and
// compares.
func (c *Client) stored(ctx context.Context, id coffer.ID, u Upload, sum string) (wire.Node, error) {
	pause := 20 * time.Millisecond
	for end := time.Now().Add(time.Minute + time.Duration(u.Size>>24)*time.Second); ; {
		n, err := c.Stat(ctx, id)
		switch {
		case err != nil:
			return n, err
		case n.SHA256 == sum:
			return n, nil
		case n.SHA256 != "":
			return n, errMismatch(n, sum)
		case time.Now().After(end):
			return n, coffer.E(coffer.Busy, "sum_pending", fmt.Sprintf("%q is stored, but the server has not said its SHA-256 yet. It should be %s.", n.Name, sum))
		}
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			wait.Stop()
			return n, ctx.Err()
		case <-wait.C:
		}
		pause = min(2*pause, time.Second)
	}
}

// Uploads lists what was begun and is not finished, youngest first.
func (c *Client) Uploads(ctx context.Context) ([]wire.Upload, error) {
	var out wire.List[wire.Upload]
	err := c.call(ctx, http.MethodGet, "/uploads", nil, nil, &out, true)
	return out.Items, err
}

// EndUpload removes an upload that is not finished.
func (c *Client) EndUpload(ctx context.Context, id coffer.ID) error {
	return c.retry(ctx, func() (bool, error) {
		resp, err := c.tus(ctx, http.MethodDelete, id.String(), nil, nil)
		if err != nil {
			return again(err), err
		}
		drain(resp.Body)
		return false, nil
	})
}
