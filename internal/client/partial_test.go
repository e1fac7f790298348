package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/coffertest"
)

// A line is a way to the server whose connections break after some bytes that
// came, wherever that is.
type line struct {
	mu    sync.Mutex
	next  func() (int64, bool) // where the next connection breaks; false: it holds
	bytes atomic.Int64         // that came
	cuts  atomic.Int64
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	left, breaks := l.next()
	if !breaks {
		left = 1 << 62
	}
	return &cutConn{Conn: c, l: l, left: left}, nil
}

type cutConn struct {
	net.Conn
	l    *line
	left int64
}

func (c *cutConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		c.l.cuts.Add(1)
		c.Close()
		return 0, errors.New("the line broke")
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	c.l.bytes.Add(int64(n))
	return n, err
}

func (l *line) client(t *testing.T, server, token string) *client.Client {
	t.Helper()
	rt := &http.Transport{DialContext: l.dial, MaxIdleConnsPerHost: 8}
	t.Cleanup(rt.CloseIdleConnections)
	c, err := client.New(server, client.Options{Token: token, Transport: rt, Pause: time.Millisecond, Tries: 4})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func openFile(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// seed is printed, so that a failure can be had again.
func seed(t *testing.T) *rand.Rand {
	s := rand.Uint64()
	t.Logf("seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}

func count(short, soak int) int {
	if os.Getenv("COFFER_SOAK") != "" {
		return soak
	}
	return short
}

// TestCutAnywhere: connections that break at any byte, of headers too, and
// calls that are given up and made again give the same bytes, and little comes
// twice.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	s := coffertest.New(t, coffertest.Options{})
	owner, _, root := person(t, s)
	for _, row := range []struct {
		size, cuts int
	}{{5<<20 + 4321, count(12, 100)}, {70<<20 + 17, count(6, 30)}} { // by one request, and by several at once
		b := content(uint64(row.size), row.size)
		n, err := owner.Upload(t.Context(), upload(root.ID, fmt.Sprint(row.size), b))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprint(row.size), func(t *testing.T) {
			rng := seed(t)
			name := filepath.Join(t.TempDir(), "part")
			left := row.cuts
			l := &line{next: func() (int64, bool) {
				if left--; left < 0 {
					return 0, false
				}
				if left%4 == 0 {
					return rng.Int64N(400), true // in the headers
				}
				return rng.Int64N(int64(2*row.size/row.cuts) + 1), true // on average, all cuts come before the end
			}}
			calls, moved := 0, int64(0)
			for done := false; !done; calls++ { // each call is a new process
				if calls > 10*row.cuts {
					t.Fatal("it does not come to an end")
				}
				f, c := openFile(t, name), l.client(t, s.URL, owner.Token())
				ctx, cancel := context.WithCancel(t.Context())
				moved = 0
				l.mu.Lock() // a connection may still be on its way
				stop := rng.Int64N(int64(row.size) / 4)
				l.mu.Unlock()
				first := int64(-1)
				err := c.DownloadFile(ctx, n, f, func(n int64) {
					if moved += n; first < 0 {
						first = moved
					}
					if calls < 3 && moved-first > stop { // interrupted
						cancel()
					}
				})
				cancel()
				f.Close()
				if done = err == nil; !done && coffer.KindOf(err) != coffer.Busy && !errors.Is(err, context.Canceled) {
					t.Fatalf("call %d: %v", calls, err)
				}
			}
			if calls < 4 || l.cuts.Load() < int64(row.cuts/3) {
				t.Errorf("only %d calls with %d cuts", calls, l.cuts.Load())
			}
			got, err := os.ReadFile(name)
			if err != nil || !bytes.Equal(got, b) || moved != int64(row.size) {
				t.Fatalf("%d bytes, progress %d, %v", len(got), moved, err)
			}
			// A call that ends gives up what has come of its blocks; a broken
			// connection nothing that was read.
			if most := int64(row.size) + int64(calls)*5<<20 + int64(row.cuts+calls)*(600<<10); l.bytes.Load() > most {
				t.Errorf("%d bytes came for %d, in %d calls with %d cuts", l.bytes.Load(), row.size, calls, l.cuts.Load())
			}
			t.Logf("%d bytes came for %d, in %d calls with %d cuts", l.bytes.Load(), row.size, calls, l.cuts.Load())
		})
	}
}

// TestPartOfOther: what a part held before counts only if it is right.
func TestPartOfOther(t *testing.T) {
	t.Parallel()
	s := coffertest.New(t, coffertest.Options{})
	c, network, root := person(t, s)
	b := content(21, 4<<20+99)
	old, err := c.Upload(t.Context(), upload(root.ID, "a", b))
	if err != nil {
		t.Fatal(err)
	}
	whole := func(name string, want []byte) {
		t.Helper()
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	// interrupted leaves a part with three blocks and a bit.
	interrupted := func() string {
		name := filepath.Join(t.TempDir(), "part")
		fault, first := network.fault, true
		defer func() { network.fault = fault }()
		network.fault = func(_ int, req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if !first {
				return nil, errors.New("the line is gone")
			}
			first = false
			resp, err := next.RoundTrip(req)
			if err == nil {
				resp.Body = breaking{io.MultiReader(io.LimitReader(resp.Body, 3<<20+77), failing{}), resp.Body}
			}
			return resp, err
		}
		if err := c.DownloadFile(t.Context(), old, openFile(t, name), nil); coffer.KindOf(err) != coffer.Busy {
			t.Fatal(err)
		}
		return name
	}

	var ranges []string
	network.fault = func(_ int, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		ranges = append(ranges, req.Method+" "+req.Header.Get("Range")+" "+req.Header.Get("If-Range"))
		return next.RoundTrip(req)
	}
	name := interrupted()
	ranges = nil
	if err := c.DownloadFile(t.Context(), old, openFile(t, name), nil); err != nil {
		t.Fatal(err)
	}
	whole(name, b)
	if want := fmt.Sprintf(`GET bytes=%d-%d "%s"`, 3<<20, len(b)-1, old.VersionID); len(ranges) != 1 || ranges[0] != want {
		t.Errorf("asked for %q, want %q", ranges, want)
	}

	// Changed on this side meanwhile: all comes again.
	name = interrupted()
	f := openFile(t, name)
	if _, err := f.WriteAt([]byte("another"), 1<<20+5); err != nil {
		t.Fatal(err)
	}
	moved := int64(0)
	if err := c.DownloadFile(t.Context(), old, f, func(n int64) { moved += n }); err != nil || moved != int64(len(b)) {
		t.Fatalf("%v, progress %d", err, moved)
	}
	whole(name, b)

	// A newer version: nothing of the old one is kept.
	name = interrupted()
	newer := content(22, 4<<20+99)
	up := upload(root.ID, "a", newer)
	up.IfExists = coffer.Replace
	now, err := c.Upload(t.Context(), up)
	if err != nil {
		t.Fatal(err)
	}
	ranges = nil
	if err := c.DownloadFile(t.Context(), now, openFile(t, name), nil); err != nil || len(ranges) != 1 || ranges[0] != "GET  " {
		t.Errorf("%v, asked for %q", err, ranges)
	}
	whole(name, newer)

	// A complete part whose process died before the end.
	name = interrupted()
	f = openFile(t, name)
	if _, err := f.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{1}, 5), int64(len(b))); err != nil {
		t.Fatal(err)
	}
	ranges = nil
	if err := c.DownloadFile(t.Context(), old, f, nil); err != nil || len(ranges) != 1 || ranges[0] != "HEAD  " {
		t.Errorf("%v, asked for %q", err, ranges)
	}
	whole(name, b)

	// Somebody's own file is not touched.
	for _, own := range [][]byte{[]byte("mine"), content(23, 5<<20)} {
		name := filepath.Join(t.TempDir(), "part")
		if err := os.WriteFile(name, own, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.DownloadFile(t.Context(), old, openFile(t, name), nil); !errors.Is(err, client.ErrForeign) {
			t.Error(err)
		}
		whole(name, own)
	}

	// Another answer than was asked for is not taken.
	name = interrupted()
	for header, value := range map[string]string{"Etag": `"another"`, "Content-Range": "bytes 5-4194402/4194403"} {
		network.fault = func(_ int, req *http.Request, next http.RoundTripper) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err == nil {
				resp.Header.Set(header, value)
			}
			return resp, err
		}
		var e *coffer.Error
		if err := c.DownloadFile(t.Context(), old, openFile(t, name), nil); !errors.As(err, &e) || e.Code != "unexpected" {
			t.Errorf("%s: %v", header, err)
		}
	}

	// Wrong on its way: told, and not kept.
	network.fault = func(_ int, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err == nil {
			resp.Body = breaking{flip{resp.Body}, resp.Body}
		}
		return resp, err
	}
	name = filepath.Join(t.TempDir(), "part")
	if err := c.DownloadFile(t.Context(), old, openFile(t, name), nil); coffer.KindOf(err) != coffer.Corrupt || !client.Worthless(err) {
		t.Errorf("flipped bits: %v", err)
	}
	whole(name, nil)
}

// TestParallelRanges: a big file is got by four requests at once, none larger
// than a run.
func TestParallelRanges(t *testing.T) {
	t.Parallel()
	s := coffertest.New(t, coffertest.Options{})
	c, network, root := person(t, s)
	b := content(31, 64<<20)
	n, err := c.Upload(t.Context(), upload(root.ID, "big", b))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var running, most, all int
	gate := make(chan bool) // closed when four run at once
	network.fault = func(_ int, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		mu.Lock()
		running, all = running+1, all+1
		if most = max(most, running); most == 4 && all == 4 {
			close(gate)
		}
		mu.Unlock()
		select {
		case <-gate:
		case <-time.After(20 * time.Second):
			return nil, errors.New("four do not run at once")
		}
		resp, err := next.RoundTrip(req)
		if err == nil && resp.ContentLength > 16<<20 {
			t.Errorf("%d bytes in one answer", resp.ContentLength)
		}
		if err == nil {
			resp.Body = ended{resp.Body, func() { mu.Lock(); running--; mu.Unlock() }}
		}
		return resp, err
	}
	name := filepath.Join(t.TempDir(), "big")
	if err := c.DownloadFile(t.Context(), n, openFile(t, name), nil); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(name)
	if err != nil || sha256.Sum256(got) != sha256.Sum256(b) || most != 4 {
		t.Errorf("%d bytes, %d at once, %v", len(got), most, err)
	}
}

type ended struct {
	io.ReadCloser
	over func()
}

func (e ended) Close() error { e.over(); return e.ReadCloser.Close() }
