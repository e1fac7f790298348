package main_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/db/dbtest"
	"coffer/internal/wire"
)

const password = "correct horse battery"

// installation is a data folder with its database, for real programs.
type installation struct {
	t   *testing.T
	dir string
	env []string
}

func newInstallation(t *testing.T, dsn string) *installation {
	t.Helper()
	in := &installation{t: t, dir: t.TempDir(), env: environ()}
	if strings.HasPrefix(dsn, "postgres") {
		in.env = append(in.env, "COFFER_DATABASE="+dsn)
	}
	return in
}

// cofferd runs one command to its end.
func (in *installation) cofferd(stdin string, args ...string) (stdout string, code int) {
	in.t.Helper()
	cmd := exec.Command(filepath.Join(programs, "cofferd"), append(args, "--data", "data")...)
	cmd.Dir, cmd.Env, cmd.Stdin = in.dir, in.env, strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		in.t.Logf("cofferd %s: exit code %d\n%.300s\n%s", strings.Join(args, " "), exit.ExitCode(), &out, &errs)
		return out.String(), exit.ExitCode()
	}
	if err != nil {
		in.t.Fatal(err)
	}
	return out.String(), 0
}

// ann makes the account that the tests work with.
func (in *installation) ann() {
	in.t.Helper()
	if _, code := in.cofferd(password, "admin", "create-user", "--email", "ann@example.org", "--name", "Ann", "--role", "member", "--password-stdin"); code != 0 {
		in.t.Fatal("no account")
	}
}

// serve starts the server; it is gone after the test.
func (in *installation) serve() *process {
	in.t.Helper()
	p, err := start(in.dir, in.env, "--data", "data")
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() { p.stop(syscall.SIGKILL) })
	return p
}

// seeded is a source of chance that can be repeated: COFFER_SEED, else the
// clock, and printed.
func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("COFFER_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("COFFER_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func kills() int {
	if os.Getenv("COFFER_SOAK") != "" {
		return 200
	}
	return 20
}

// acknowledged is what the server said it has: name -> SHA-256.
type acknowledged struct {
	mu   sync.Mutex
	sums map[string]string
	ids  map[string]wire.Node
	gone map[string]bool // whose deletion was asked for; true: and acknowledged
}

// TestKill9 kills the server at random moments while files are uploaded, small
// pictures of them are made, and they are put into the trash and deleted for
// ever. What was deleted stays deleted. Every
// acknowledged file is there byte for byte afterwards, no name holds anything
// that was not sent whole, and the check finds no damage: what is left over
// is listed as such.
func TestKill9(t *testing.T) {
	dbtest.EachDSN(t, func(t *testing.T, newDSN func() string) {
		rng := seeded(t)
		in := newInstallation(t, newDSN())
		in.ann()
		ack := &acknowledged{sums: map[string]string{}, ids: map[string]wire.Node{}, gone: map[string]bool{}}
		token, fresh := "", map[string]bool{}
		for round := range kills() {
			p := in.serve()
			c, err := client.New(p.url, client.Options{Token: token, Tries: 1})
			if err != nil {
				t.Fatal(err)
			}
			if token == "" {
				if _, err := c.Login(t.Context(), "ann@example.org", password, "test"); err != nil {
					t.Fatal(err)
				}
				token = c.Token()
			}
			root, err := c.Resolve(t.Context(), "/")
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			// What the last round got an answer for.
			verify(t, c, ack, slices.Sorted(maps.Keys(fresh)))
			before := len(ack.sums)
			uploadUntilKilled(t, rng, p, c, root.ID, round, ack)
			fresh = map[string]bool{}
			for name := range ack.sums {
				if strings.HasPrefix(name, fmt.Sprintf("r%d-", round)) {
					fresh[name] = true
				}
			}
			t.Logf("round %d: %d files acknowledged before the kill", round, len(ack.sums)-before)
		}
		p := in.serve()
		c, err := client.New(p.url, client.Options{Token: token})
		if err != nil {
			t.Fatal(err)
		}
		verify(t, c, ack, slices.Sorted(maps.Keys(ack.sums)))
		nothingElse(t, c, ack)
		if len(ack.sums) < kills()/2 {
			t.Errorf("%d files were acknowledged in %d rounds: too few to prove anything", len(ack.sums), kills())
		}
		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Errorf("the server ended with %v", err)
		}
		wantNoDamage(t, in)
	})
}

