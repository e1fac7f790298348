package coffertest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer/internal/blob"
	"coffer/internal/wire"
)

// noise is n bytes that do not repeat.
func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	return b
}

// dial sends the head of a request by hand, and leaves the rest to the test.
func (p *Person) dial(method, path string, header ...string) (net.Conn, *bufio.Reader) {
	p.S.T.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(p.S.URL, "http://"))
	if err != nil {
		p.S.T.Fatal(err)
	}
	p.S.T.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "%s /api/v1%s HTTP/1.1\r\nHost: %s\r\nCookie: __Host-sid=%s\r\n%s\r\n\r\n", method, path, strings.TrimPrefix(p.S.URL, "http://"), p.Session, strings.Join(header, "\r\n"))
	return c, bufio.NewReader(c)
}

// eventually asks until the answer is yes.
func eventually(t testing.TB, what string, yes func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !yes() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s: not in 20 s", what)
		}
	}
}

func (p *Person) children() []wire.Node {
	p.S.T.Helper()
	var l wire.List[wire.Node]
	p.Do("GET", "/nodes/"+p.Root().String()+"/children", nil).Want(200).JSON(&l)
	return l.Items
}

// TestCutUpload: a client that goes away in the middle leaves nothing: no file,
// no reserved bytes, no staged blob.
func TestCutUpload(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{Disk: true})
		ann := s.Person("Ann")
		kept := ann.put("kept.bin", []byte("first"))
		blobs := func() (n int) {
			if err := s.Store.List(context.Background(), "", func(blob.Entry) error { n++; return nil }); err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := blobs()
		for _, length := range []string{"Content-Length: 8000000", "Transfer-Encoding: chunked"} {
			for _, path := range []string{"/nodes/" + ann.Root().String() + "/files?name=cut.bin", contentOf(kept)} {
				c, _ := ann.dial("PUT", path, length)
				body := noise(1, 3<<20)
				if strings.HasPrefix(length, "Transfer") {
					fmt.Fprintf(c, "%x\r\n", len(body))
				}
				if _, err := c.Write(body); err != nil {
					t.Fatal(err)
				}
				eventually(t, "the upload has begun", func() bool { return ann.Space().Reserved > 0 })
				c.Close()
				eventually(t, "reserved bytes are free again", func() bool { return ann.Space().Reserved == 0 })
				eventually(t, "the staged blob is gone", func() bool { return blobs() == before })
			}
		}
		if list := ann.children(); len(list) != 1 || list[0].VersionID != kept.VersionID {
			t.Errorf("something became visible: %+v", list)
		}
		if used := ann.Space().Used; used != 5 {
			t.Errorf("%d bytes used", used)
		}
		ann.put("cut.bin", []byte("now whole"))
	})
}

// TestRefusedUploadCostsNothing: with Expect: 100-continue, what will not be
// accepted is refused before the body is sent.
func TestRefusedUploadCostsNothing(t *testing.T) {
	s := New(t, Options{})
	ann := s.Person("Ann")
	ann.put("taken.bin", []byte("x"))
	files := "/nodes/" + ann.Root().String() + "/files?name="
	for path, status := range map[string]int{files + "taken.bin": 409, files + "a%2Fb": 422, "/nodes/" + strings.Repeat("0", 25) + "1/files?name=x": 404} {
		_, br := ann.dial("PUT", path, "Content-Length: 5000000000", "Expect: 100-continue")
		res, err := http.ReadResponse(br, nil)
		if err != nil || res.StatusCode != status {
			t.Errorf("%s: %v %v, want %d", path, res, err, status)
		}
	}
	c, br := ann.dial("PUT", files+"new.bin", "Content-Length: 5", "Expect: 100-continue")
	if line, err := br.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("%q %v", line, err)
	}
	br.ReadString('\n')
	io.WriteString(c, "hello")
	if res, err := http.ReadResponse(br, nil); err != nil || res.StatusCode != 201 {
		t.Errorf("%v %v", res, err)
	}
}

// TestSlowClients: slow is fine, still is not.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	s := New(t, Options{Idle: 1500 * time.Millisecond})
	ann := s.Person("Ann")
	path := "/nodes/" + ann.Root().String() + "/files?name=slow.bin"
	c, br := ann.dial("PUT", path, "Content-Length: 98304")
	tick := time.NewTicker(400 * time.Millisecond)
	defer tick.Stop()
	for range 6 {
		<-tick.C
		c.Write(make([]byte, 16<<10))
	}
	if res, err := http.ReadResponse(br, nil); err != nil || res.StatusCode != 201 {
		t.Fatalf("a slow upload: %v %v", res, err)
	}

	ann.dial("PUT", strings.Replace(path, "slow", "still", 1), "Content-Length: 50000000")
	eventually(t, "the upload has begun", func() bool { return ann.Space().Reserved > 0 })
	big := noise(2, 24<<20)
	f := ann.put("big.bin", big)
	eventually(t, "an upload that stands still is given up", func() bool { return ann.Space().Reserved == 0 })
	if list := ann.children(); len(list) != 2 {
		t.Errorf("visible: %+v", list)
	}

	// A download that takes its time, each step shorter than the idle time.
	c, br = ann.dial("GET", contentOf(f), "Accept: */*")
	c.(*net.TCPConn).SetReadBuffer(64 << 10)
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for range 6 {
		<-tick.C
		if _, err := io.CopyN(sum, res.Body, 4<<20); err != nil {
			t.Fatalf("a slow download: %v", err)
		}
	}
	if want := sha256.Sum256(big); !bytes.Equal(sum.Sum(nil), want[:]) {
		t.Error("other bytes")
	}
}

