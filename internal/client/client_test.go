package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/coffertest"
	"coffer/internal/wire"
)

// network is the way to the server, with a fault at a chosen request.
type network struct {
	mu    sync.Mutex
	seen  int
	fault func(n int, req *http.Request, next http.RoundTripper) (*http.Response, error) // nil: none
	inner http.RoundTripper
}

func (n *network) RoundTrip(req *http.Request) (*http.Response, error) {
	n.mu.Lock()
	n.seen++
	seen := n.seen
	n.mu.Unlock()
	if n.fault != nil {
		return n.fault(seen, req, n.inner)
	}
	return n.inner.RoundTrip(req)
}

// person is signed in through the client, on a network of its own.
func person(t *testing.T, s *coffertest.Server) (*client.Client, *network, wire.Node) {
	t.Helper()
	n := &network{inner: &http.Transport{MaxIdleConnsPerHost: 8}}
	t.Cleanup(n.inner.(*http.Transport).CloseIdleConnections)
	c, err := client.New(s.URL, client.Options{Transport: n, Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Login(t.Context(), s.Owner.Email, s.Owner.Password, "test"); err != nil {
		t.Fatal(err)
	}
	root, err := c.Resolve(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	return c, n, root
}

func content(seed uint64, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

func upload(parent coffer.ID, name string, b []byte) client.Upload {
	return client.Upload{Parent: parent, Name: name, IfExists: coffer.Fail, Size: int64(len(b)), Rewind: true,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

func TestRoundTrip(t *testing.T) {
	s := coffertest.New(t, coffertest.Options{})
	c, _, root := person(t, s)
	ctx := t.Context()
	for i, size := range []int{0, 1, 16 << 10, 1<<20 + 1, 5<<20 + 7} {
		b := content(uint64(i), size)
		var moved int64
		up := upload(root.ID, fmt.Sprintf("file %d", i), b)
		up.Progress = func(n int64) { moved += n }
		if i%2 == 1 {
			up.Size = -1 // length not known before
		}
		n, err := c.Upload(ctx, up)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if sum := sha256.Sum256(b); n.SHA256 != hex.EncodeToString(sum[:]) || n.Size != int64(size) || moved != int64(size) {
			t.Errorf("%d bytes: node %+v, progress %d", size, n, moved)
		}
		var got bytes.Buffer
		moved = 0
		if err := c.Download(ctx, n, &got, func(n int64) { moved += n }); err != nil || !bytes.Equal(got.Bytes(), b) || moved != int64(size) {
			t.Errorf("%d bytes: came back as %d, progress %d, %v", size, got.Len(), moved, err)
		}
	}
	folder, err := c.Mkdir(ctx, root.ID, "Folder", coffer.Fail)
	if err != nil {
		t.Fatal(err)
	}
	file, err := c.Resolve(ctx, "/file 0")
	if err != nil {
		t.Fatal(err)
	}
	name := "moved"
	if _, err := c.Move(ctx, file.ID, wire.NodePatch{Name: &name, ParentID: &folder.ID}, coffer.Fail); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Resolve(ctx, "/Folder/moved"); err != nil || n.ID != file.ID {
		t.Fatalf("moved: %+v %v", n, err)
	}
	if err := c.Trash(ctx, folder.ID); err != nil {
		t.Fatal(err)
	}
	_, err = c.Resolve(ctx, "/Folder/moved")
	e, ok := errors.AsType[*client.Error](err)
	if !ok || coffer.KindOf(err) != coffer.NotFound || e.Ref == "" || e.Status != http.StatusNotFound {
		t.Errorf("trashed: %v", err)
	}
}

func TestChildrenPages(t *testing.T) {
	s := coffertest.New(t, coffertest.Options{})
	first, net, root := person(t, s)
	const n = 25
	for i := range n {
		if _, err := first.Mkdir(t.Context(), root.ID, fmt.Sprintf("f%d", i), coffer.Fail); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(s.URL, client.Options{Token: first.Token(), Transport: net, Page: 10})
	if err != nil {
		t.Fatal(err)
	}
	before := net.seen
	var names []string
	for node, err := range c.Children(t.Context(), root.ID) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, node.Name)
	}
	if len(names) != n || names[0] != "f0" || names[2] != "f2" || names[n-1] != fmt.Sprintf("f%d", n-1) {
		t.Errorf("%d names, %q ... %q", len(names), names[:min(3, len(names))], names[len(names)-1:])
	}
	if asked := net.seen - before; asked != 3 {
		t.Errorf("%d requests, want 3 pages", asked)
	}
	for range c.Children(t.Context(), root.ID) {
		break // must not ask for more, nor panic
	}
}

// TestUploadFaults: whatever the network does, the file is there once, whole.
func TestUploadFaults(t *testing.T) {
	broken := &net.OpError{Op: "read", Err: errors.New("connection reset")}
	once := func(at func(n int) bool, do func(*http.Request, http.RoundTripper) (*http.Response, error)) func(int, *http.Request, http.RoundTripper) (*http.Response, error) {
		done := false
		return func(n int, req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if req.Method == http.MethodPut && !done && at(n) {
				done = true
				return do(req, next)
			}
			return next.RoundTrip(req)
		}
	}
	always := func(int) bool { return true }
	lost := func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		return nil, broken // stored, but nobody hears of it
	}
	rows := []struct {
		name     string
		exists   coffer.IfExists
		before   bool // the name is taken already
		fault    func(*http.Request, http.RoundTripper) (*http.Response, error)
		names    []string
		versions int64 // of the file
		fails    bool
	}{
		{name: "cut in the middle", exists: coffer.Fail, fault: cutBody, names: []string{"a"}, versions: 1},
		{name: "cut, keep both", exists: coffer.KeepBoth, before: true, fault: cutBody, names: []string{"a", "a (2)"}, versions: 1},
		{name: "answer lost", exists: coffer.Fail, fault: lost, names: []string{"a"}, versions: 1},
		{name: "answer lost, version", exists: coffer.Replace, before: true, fault: lost, names: []string{"a"}, versions: 2},
		{name: "answer lost, new version", exists: coffer.Replace, fault: lost, names: []string{"a"}, versions: 1},
		{name: "answer lost, keep both", exists: coffer.KeepBoth, fault: lost, names: []string{"a"}, versions: 1, fails: true},
		{name: "busy", exists: coffer.KeepBoth, fault: answer(503, "busy"), names: []string{"a"}, versions: 1},
		{name: "limited", exists: coffer.Fail, fault: answer(429, "limited"), names: []string{"a"}, versions: 1},
		{name: "proxy gave up", exists: coffer.Fail, fault: answer(502, ""), names: []string{"a"}, versions: 1},
		{name: "refused for good", exists: coffer.Fail, fault: answer(507, "over_quota"), names: nil, fails: true},
		{name: "name taken", exists: coffer.Fail, before: true, fault: func(r *http.Request, n http.RoundTripper) (*http.Response, error) { return n.RoundTrip(r) }, names: []string{"a"}, versions: 1, fails: true},
	}
	s := coffertest.New(t, coffertest.Options{})
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			c, network, root := person(t, s)
			folder, err := c.Mkdir(t.Context(), root.ID, r.name, coffer.Fail)
			if err != nil {
				t.Fatal(err)
			}
			if r.before {
				if _, err := c.Upload(t.Context(), upload(folder.ID, "a", []byte("before"))); err != nil {
					t.Fatal(err)
				}
			}
			b := content(9, 3<<20)
			up := upload(folder.ID, "a", b)
			up.IfExists = r.exists
			var moved int64
			up.Progress = func(n int64) { moved += n }
			network.fault = once(always, r.fault)
			n, err := c.Upload(t.Context(), up)
			network.fault = nil
			if (err != nil) != r.fails {
				t.Fatalf("err = %v, want failure %v", err, r.fails)
			}
			var names []string
			for child, err := range c.Children(t.Context(), folder.ID) {
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, child.Name)
			}
			if !slices.Equal(names, r.names) {
				t.Errorf("names %q, want %q", names, r.names)
			}
			if r.fails {
				return
			}
			if moved != int64(len(b)) {
				t.Errorf("progress %d, want %d", moved, len(b))
			}
			if n.Number != r.versions {
				t.Errorf("version %d, want %d", n.Number, r.versions)
			}
			var got bytes.Buffer
			if err := c.Download(t.Context(), n, &got, nil); err != nil || !bytes.Equal(got.Bytes(), b) {
				t.Errorf("came back: %d bytes, %v", got.Len(), err)
			}
		})
	}
}

