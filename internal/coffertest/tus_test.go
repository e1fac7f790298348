package coffertest

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/files"
	"coffer/internal/wire"
)

const part = 8 << 20 // bytes of a part up to 64 GiB

// tusUpload is an upload as a client of tus 1.0 sees it.
type tusUpload struct {
	p  *Person
	id string
}

func metadata(pairs ...string) string {
	var all []string
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(all, ",")
}

// tus begins an upload. length < 0 leaves it open.
func (p *Person) tus(length int64, meta string, header ...string) tusUpload {
	p.S.T.Helper()
	return tusUpload{p, path.Base(p.tusPost(length, meta, header...).Want(201).Header.Get("Location"))}
}

func (p *Person) tusPost(length int64, meta string, header ...string) *Response {
	p.S.T.Helper()
	h := append([]string{"Tus-Resumable", "1.0.0", "Upload-Metadata", meta}, header...)
	if length >= 0 {
		h = append(h, "Upload-Length", strconv.FormatInt(length, 10))
	} else if !slices.Contains(header, "Upload-Concat") || header[len(header)-1] == "partial" {
		h = append(h, "Upload-Defer-Length", "1")
	}
	return p.Do("POST", "/uploads", nil, h...)
}

func (p *Person) here(name string, more ...string) string {
	return metadata(append([]string{"parent", p.Root().String(), "name", name}, more...)...)
}

func (u tusUpload) patch(offset int64, body any, header ...string) *Response {
	u.p.S.T.Helper()
	return u.p.Do("PATCH", "/uploads/"+u.id, body, append([]string{"Tus-Resumable", "1.0.0", "Content-Type", "application/offset+octet-stream",
		"Upload-Offset", strconv.FormatInt(offset, 10)}, header...)...)
}

func (u tusUpload) head() *Response {
	return u.p.Do("HEAD", "/uploads/"+u.id, nil, "Tus-Resumable", "1.0.0")
}

func (u tusUpload) offset() int64 {
	u.p.S.T.Helper()
	n, err := strconv.ParseInt(u.head().Want(200).Header.Get("Upload-Offset"), 10, 64)
	if err != nil {
		u.p.S.T.Fatal(err)
	}
	return n
}

// cut sends some bytes and breaks the connection before the body ends.
func (u tusUpload) cut(offset int64, b []byte, announced int64) {
	u.p.S.T.Helper()
	req := u.p.Request("PATCH", "/uploads/"+u.id, io.MultiReader(bytes.NewReader(b), iotest.ErrReader(errors.New("cut"))), "Tus-Resumable", "1.0.0",
		"Content-Type", "application/offset+octet-stream", "Upload-Offset", strconv.FormatInt(offset, 10))
	req.ContentLength = announced
	if res, err := u.p.S.http.Do(req); err == nil {
		res.Body.Close()
	}
}

// rest sends all that is missing. A request that was cut may be on its way
// still, and move the offset once more.
func (u tusUpload) rest(data []byte) {
	u.p.S.T.Helper()
	for {
		off := u.offset()
		if res := u.patch(off, data[off:]); res.Status != http.StatusConflict {
			res.Want(204)
			return
		}
	}
}

// wantFile fails unless the file that an upload became has the bytes, and in
// time their sum.
func (u tusUpload) wantFile(data []byte) wire.Node {
	u.p.S.T.Helper()
	h := u.head().Want(200).Header
	if got, want := h.Get("Upload-Offset"), strconv.Itoa(len(data)); got != want {
		u.p.S.T.Fatalf("a finished upload stands at %s, want %s", got, want)
	}
	id := h.Get("Coffer-Node")
	if got := u.p.Do("GET", "/nodes/"+id+"/content", nil).Want(200).Body; !bytes.Equal(got, data) {
		u.p.S.T.Fatalf("%d bytes came back, not the %d that were sent", len(got), len(data))
	}
	sum := sha256.Sum256(data)
	var n wire.Node
	eventually(u.p.S.T, "the sum is known", func() bool {
		n = u.p.Do("GET", "/nodes/"+id, nil).Want(200).Node()
		return n.SHA256 != ""
	})
	if n.SHA256 != hex.EncodeToString(sum[:]) {
		u.p.S.T.Fatalf("SHA-256 %s of other bytes", n.SHA256)
	}
	return n
}

func (s *Server) blobs() (published, staged int) {
	s.T.Helper()
	err := s.Store.List(s.T.Context(), "", func(e blob.Entry) error {
		if e.Staged {
			staged++
		} else {
			published++
		}
		return nil
	})
	if err != nil {
		s.T.Fatal(err)
	}
	return published, staged
}

