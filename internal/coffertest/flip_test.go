package coffertest

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/db"
	"coffer/internal/files"
	"coffer/internal/server"
	"coffer/internal/wire"
)

// badDisk is a store that reads one bit wrong, or other lengths and blobs than
// were stored. Zero: all is well.
type badDisk struct {
	blob.Store
	mu   sync.Mutex
	flip int64     // bit of every blob, from 1 on
	cut  int64     // bytes that are missing at the end; negative: so many more
	from coffer.ID // the blob that is read in place of every other
}

func (s *badDisk) set(flip, cut int64, from coffer.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flip, s.cut, s.from = flip, cut, from
}

func (s *badDisk) Open(ctx context.Context, id coffer.ID) (blob.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.from.IsZero() {
		id = s.from
	}
	obj, err := s.Store.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	return badObject{obj, s.flip - 1, s.cut}, nil
}

type badObject struct {
	blob.Object
	flip, cut int64
}

func (o badObject) Size() int64 { return o.Object.Size() - o.cut }

func (o badObject) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.Object.ReadAt(p, off)
	if at := o.flip/8 - off; o.flip >= 0 && at >= 0 && at < int64(n) {
		p[at] ^= 1 << (o.flip % 8)
	}
	return n, err
}

// A region of a blob of four chunks, in bytes, and how much of the plaintext
// stands before it.
type region struct {
	name     string
	from, to int64
	prefix   int
}

const chunk, sealedChunk, header = 16384, 16400, 56

func regions(size int) []region {
	last := int64(header + 3*sealedChunk)
	return []region{
		{"salt", 0, 24, 0},
		{"commitment", 24, header, 0},
		{"first chunk", header, header + chunk, 0},
		{"tag of the first chunk", header + chunk, header + sealedChunk, 0},
		{"third chunk", header + 2*sealedChunk, header + 2*sealedChunk + chunk, 2 * chunk},
		{"tag of the third chunk", header + 2*sealedChunk + chunk, last, 2 * chunk},
		{"last chunk", last, last + int64(size-3*chunk), 3 * chunk},
		{"last tag", last + int64(size-3*chunk), last + int64(size-3*chunk) + 16, 3 * chunk},
	}
}

// flips is how many bits of each region are tried.
func flips() int {
	if os.Getenv("COFFER_SOAK") != "" {
		return 200
	}
	return 3
}