// cutBody lets half of the body through and breaks the connection.
func cutBody(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	req = req.Clone(req.Context())
	body := req.Body
	req.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(body, 1<<20), failing{}), body}
	_, err := next.RoundTrip(req)
	if err == nil {
		err = errors.New("the cut request was answered")
	}
	return nil, err
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the network broke") }

// answer stands in for the server with a status.
func answer(status int, code string) func(*http.Request, http.RoundTripper) (*http.Response, error) {
	return func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		req.Body.Close()
		h := http.Header{"Retry-After": {"0"}}
		body := "<html>sorry</html>"
		if code != "" {
			h.Set("Content-Type", "application/problem+json")
			body = fmt.Sprintf(`{"status":%d,"code":%q,"detail":"Try later.","ref":"7Q2M-4K"}`, status, code)
		}
		if code == "limited" {
			h.Set("Retry-After", "1")
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: req, ProtoMajor: 1, ProtoMinor: 1}, nil
	}
}

// breaking is an answer's body that ends early.
type breaking struct {
	io.Reader
	io.Closer
}

// TestDownloadResumes: the connection breaks again and again, the content is
// asked for from where it broke, and is right.
func TestDownloadResumes(t *testing.T) {
	s := coffertest.New(t, coffertest.Options{})
	c, network, root := person(t, s)
	b := content(3, 5<<20+11)
	n, err := c.Upload(t.Context(), upload(root.ID, "big", b))
	if err != nil {
		t.Fatal(err)
	}
	var ranges []string
	network.fault = func(_ int, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		ranges = append(ranges, req.Header.Get("Range"))
		resp, err := next.RoundTrip(req)
		if err == nil && len(ranges) < 12 && len(ranges)%3 != 0 {
			resp.Body = breaking{io.MultiReader(io.LimitReader(resp.Body, 700_001), failing{}), resp.Body}
		} else if err == nil && len(ranges) < 12 {
			resp.Body.Close()
			return nil, errors.New("broke before the answer")
		}
		return resp, err
	}
	var got bytes.Buffer
	var moved int64
	if err := c.Download(t.Context(), n, &got, func(n int64) { moved += n }); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), b) || moved != int64(len(b)) {
		t.Errorf("%d bytes, progress %d", got.Len(), moved)
	}
	if ranges[0] != "" || ranges[1] != fmt.Sprintf("bytes=700001-%d", len(b)-1) || len(ranges) < 10 {
		t.Errorf("ranges %q", ranges)
	}

	// Changed in between: never a mixture.
	calls := 0
	network.fault = func(_ int, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if calls++; calls > 1 {
			return next.RoundTrip(req)
		}
		resp, err := next.RoundTrip(req)
		if err == nil {
			resp.Body = breaking{io.MultiReader(io.LimitReader(resp.Body, 700_001), failing{}), resp.Body}
			up := upload(root.ID, "big", content(4, len(b)))
			up.IfExists = coffer.Replace
			if _, err := c.Upload(context.Background(), up); err != nil {
				t.Error(err)
			}
		}
		return resp, err
	}
	got.Reset()
	if err := c.Download(t.Context(), n, &got, nil); err != nil || !bytes.Equal(got.Bytes(), b) {
		t.Errorf("changed in between: %v, %d bytes", err, got.Len())
	}

	// A flipped bit on the way is found.
	network.fault = func(_ int, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err == nil && strings.HasSuffix(req.URL.Path, "/content") {
			resp.Body = breaking{flip{resp.Body}, resp.Body}
		}
		return resp, err
	}
	if err := c.Download(t.Context(), n, io.Discard, nil); err == nil || coffer.KindOf(err) != coffer.Corrupt {
		t.Errorf("flipped bit: %v", err)
	}
}