// TestTus tells the ordinary life of uploads that arrive in several requests.
func TestTus(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben := s.Person("Ann"), s.Person("Ben")
		data := noise(7, part+part/2+333)
		size := int64(len(data))

		o := s.Stranger("nobody").Do("OPTIONS", "/uploads", nil).Want(200).Header
		for _, want := range []string{"creation", "creation-with-upload", "creation-defer-length", "termination", "concatenation", "expiration", "checksum"} {
			if !slices.Contains(strings.Split(o.Get("Tus-Extension"), ","), want) {
				t.Errorf("no extension %s in %s", want, o.Get("Tus-Extension"))
			}
		}

		// In one request, then in three that end anywhere, with a reload between.
		u := ann.tus(size, ann.here("one.bin"))
		res := u.patch(0, data).Want(204)
		if res.Header.Get("Upload-Offset") != strconv.FormatInt(size, 10) || res.Header.Get("Coffer-SHA256") == "" || res.Header.Get("Coffer-Part-Size") != strconv.Itoa(part) {
			t.Errorf("the answer to the last byte: %v", res.Header)
		}
		u.wantFile(data)
		u.patch(size, []byte{}).Want(204) // once more does nothing
		if n := len(ann.children()); n != 1 {
			t.Errorf("%d files of one upload", n)
		}

		u = ann.tus(size, ann.here("three.bin"))
		if free := ann.Space(); free.Reserved != size {
			t.Errorf("%d reserved for %d", free.Reserved, size)
		}
		u.patch(0, data[:1000]).Want(204)
		u.patch(1000, data[1000:part]).Want(204)
		if _, err := http.ParseTime(u.head().Header.Get("Upload-Expires")); err != nil {
			t.Error(err)
		}
		u.patch(0, data[:10]).Problem(409, "offset_mismatch")
		u.patch(part+1, data[part+1:]).Problem(409, "offset_mismatch")
		u.patch(part, append(slices.Clone(data[part:]), 'x')).Problem(413, "too_large")
		var list wire.List[wire.Upload]
		ann.Do("GET", "/uploads", nil).Want(200).JSON(&list)
		if len(list.Items) != 1 || list.Items[0].ID.String() != u.id || list.Items[0].Offset != part || *list.Items[0].Size != size || list.Items[0].Name != "three.bin" || *list.Items[0].Parent != ann.Root() {
			t.Errorf("the list of uploads: %+v", list.Items)
		}
		u.patch(part, data[part:]).Want(204)
		u.wantFile(data)
		if sp := ann.Space(); sp.Reserved != 0 || sp.Used != 2*size {
			t.Errorf("used %d, reserved %d", sp.Used, sp.Reserved)
		}

		// Of others: not there. Neither without proof, nor with a smaller scope.
		u = ann.tus(size, ann.here("mine.bin"))
		u.patch(0, data[:5]).Want(204)
		for _, x := range []*Person{ben, s.Owner} {
			theirs := tusUpload{x, u.id}
			theirs.patch(5, data[5:]).Problem(404, "not_found")
			theirs.head().Want(404)
			x.Do("DELETE", "/uploads/"+u.id, nil, "Tus-Resumable", "1.0.0").Problem(404, "not_found")
		}
		s.Stranger("x").Do("POST", "/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "5").Problem(401, "unauthenticated")
		tusUpload{ann.Program(coffer.ScopeFilesRead), u.id}.patch(5, data[5:]).Problem(403, "scope_missing")
		ben.tusPost(5, metadata("parent", ann.Root().String(), "name", "x")).Problem(404, "not_found")
		ann.tusPost(5, ann.here("three.bin")).Problem(409, "name_taken")
		ann.tusPost(5, ann.here("a/b")).Problem(422, "name_invalid")
		ann.tusPost(5, metadata("parent", "nonsense", "name", "x")).Problem(422, "invalid")
		ann.Do("POST", "/uploads", nil, "Upload-Length", "5").Problem(412, "tus_version")

		// Removed: its room and its bytes are free.
		ann.Do("DELETE", "/uploads/"+u.id, nil, "Tus-Resumable", "1.0.0").Want(204)
		u.head().Want(404)
		if sp := ann.Space(); sp.Reserved != 0 {
			t.Errorf("%d reserved after the end", sp.Reserved)
		}

		// A new version, of the one that must be current.
		n := ann.put("v.txt", []byte("first"))
		m := metadata("node", n.ID.String(), "if_match", n.VersionID.String())
		u, late := ann.tus(6, m), ann.tus(6, m)
		u.patch(0, []byte("second")).Want(204)
		u.wantFile([]byte("second"))
		late.patch(0, []byte("third!")).Problem(412, "stale")
		ann.tusPost(6, m).Problem(412, "stale")

		// Nothing, and a length that comes late.
		empty := ann.tus(0, ann.here("empty"))
		empty.wantFile(nil)
		u = ann.tus(-1, ann.here("stream.bin"))
		u.patch(0, data[:part+7]).Want(204)
		u.patch(part+7, data[part+7:part+100]).Want(204)
		u.patch(part+100, []byte{}, "Upload-Length", strconv.Itoa(part+100)).Want(204)
		u.wantFile(data[:part+100])

		// What a refused request wrote over the unfinished part does not count.
		u = ann.tus(-1, ann.here("short.bin"))
		u.patch(0, data[:1000]).Want(204)
		other := sha1.Sum(nil)
		u.patch(1000, data[1000:9000], "Upload-Checksum", "sha1 "+base64.StdEncoding.EncodeToString(other[:])).Problem(460, "checksum_mismatch")
		u.patch(1000, []byte{}, "Upload-Length", "1000").Want(204)
		u.wantFile(data[:1000])

		// Who may write to the same folder has no part in the upload of another.
		shared := ann.Do("POST", "/nodes/"+ann.Root().String()+"/folders", wire.NewFolder{Name: "Shared"}).Want(201).Node().ID
		ann.Do("POST", "/nodes/"+shared.String()+"/grants", wire.NewGrant{Email: ben.Email, Role: "edit"}).Want(201)
		anns := ann.tus(10, metadata("parent", shared.String(), "name", "anns.bin"))
		bens := tusUpload{ben, anns.id}
		bens.head().Want(404)
		bens.patch(0, data[:10]).Problem(404, "not_found")
		ben.Do("DELETE", "/uploads/"+anns.id, nil, "Tus-Resumable", "1.0.0").Problem(404, "not_found")
		anns.patch(0, data[:10]).Want(204)
		bens.head().Want(404) // nor does it tell him what became of it

		// With the bytes of the first request; keep both; a checksum that holds,
		// and one that does not.
		res = ann.Do("POST", "/uploads", data[:4000], "Tus-Resumable", "1.0.0", "Upload-Length", "5000", "Content-Type", "application/offset+octet-stream",
			"Upload-Metadata", ann.here("one.bin", "if_exists", "keep_both")).Want(201)
		u = tusUpload{ann, path.Base(res.Header.Get("Location"))}
		wrong, right := sha1.Sum(data[:1000]), sha256.Sum256(data[4000:5000])
		u.patch(4000, data[4000:5000], "Upload-Checksum", "sha1 "+base64.StdEncoding.EncodeToString(wrong[:])).Problem(460, "checksum_mismatch")
		if u.offset() != 4000 {
			t.Error("bytes with another checksum count")
		}
		u.patch(4000, data[4000:5000], "Upload-Checksum", "md5 abc").Problem(400, "malformed")
		u.patch(4000, data[4000:5000], "Upload-Checksum", "sha256 "+base64.StdEncoding.EncodeToString(right[:])).Want(204)
		if n := u.wantFile(data[:5000]); n.Name != "one (2).bin" {
			t.Errorf("kept both as %q", n.Name)
		}

		// Expired: gone with all it had; of what is finished nothing is forgotten.
		old := ann.tus(size, ann.here("old.bin"))
		old.patch(0, data[:part+3]).Want(204)
		before, _ := s.blobs()
		s.Clock.Advance(8 * 24 * time.Hour)
		if err := s.Files().CollectUploads(t.Context()); err != nil {
			t.Fatal(err)
		}
		old.p = ann.SignIn()
		old.head().Want(404)
		if published, staged := s.blobs(); published != before-2 || staged > 0 { // its tail, and the content of "late"
			t.Errorf("%d blobs and %d staged ones are left of %d", published, staged, before)
		}
		wantClean(t, s)
	})
}