// TestFlips turns single bits of a stored file, in every region, and reads it
// through every door: each time the damage is noticed, the right file is named,
// no byte behind the authentic prefix leaves, and the transfer is visibly not
// whole.
func TestFlips(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := &badDisk{}
			o := Options{Edit: func(o *server.Options) { disk.Store = o.Store; o.Store = disk }}
			if secure {
				cert, pool := certificate(t)
				o.TLS, o.Trust = &tls.Config{Certificates: []tls.Certificate{cert}}, &tls.Config{RootCAs: pool}
			}
			s := New(t, o)
			ann := s.Person("Ann")
			text := bytes.Repeat([]byte("What is written here is shown inline, too. "), 1200)[:50_000]
			f := ann.put("letter.txt", text)
			ann.put("other.txt", []byte("other"))
			copied := ann.Do("POST", "/nodes/"+f.ID.String()+"/copy", wire.Copy{ParentID: ann.Root(), Name: "copy.txt"}).Want(201).Node()
			rng := rand.New(rand.NewPCG(1, uint64(len(name))))
			for _, r := range regions(len(text)) {
				for range flips() {
					bit := r.from*8 + rng.Int64N((r.to-r.from)*8)
					disk.set(bit+1, 0, coffer.ID{})
					what := fmt.Sprintf("%s, bit %d", r.name, bit)
					for door, id := range map[string]coffer.ID{"GET": f.ID, "GET of the copy": copied.ID} {
						ann.wantPrefix(what+", "+door, "/nodes/"+id.String()+"/content", "", text[:r.prefix], secure)
					}
					// A range that ends behind the damage, and one before it.
					ann.wantPrefix(what+", range", contentOf(f), "bytes=10-49999", text[min(10, r.prefix):r.prefix], secure)
					if r.prefix > 0 {
						if got := ann.Do("GET", contentOf(f), nil, "Range", "bytes=100-299"); got.Status != 206 || !bytes.Equal(got.Body, text[100:300]) {
							t.Errorf("%s: a range before it: %d", what, got.Status)
						}
					}
					if got := ann.Do("GET", contentOf(f)+"?inline=1", nil); got.Status != 500 || bytes.Contains(got.Body, []byte("written")) {
						t.Errorf("%s, inline: %d %.40q", what, got.Status, got.Body)
					}
					wantDamagedZip(t, ann, what, f)
				}
				if r.name == "third chunk" || r.name == "salt" {
					wantFound(t, s, r.name, f, copied)
				}
			}
			// Cut, longer, and another blob in its place.
			disk.set(0, 0, coffer.ID{})
			other := s.blobOf(ann.put("third.txt", text).ID)
			for what, set := range map[string]func(){
				"a byte is missing":      func() { disk.set(0, 1, coffer.ID{}) },
				"a chunk is missing":     func() { disk.set(0, 848+16, coffer.ID{}) },
				"a byte too many":        func() { disk.set(0, -1, coffer.ID{}) },
				"another file's content": func() { disk.set(0, 0, other) },
			} {
				set()
				ann.wantPrefix(what, contentOf(f), "", nil, secure)
				wantFound(t, s, what, f, copied)
			}
			disk.set(0, 0, coffer.ID{})
			if got := ann.Do("GET", contentOf(f), nil).Want(200); !bytes.Equal(got.Body, text) {
				t.Error("the file itself is not what it was")
			}
			if !strings.Contains(s.Log.String(), f.ID.String()) || !strings.Contains(s.Log.String(), "damaged") {
				t.Error("the log does not name the file")
			}
		})
	}
}

// wantPrefix gets a path, and wants an error in words, or this prefix and then
// a broken transfer; never more, never a good end.
func (p *Person) wantPrefix(what, path, ranges string, prefix []byte, secure bool) {
	p.S.T.Helper()
	r := p.Request("GET", path, nil)
	if ranges != "" {
		r.Header.Set("Range", ranges)
	}
	res, err := p.S.http.Do(r)
	if err != nil {
		p.S.T.Errorf("%s: %v", what, err)
		return
	}
	defer res.Body.Close()
	if secure != (res.ProtoMajor == 2) {
		p.S.T.Errorf("%s: spoken was %s", what, res.Proto)
	}
	got, err := io.ReadAll(res.Body)
	switch {
	case res.StatusCode == http.StatusInternalServerError && bytes.Contains(got, []byte(`"code":"damaged"`)):
		if len(prefix) > 0 {
			p.S.T.Errorf("%s: %d good bytes were kept back", what, len(prefix))
		}
	case res.StatusCode != http.StatusOK && res.StatusCode != http.StatusPartialContent:
		p.S.T.Errorf("%s: %d %.100q", what, res.StatusCode, got)
	case err == nil:
		p.S.T.Errorf("%s: %d bytes and a good end", what, len(got))
	case !bytes.Equal(got, prefix):
		p.S.T.Errorf("%s: %d bytes, want the %d authentic ones", what, len(got), len(prefix))
	}
}

