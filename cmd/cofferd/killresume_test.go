package main_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path"
	"strconv"
	"syscall"
	"testing"
	"time"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/db/dbtest"
)

// TestKillResume kills the server at random moments of uploads that arrive in
// several requests. What it said has arrived is there after the next start, the
// upload goes on from where it says, and the files are those that were sent.
func TestKillResume(t *testing.T) {
	t.Parallel() // it mostly waits for the leases of killed servers
	dbtest.EachDSN(t, func(t *testing.T, newDSN func() string) {
		rng := seeded(t)
		in := newInstallation(t, newDSN())
		in.ann()
		p := in.serve()
		c, err := client.New(p.url, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Login(t.Context(), "ann@example.org", password, "test"); err != nil {
			t.Fatal(err)
		}
		root, err := c.Resolve(t.Context(), "/")
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, 20<<20+333)
		rand.NewChaCha8([32]byte{1}).Read(data)
		u := &slowUpload{token: c.Token(), data: data}
		done := 0
		for round := range max(kills()/8, 3) { // few: on PostgreSQL each waits for a lease
			u.url = p.url
			if u.id == "" {
				u.begin(t, root.ID, fmt.Sprintf("r%d.bin", round))
			}
			after := time.Duration(rng.IntN(300)) * time.Millisecond
			kill := time.AfterFunc(after, func() { p.cmd.Process.Signal(syscall.SIGKILL) })
			told, sent, whole := u.send(rng)
			kill.Stop()
			p.stop(syscall.SIGKILL)
			p = in.serve()
			u.url = p.url
			off, ok := u.offset(t)
			if !ok || off < told || off > sent {
				t.Fatalf("round %d: %d bytes were told to be there and %d were sent; the upload stands at %d (found: %v)", round, told, sent, off, ok)
			}
			t.Logf("round %d: killed after %v, at %d", round, after, off)
			u.off = off
			if whole || round%3 == 2 {
				node := u.finish(t)
				if c, err = client.New(p.url, client.Options{Token: u.token}); err != nil {
					t.Fatal(err)
				}
				n, err := c.Stat(t.Context(), node)
				if err != nil {
					t.Fatal(err)
				}
				var got bytes.Buffer
				if err := c.Download(t.Context(), n, &got, nil); err != nil || !bytes.Equal(got.Bytes(), data) {
					t.Fatalf("round %d: %d bytes came back, %v", round, got.Len(), err)
				}
				u.id, done = "", done+1
			}
		}
		if done == 0 {
			t.Error("no upload came to its end")
		}
		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Errorf("the server ended with %v", err)
		}
		wantNoDamage(t, in)
	})
}

// slowUpload is a tus client that sends small requests.
type slowUpload struct {
	url, token, id string
	data           []byte
	off            int64 // told by the server
}

func (u *slowUpload) do(method, id string, body io.Reader, header ...string) (*http.Response, error) {
	req, err := http.NewRequest(method, u.url+"/api/v1/uploads"+id, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+u.token)
	req.Header.Set("Tus-Resumable", "1.0.0")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res, err
}

func (u *slowUpload) begin(t *testing.T, parent coffer.ID, name string) {
	t.Helper()
	code := base64.StdEncoding.EncodeToString
	res, err := u.do("POST", "", nil, "Upload-Length", strconv.Itoa(len(u.data)), "Upload-Metadata", "parent "+code([]byte(parent.String()))+",name "+code([]byte(name)))
	if err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("beginning: %v %v", res, err)
	}
	u.id, u.off = "/"+path.Base(res.Header.Get("Location")), 0
}

func (u *slowUpload) patch(n int64) (*http.Response, error) {
	return u.do("PATCH", u.id, bytes.NewReader(u.data[u.off:u.off+n]), "Content-Type", "application/offset+octet-stream", "Upload-Offset", strconv.FormatInt(u.off, 10))
}

// send sends until the server is gone. told is how much it said has arrived,
// sent how much was on its way at most.
func (u *slowUpload) send(rng *rand.Rand) (told, sent int64, whole bool) {
	size := int64(len(u.data))
	for u.off < size {
		n := min(size-u.off, 1+rng.Int64N(6<<20))
		sent = u.off + n
		res, err := u.patch(n)
		if err != nil || res.StatusCode != http.StatusNoContent {
			return u.off, sent, false
		}
		u.off += n
	}
	return size, size, true
}

// offset waits for the lease of the dead, if need be.
func (u *slowUpload) offset(t *testing.T) (int64, bool) {
	t.Helper()
	for {
		res, err := u.do("HEAD", u.id, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode == http.StatusLocked { // the server waits before it says so
			continue
		}
		off, err := strconv.ParseInt(res.Header.Get("Upload-Offset"), 10, 64)
		return off, err == nil
	}
}

func (u *slowUpload) finish(t *testing.T) coffer.ID {
	t.Helper()
	if u.off < int64(len(u.data)) {
		if res, err := u.patch(int64(len(u.data)) - u.off); err != nil || res.StatusCode != http.StatusNoContent {
			t.Fatalf("the rest: %v %v", res, err)
		}
	}
	res, err := u.do("HEAD", u.id, nil)
	if err != nil {
		t.Fatal(err)
	}
	id, err := coffer.ParseID(res.Header.Get("Coffer-Node"))
	if err != nil {
		t.Fatalf("a finished upload names no file: %v", res.Header)
	}
	return id
}