// wantClean fails unless a check finds nothing.
func wantClean(t *testing.T, s *Server) {
	t.Helper()
	r, err := s.Files().Check(t.Context(), files.CheckOptions{ReadData: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Problems {
		t.Errorf("check: %+v", p)
	}
}

// TestTusParts: parts at once, of our kind and of others', and what does not
// belong together.
func TestTusParts(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann, ben := s.Person("Ann"), s.Person("Ben")
		data := noise(8, 3*part+77)
		size := int64(len(data))
		final := func(p *Person, meta string, parts ...tusUpload) *Response {
			var urls []string
			for _, u := range parts {
				urls = append(urls, "/api/v1/uploads/"+u.id)
			}
			return p.tusPost(-1, meta, "Upload-Concat", "final;"+strings.Join(urls, " "))
		}
		group := coffer.RandomID().String()
		piece := func(p *Person, first, end int64) tusUpload {
			return p.tus(end-first, p.here("grouped.bin", "group", group, "total", fmt.Sprint(size), "first", fmt.Sprint(first)), "Upload-Concat", "partial")
		}
		a, b := piece(ann, 0, 2*part), piece(ann, 2*part, size)
		if r := ann.Space().Reserved; r != size {
			t.Errorf("%d reserved for a group of %d", r, size)
		}
		var both sync.WaitGroup
		for _, x := range []struct {
			u          tusUpload
			first, end int64
		}{{a, 0, 2 * part}, {b, 2 * part, size}} {
			both.Go(func() {
				middle := x.first + (x.end-x.first)/3
				x.u.cut(0, data[x.first:middle], x.end-x.first)
				if off := x.first + x.u.offset(); off > middle {
					t.Errorf("part at %d counts %d of %d bytes", x.first, off-x.first, middle-x.first)
				}
				x.u.rest(data[x.first:x.end])
			})
		}
		both.Wait()
		final(ben, ben.here("theft"), a, b).Problem(404, "not_found")
		final(ann, ann.here("grouped.bin"), b, a).Problem(409, "not_complete")
		final(ann, ann.here("grouped.bin"), a).Problem(409, "not_complete")
		res := final(ann, ann.here("grouped.bin"), a, b).Want(201)
		tusUpload{ann, path.Base(res.Header.Get("Location"))}.wantFile(data)

		// The name was taken while the parts came; what is said at the end decides.
		late := ann.tus(9, ann.here("late.bin", "group", coffer.RandomID().String(), "total", "9", "first", "0"), "Upload-Concat", "partial")
		late.patch(0, data[:9]).Want(204)
		ann.put("late.bin", []byte("faster"))
		final(ann, ann.here("late.bin"), late).Problem(409, "name_taken")
		var list wire.List[wire.Upload]
		ann.Do("GET", "/uploads", nil).Want(200).JSON(&list)
		if len(list.Items) != 1 || *list.Items[0].Total != 9 || list.Items[0].Offset != 9 {
			t.Errorf("the list of uploads: %+v", list.Items)
		}
		res = final(ann, ann.here("late.bin", "if_exists", "keep_both"), late).Want(201)
		if n := (tusUpload{ann, path.Base(res.Header.Get("Location"))}).wantFile(data[:9]); n.Name != "late (2).bin" {
			t.Errorf("kept both as %q", n.Name)
		}
		for what, m := range map[string]string{
			"inside a part": ann.here("x", "group", group, "total", fmt.Sprint(size), "first", "5"),
			"too long":      ann.here("x", "group", coffer.RandomID().String(), "total", "10", "first", "0"),
		} {
			if res := ann.tusPost(part, m, "Upload-Concat", "partial"); res.Status != 422 {
				t.Errorf("%s: %d", what, res.Status)
			}
		}

		// As other clients do: parts that know nothing of each other.
		x, y := ann.tus(100, "", "Upload-Concat", "partial"), ann.tus(200, "", "Upload-Concat", "partial")
		x.patch(0, data[:100]).Want(204)
		final(ann, ann.here("plain.bin"), x, y).Problem(400, "not_complete")
		y.patch(0, data[100:300]).Want(204)
		res = final(ann, ann.here("plain.bin"), x, y).Want(201)
		tusUpload{ann, path.Base(res.Header.Get("Location"))}.wantFile(data[:300])
		x.head().Want(404)
		if sp := ann.Space(); sp.Reserved != 0 || sp.Used != size+300+9+6 {
			t.Errorf("used %d, reserved %d", sp.Used, sp.Reserved)
		}
		if _, staged := s.blobs(); staged != 0 {
			t.Errorf("%d staged blobs are left", staged)
		}
		wantClean(t, s)
	})
}