type flip struct{ r io.Reader }

func (f flip) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if n > 0 {
		p[n/2] ^= 1
	}
	return n, err
}

// TestStall: a transfer in which nothing moves is tried again, and given up
// when that does not help.
func TestStall(t *testing.T) {
	s := coffertest.New(t, coffertest.Options{})
	c, network, root := person(t, s)
	n, err := c.Upload(t.Context(), upload(root.ID, "a", content(1, 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	quick, err := client.New(s.URL, client.Options{Token: c.Token(), Transport: network, Pause: time.Millisecond, Stall: 30 * time.Millisecond, Tries: 3})
	if err != nil {
		t.Fatal(err)
	}
	stuck := 0
	network.fault = func(_ int, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		stuck++
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	if err := quick.Download(t.Context(), n, io.Discard, nil); err == nil || coffer.KindOf(err) != coffer.Busy || stuck != 3 {
		t.Errorf("download: %v after %d tries", err, stuck)
	}
	stuck = 0
	if _, err := quick.Upload(t.Context(), upload(root.ID, "b", []byte("x"))); err == nil || coffer.KindOf(err) != coffer.Busy || stuck != 3 {
		t.Errorf("upload: %v after %d tries", err, stuck)
	}
	ctx, cancel := context.WithCancel(t.Context())
	network.fault = func(_ int, req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		cancel()
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	if _, err := c.Upload(ctx, upload(root.ID, "c", []byte("x"))); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestNotRepeated: what may not be done twice is not sent twice.
func TestNotRepeated(t *testing.T) {
	s := coffertest.New(t, coffertest.Options{})
	c, network, root := person(t, s)
	sent := 0
	network.fault = func(_ int, req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		sent++
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, &net.OpError{Op: "read", Err: errors.New("connection reset")}
	}
	if _, err := c.Mkdir(t.Context(), root.ID, "x", coffer.KeepBoth); err == nil || sent != 1 {
		t.Errorf("mkdir: %v, sent %d times", err, sent)
	}
	sent = 0
	if _, err := c.Me(t.Context()); err == nil || sent != 6 {
		t.Errorf("me: %v, sent %d times", err, sent)
	}
	sent = 0
	up := upload(root.ID, "pipe", []byte("only once"))
	up.Rewind = false
	if _, err := c.Upload(t.Context(), up); err == nil || sent != 1 {
		t.Errorf("pipe: %v, sent %d times", err, sent)
	}
}

func TestServerAddress(t *testing.T) {
	for addr, ok := range map[string]bool{
		"https://files.example.org": true, "https://files.example.org/": true, "https://files.example.org:8443": true,
		"http://127.0.0.1:8080": true, "http://localhost": true, "http://[::1]:1": true,
		"http://files.example.org": false, "http://127.0.0.1.example.org": false, "files.example.org": false, "ftp://x": false,
		"https://me:secret@x": false, "https://x/path": false, "https://x?q=1": false, "https://x#f": false, "": false, "https://": false,
	} {
		if _, err := client.New(addr, client.Options{}); (err == nil) != ok {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

// TestTokenStaysHome: a redirect does not carry the token elsewhere.
func TestTokenStaysHome(t *testing.T) {
	s := coffertest.New(t, coffertest.Options{})
	c, network, _ := person(t, s)
	hosts := 0
	network.fault = func(_ int, req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		hosts++
		return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {"https://elsewhere.example.org/"}}, Body: http.NoBody, Request: req}, nil
	}
	if _, err := c.Me(t.Context()); err == nil || hosts != 1 {
		t.Errorf("redirected: %v, %d requests", err, hosts)
	}
}