// TestDamageCutsTheDownload: whoever downloads a damaged file gets its authentic
// beginning and a failure; never other bytes, and never what looks complete.
func TestDamageCutsTheDownload(t *testing.T) {
	t.Parallel()
	s := New(t, Options{Disk: true})
	ann := s.Person("Ann")
	content := noise(3, 3<<20)
	f := ann.put("a.bin", content)
	flip := func(at int64) {
		found := 0
		err := filepath.WalkDir(filepath.Join(s.Data, "blobs"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			file, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer file.Close()
			one := make([]byte, 1)
			if n, _ := file.ReadAt(one, at); n == 0 {
				return nil // the marker
			}
			found++
			one[0] ^= 1
			_, err = file.WriteAt(one, at)
			return err
		})
		if err != nil || found != 1 {
			t.Fatalf("damaged %d blobs: %v", found, err)
		}
	}

	flip(2 << 20)
	res, err := ann.Send("GET", contentOf(f), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err == nil || res.StatusCode != 200 || len(got) < 1<<20 || !bytes.HasPrefix(content, got) {
		t.Errorf("%d, %d bytes, %v", res.StatusCode, len(got), err)
	}
	if part := ann.Do("GET", contentOf(f), nil, "Range", "bytes=0-99").Want(206); !bytes.Equal(part.Body, content[:100]) {
		t.Error("what is not damaged cannot be read")
	}
	ann.Do("GET", contentOf(f), nil, "Range", fmt.Sprintf("bytes=%d-", 2<<20-4096)).Problem(500, "damaged")
	if !strings.Contains(s.Log.String(), "level=ERROR msg=request") {
		t.Error("the log says nothing of the damage")
	}
	flip(2 << 20)
	if got := ann.Do("GET", contentOf(f), nil).Want(200); !bytes.Equal(got.Body, content) {
		t.Error("the repaired file is another")
	}
}

// TestCutDownload: a client that goes away in the middle harms nobody.
func TestCutDownload(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	ann := s.Person("Ann")
	content := noise(4, 16<<20)
	f := ann.put("a.bin", content)
	for range 20 { // more than there are turns: each must be given back
		ctx, cancel := context.WithCancel(context.Background())
		res, err := s.http.Do(ann.Request("GET", contentOf(f), nil).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, res.Body, 1<<20); err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.Copy(io.Discard, res.Body); !errors.Is(err, context.Canceled) {
			t.Fatalf("after the cut: %v", err)
		}
		res.Body.Close()
	}
	if got := ann.Do("GET", contentOf(f), nil).Want(200); !bytes.Equal(got.Body, content) {
		t.Error("other bytes")
	}
}

// TestManyAtOnce: several people work at the same time; run with -race.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{Disk: true})
		var people []*Person
		for i := range 3 {
			people = append(people, s.Person(fmt.Sprintf("P%d", i)))
		}
		var wg sync.WaitGroup
		for i, p := range people {
			root := p.Root().String()
			for j := range 12 {
				wg.Go(func() {
					content := noise(byte(i*100+j), 1000*(j+1)*(j+1))
					res := p.Do("PUT", "/nodes/"+root+"/files?if_exists=keep_both&name=same.bin", content)
					if res.Status != 201 {
						t.Errorf("%d %s", res.Status, res.Body)
						return
					}
					n := res.Node()
					sum := sha256.Sum256(content)
					if n.SHA256 != hex.EncodeToString(sum[:]) {
						t.Error("another digest")
					}
					name := fmt.Sprintf("renamed %d.bin", j)
					if res := p.Do("PATCH", "/nodes/"+n.ID.String(), wire.NodePatch{Name: &name}); res.Status != 200 {
						t.Errorf("%d %s", res.Status, res.Body)
					}
					if got := p.Do("GET", contentOf(n), nil); got.Status != 200 || !bytes.Equal(got.Body, content) {
						t.Errorf("%d, %d bytes", got.Status, len(got.Body))
					}
					p.Do("GET", "/nodes/"+root+"/children", nil)
					if j%3 == 0 {
						p.Do("DELETE", "/nodes/"+n.ID.String(), nil)
					}
				})
			}
		}
		wg.Wait()
		for _, p := range people {
			if list, space := p.children(), p.Space(); len(list) != 8 || space.Reserved != 0 || space.Used != 650_000 {
				t.Errorf("%s: %d files, %+v", p.Name, len(list), space)
			}
		}
	})
}