// TestTusCuts breaks connections at random bytes, and now and then the server;
// the offset that is told never lies, and the file is the one that was sent.
func TestTusCuts(t *testing.T) {
	t.Parallel()
	cuts := 10
	if os.Getenv("COFFER_SOAK") != "" {
		cuts = 100
	}
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{Disk: true})
		ann := s.Person("Ann")
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 1))
		data := noise(9, 3*part+12345)
		size := int64(len(data))
		for done := 0; done < cuts; {
			u := ann.tus(size, ann.here(fmt.Sprintf("cut %d.bin", done)))
			off, sent := int64(0), int64(0)
			for range 4 {
				n := 1 + rng.Int64N(size-off-1)
				if rng.IntN(3) == 0 {
					n = min(n, 1+rng.Int64N(100_000)) // near an edge
				}
				u.cut(off, data[off:off+n], size-off)
				sent = max(sent, off+n) // a request may still be on its way when the next one asks
				done++
				if rng.IntN(5) == 0 {
					s = s.Restart(nil)
					ann.S = s
				}
				now := u.offset()
				if now < off || now > sent {
					t.Fatalf("%d bytes were sent at %d, the upload stands at %d", n, off, now)
				}
				if off = now; off >= size-2 {
					break
				}
			}
			u.rest(data)
			u.wantFile(data)
		}
		wantClean(t, s)
	})
}

