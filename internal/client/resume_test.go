package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/coffertest"
	"coffer/internal/wire"
)

// bigFile is content that can be read again, and counts what was sent of it.
func bigFile(root wire.Node, name string, data []byte, parts int) (client.Upload, *atomic.Int64) {
	var told atomic.Int64
	return client.Upload{Parent: root.ID, Name: name, IfExists: coffer.Fail, Size: int64(len(data)), Rewind: true, Parts: parts, Modified: "now",
		Progress: func(n int64) { told.Add(n) },
		Open:     func() (io.ReadCloser, error) { return nopCloser{bytes.NewReader(data)}, nil }}, &told
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

func random(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

// cutting breaks the bodies of uploads after random many bytes, as long as they
// are long enough for something to arrive.
func cutting(below func(int64) int64, cuts, sent *atomic.Int64, most int64) func(int, *http.Request, http.RoundTripper) (*http.Response, error) {
	return func(_ int, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if req.Method == http.MethodPatch {
			body := io.Reader(counted{req.Body, sent})
			if req.ContentLength > 64<<10 && cuts.Add(1) <= most {
				body = io.MultiReader(io.LimitReader(body, below(req.ContentLength)), iotest.ErrReader(errors.New("cut")))
			}
			req.Body = struct {
				io.Reader
				io.Closer
			}{body, req.Body}
		}
		return next.RoundTrip(req)
	}
}

type counted struct {
	io.Reader
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// TestResume sends big files over a line that breaks at random bytes: nothing
// that has arrived is sent again but the rest of a part, the progress ends at
// the size, and the bytes are those of the file.
func TestResume(t *testing.T) {
	s := coffertest.New(t, coffertest.Options{})
	c, n, root := person(t, s)
	cuts := int64(6)
	if os.Getenv("COFFER_SOAK") != "" {
		cuts = 100
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for parts, size := range map[int]int{1: 20<<20 + 77, 3: 130<<20 + 5} {
		data := random(size)
		var mu sync.Mutex // parts run at once
		rng := rand.New(rand.NewPCG(seed, uint64(parts)))
		below := func(n int64) int64 { mu.Lock(); defer mu.Unlock(); return rng.Int64N(n) }
		var all, broken, sent atomic.Int64
		for file := 0; all.Load() < cuts; file++ {
			broken.Store(0)
			sent.Store(0)
			n.fault = cutting(below, &broken, &sent, cuts-all.Load())
			u, told := bigFile(root, fmt.Sprintf("%d %d.bin", parts, file), data, parts)
			node, err := c.Upload(t.Context(), u)
			if err != nil {
				t.Fatalf("%d parts: %v", parts, err)
			}
			cut := min(broken.Load(), cuts-all.Load())
			all.Add(cut)
			if told.Load() != int64(size) {
				t.Errorf("%d parts: the progress ended at %d of %d", parts, told.Load(), size)
			}
			// What was on the line when it broke is sent again, and no more.
			if most := int64(size) + (cut+3)*(1<<20); sent.Load() > most {
				t.Errorf("%d parts: %d bytes were sent for %d with %d cuts", parts, sent.Load(), size, cut)
			}
			n.fault = nil
			var got bytes.Buffer
			if err := c.Download(t.Context(), node, &got, nil); err != nil || !bytes.Equal(got.Bytes(), data) {
				t.Errorf("%d parts: %d bytes came back, %v", parts, got.Len(), err)
			}
		}
		t.Logf("%d parts: %d cuts", parts, all.Load())
	}
	if left, err := c.Uploads(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
}

// TestResumeLater: a call that was interrupted is gone on with by the next one,
// unless the file has changed meanwhile.
func TestResumeLater(t *testing.T) {
	s := coffertest.New(t, coffertest.Options{})
	c, n, root := person(t, s)
	for parts, size := range map[int]int{1: 20 << 20, 2: 140 << 20} {
		data := random(size)
		u, _ := bigFile(root, fmt.Sprintf("later %d.bin", parts), data, parts)
		ctx, interrupt := context.WithCancel(t.Context())
		moved := int64(0)
		u.Progress = func(n int64) {
			if moved += n; moved > int64(size)/2 {
				interrupt()
			}
		}
		if _, err := c.Upload(ctx, u); err == nil {
			t.Fatal("an interrupted upload came to its end")
		}
		left, err := c.Uploads(t.Context())
		if err != nil || len(left) != parts {
			t.Fatalf("%d parts: left %+v, %v", parts, left, err)
		}
		var cuts, sent atomic.Int64
		n.fault = cutting(nil, &cuts, &sent, 0)
		u, told := bigFile(root, u.Name, data, parts)
		if _, err := c.Upload(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if sent.Load() > int64(size)*3/4 || told.Load() != int64(size) {
			t.Errorf("%d parts: %d bytes of %d were sent the second time, progress %d", parts, sent.Load(), size, told.Load())
		}
		n.fault = nil
	}
	data := random(10 << 20)
	u, _ := bigFile(root, "changed.bin", data, 1)
	ctx, interrupt := context.WithCancel(t.Context())
	u.Progress = func(int64) { interrupt() }
	c.Upload(ctx, u)
	data = append(data[:5<<20:5<<20], random(5<<20)...)
	u, _ = bigFile(root, "changed.bin", data, 1)
	u.Modified = "later"
	if _, err := c.Upload(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	left, err := c.Uploads(t.Context())
	if err != nil || len(left) != 1 {
		t.Fatalf("left %+v, %v", left, err)
	}
	if err := c.EndUpload(t.Context(), left[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Upload(t.Context(), u); coffer.KindOf(err) != coffer.Conflict {
		t.Errorf("the same name again: %v", err)
	}
}