// uploadUntilKilled sends files of several sizes at once, kills the server at
// a random moment, and notes what was acknowledged.
func uploadUntilKilled(t *testing.T, rng *rand.Rand, p *process, c *client.Client, root coffer.ID, round int, ack *acknowledged) {
	const workers = 6
	// Every other round the clock starts with the first acknowledged file, so
	// that a slow machine is not always killed before it has done anything.
	after := time.Duration(rng.IntN(400)) * time.Millisecond
	kill := sync.OnceFunc(func() {
		time.AfterFunc(after, func() { p.cmd.Process.Signal(syscall.SIGKILL) })
	})
	sizes := []int{0, 1, 700, 16 << 10, 100_000, 1<<20 + 3, 6 << 20}
	var seeds [workers]uint64
	for i := range seeds {
		seeds[i] = rng.Uint64()
	}
	if round%2 == 0 {
		kill()
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			own := rand.New(rand.NewPCG(seeds[w], 2))
			for i := 0; ; i++ {
				b := make([]byte, sizes[own.IntN(len(sizes))])
				chaos := rand.NewChaCha8([32]byte{byte(w), byte(i), byte(round), byte(round >> 8), byte(seeds[w])})
				chaos.Read(b)
				if i%3 == 0 {
					b = noisePNG(chaos)
				}
				name := fmt.Sprintf("r%d-w%d-%d", round, w, i)
				n, err := c.Upload(context.Background(), client.Upload{Parent: root, Name: name, IfExists: coffer.Fail, Size: int64(len(b)),
					Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }})
				if err != nil {
					select {
					case <-p.ended:
					default:
						if coffer.KindOf(err) != coffer.Busy { // the connection broke: the kill
							t.Errorf("%s: %v", name, err)
						}
					}
					return
				}
				sum := sha256.Sum256(b)
				ack.mu.Lock()
				ack.sums[name], ack.ids[name] = hex.EncodeToString(sum[:]), n
				ack.mu.Unlock()
				kill()
				if i%3 == 0 { // and a small picture of it, made and stored, or half so
					askThumbnail(p.url, c.Token(), n.ID)
				}
				if i%3 == 1 { // half done is fine: it is there, or in the trash, or gone
					ack.mu.Lock()
					delete(ack.sums, name)
					ack.gone[name] = false
					ack.mu.Unlock()
					if c.Trash(context.Background(), n.ID) == nil && c.Delete(context.Background(), n.ID) == nil {
						ack.mu.Lock()
						ack.gone[name] = true
						ack.mu.Unlock()
					}
				}
			}
		})
	}
	wg.Wait()
	<-p.ended
}

func noisePNG(chaos *rand.ChaCha8) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 300, 200))
	chaos.Read(m.Pix)
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// askThumbnail asks for a small picture, and takes whatever comes.
func askThumbnail(server, token string, node coffer.ID) {
	req, err := http.NewRequest(http.MethodGet, server+"/api/v1/nodes/"+node.String()+"/thumbnail", nil)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if res, err := http.DefaultClient.Do(req); err == nil {
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
}

// verify downloads files and compares them with what was sent.
func verify(t *testing.T, c *client.Client, ack *acknowledged, names []string) {
	t.Helper()
	for _, name := range names {
		h := sha256.New()
		if err := c.Download(t.Context(), ack.ids[name], h, nil); err != nil {
			t.Fatalf("%s was acknowledged: %v", name, err)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != ack.sums[name] {
			t.Fatalf("%s came back with SHA-256 %s, sent was %s", name, got, ack.sums[name])
		}
	}
}

// nothingElse: a file whose upload was cut is whole or not there at all. (The
// answer may have been lost after the commit.)
func nothingElse(t *testing.T, c *client.Client, ack *acknowledged) {
	t.Helper()
	root, err := c.Resolve(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	extra, seen := 0, 0
	for n, err := range c.Children(t.Context(), root.ID) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; ack.sums[n.Name] == "" {
			extra++
			if ack.gone[n.Name] {
				t.Errorf("%s was deleted for ever, acknowledged, and is there", n.Name)
			}
			if err := c.Download(t.Context(), n, io.Discard, nil); err != nil {
				t.Errorf("%s, never acknowledged, is there but not whole: %v", n.Name, err)
			}
		}
	}
	if seen != len(ack.sums)+extra {
		t.Errorf("%d files are listed, %d were acknowledged and %d are more", seen, len(ack.sums), extra)
	}
	t.Logf("%d acknowledged, %d more are whole", len(ack.sums), extra)
}

// wantNoDamage checks everything that is stored.
func wantNoDamage(t *testing.T, in *installation) {
	t.Helper()
	out, code := in.cofferd("", "check", "--read-data", "--json")
	var report struct {
		Problems []any `json:"problems"`
		Orphans  []any `json:"orphans"`
		Versions int64 `json:"versions"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 0 && code != 4 || len(report.Problems) > 0 {
		t.Fatalf("check: exit code %d, %v\n%s", code, err, out)
	}
	if (code == 4) != (len(report.Orphans) > 0) {
		t.Errorf("exit code %d with %d orphans", code, len(report.Orphans))
	}
	t.Logf("check: %d versions, %d orphans", report.Versions, len(report.Orphans))
}

// TestKillFirstStart kills the very first start at random moments: the next
// start finishes what was begun, with the same key.
func TestKillFirstStart(t *testing.T) {
	dbtest.EachDSN(t, func(t *testing.T, newDSN func() string) {
		rng := seeded(t)
		for round := range max(kills()/4, 5) {
			in := newInstallation(t, newDSN())
			cmd := exec.Command(filepath.Join(programs, "cofferd"), "serve", "--data", "data", "--listen", "127.0.0.1:0")
			cmd.Dir, cmd.Env = in.dir, in.env
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			after := time.Duration(rng.IntN(250)) * time.Millisecond
			time.AfterFunc(after, func() { cmd.Process.Kill() })
			cmd.Wait()
			key, _ := os.ReadFile(filepath.Join(in.dir, "data", "master.key"))
			p := in.serve()
			again, err := os.ReadFile(filepath.Join(in.dir, "data", "master.key"))
			if err != nil || len(key) > 0 && !bytes.Equal(key, again) {
				t.Errorf("round %d, killed after %v: the key changed: %v", round, after, err)
			}
			if p.setup == "" {
				t.Errorf("round %d: no setup address", round)
			}
			p.stop(syscall.SIGTERM)
			wantNoDamage(t, in)
		}
	})
}