// wantDamagedZip reads an archive with the damaged file and a good one.
func wantDamagedZip(t *testing.T, ann *Person, what string, f wire.Node) {
	t.Helper()
	var address wire.Zip
	ann.Do("POST", "/zip", wire.NewZip{IDs: []coffer.ID{f.ID}}).Want(201).JSON(&address)
	res, err := ann.Send("GET", address.URL, nil)
	if err != nil {
		t.Errorf("%s, ZIP: %v", what, err)
		return
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil {
		t.Errorf("%s, ZIP: %d bytes and a good end", what, len(b))
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return // cut before its directory: visible to everybody
	}
	listed := false
	for _, e := range z.File {
		in, err := e.Open()
		if err != nil {
			continue
		}
		got, err := io.ReadAll(in)
		if e.Name == "DAMAGED FILES.txt" {
			listed = bytes.Contains(got, []byte("letter.txt"))
		} else if err == nil {
			t.Errorf("%s, ZIP: %s unpacks without an error", what, e.Name)
		}
	}
	if !listed {
		t.Errorf("%s, ZIP: the archive does not name the file", what)
	}
}

// wantFound wants the check to name these files.
func wantFound(t *testing.T, srv *Server, what string, damaged ...wire.Node) {
	t.Helper()
	r, err := srv.Files().Check(t.Context(), files.CheckOptions{ReadData: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range damaged {
		found := false
		for _, p := range r.Problems {
			found = found || strings.Contains(p.Where, f.ID.String())
		}
		if !found {
			t.Errorf("%s: the check does not name %s: %+v", what, f.Name, r.Problems)
		}
	}
}

// blobOf returns the blob of a file's current version.
func (s *Server) blobOf(file coffer.ID) (id coffer.ID) {
	s.T.Helper()
	err := s.DB.View(context.Background(), func(tx *db.Tx) error {
		n, err := tx.Node(file)
		if err != nil {
			return err
		}
		v, err := tx.Version(file, n.VersionID)
		id = v.BlobID
		return err
	})
	if err != nil {
		s.T.Fatal(err)
	}
	return id
}

// TestRecordFlips turns single bits of the sealed records that lead to a file:
// its own key and the key of its space.
func TestRecordFlips(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann := s.Person("Ann")
		f := ann.put("letter.txt", []byte("the letter"))
		space := ann.Space().ID
		const all = 1000 // a version higher than any
		for _, c := range db.SealedColumns() {
			if c.Name() != "version.dek_sealed" && c.Name() != "space_key.sealed" {
				continue
			}
			var rec db.SealedRecord
			err := s.DB.View(t.Context(), func(tx *db.Tx) error {
				recs, err := tx.SealedBelow(c, space, all, 10)
				for _, r := range recs {
					if r.SpaceID == space {
						rec = r
					}
				}
				return err
			})
			if err != nil || len(rec.Sealed) == 0 {
				t.Fatalf("%s: %v", c.Name(), err)
			}
			put := func(from, to []byte) {
				t.Helper()
				err := s.DB.Update(t.Context(), func(tx *db.Tx) error {
					r := rec
					r.Sealed = from
					done, err := tx.Reseal(c, r, rec.Version, to)
					if err == nil && !done {
						err = fmt.Errorf("%s was not changed", c.Name())
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			step := len(rec.Sealed) / (3 * flips())
			for at := 0; at < len(rec.Sealed); at += max(step, 1) {
				bad := bytes.Clone(rec.Sealed)
				bad[at] ^= 1 << (at % 8)
				put(rec.Sealed, bad)
				for _, path := range []string{contentOf(f), contentOf(f) + "?inline=1", "/nodes/" + f.ID.String()} {
					got := ann.Do("GET", path, nil)
					if bytes.Contains(got.Body, []byte("the letter")) || got.Status == 200 && path == contentOf(f) {
						t.Errorf("%s, byte %d, %s: %d %q", c.Name(), at, path, got.Status, got.Body)
					}
				}
				wantFound(t, s, fmt.Sprintf("%s, byte %d", c.Name(), at), f)
				put(bad, rec.Sealed)
			}
		}
		if got := ann.Do("GET", contentOf(f), nil).Want(200); string(got.Body) != "the letter" {
			t.Error("the file itself is not what it was")
		}
	})
}