// TestTusTakesOver: a request that hangs lets go when the next one comes, on
// another server too.
func TestTusTakesOver(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{})
		ann := s.Person("Ann")
		data := noise(10, 100_000)
		u := ann.tus(int64(len(data)), ann.here("hang.bin"))
		r, w := io.Pipe()
		defer w.Close()
		req := ann.Request("PATCH", "/uploads/"+u.id, r, "Tus-Resumable", "1.0.0", "Content-Type", "application/offset+octet-stream", "Upload-Offset", "0")
		req.ContentLength = int64(len(data))
		ended := make(chan int, 1)
		go func() {
			res, err := s.http.Do(req)
			if err != nil {
				ended <- 0
				return
			}
			res.Body.Close()
			ended <- res.StatusCode
		}()
		if _, err := w.Write(data[:70_000]); err != nil {
			t.Fatal(err)
		}
		if off := u.offset(); off > 70_000 { // waits for the other to let go
			t.Fatalf("%d bytes count of 70,000", off)
		}
		u.rest(data)
		u.wantFile(data)
		w.Close()
		if status := <-ended; status == 204 {
			t.Error("the request that was taken over was told that all is well")
		}
	})
}

// TestTusRevoked: a request that runs ends within seconds when its session or
// its right does. The upload waits for who signs in again, and is gone with the
// right.
func TestTusRevoked(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(Options) *Server) {
		s := open(Options{Idle: time.Minute})
		ann, ben, cid := s.member("Ann"), s.member("Ben"), s.member("Cid")
		team := ann.Do("POST", "/nodes/"+ann.Root().String()+"/folders", wire.NewFolder{Name: "Team"}).Want(201).Node().ID
		var grants []wire.Grant
		for _, p := range []*Person{ben, cid} {
			var g wire.Grant
			ann.Do("POST", "/nodes/"+team.String()+"/grants", wire.NewGrant{Email: p.Email, Role: "edit"}).Want(201).JSON(&g)
			grants = append(grants, g)
		}
		data := noise(11, 2<<20)
		begin := func(p *Person) (tusUpload, *running) {
			u := p.tus(int64(len(data)), metadata("parent", team.String(), "name", p.Name+".bin"))
			c, br := p.dial("PATCH", "/uploads/"+u.id, fmt.Sprintf("Content-Length: %d", len(data)), "Tus-Resumable: 1.0.0", "Content-Type: application/offset+octet-stream", "Upload-Offset: 0", "Expect: 100-continue")
			if line, err := br.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") { // from here on it reads
				t.Fatalf("%q, %v", line, err)
			}
			if _, err := br.ReadString('\n'); err != nil { // the empty line
				t.Fatal(err)
			}
			if _, err := c.Write(data[:1<<20]); err != nil {
				t.Fatal(err)
			}
			return u, &running{who: p.Name, conn: c, read: br}
		}
		bens, benRuns := begin(ben)
		cids, cidRuns := begin(cid)
		began := time.Now()
		ben.Do("DELETE", "/session", nil).Want(204)
		ann.Do("DELETE", "/nodes/"+team.String()+"/grants/"+grants[1].ID.String(), nil).Want(204)
		for _, r := range []*running{benRuns, cidRuns} {
			r.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			if res, err := http.ReadResponse(r.read, nil); err == nil && res.StatusCode != 401 && res.StatusCode != 404 {
				t.Errorf("%s: %d", r.who, res.StatusCode)
			}
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("it took %v", took)
		}
		cids.head().Want(404)
		eventually(t, "Ben's bytes alone are reserved", func() bool { return ann.Space().Reserved == int64(len(data)) })
		bens.p = ben.SignIn()
		bens.rest(data)
		bens.wantFile(data)
	})
}
