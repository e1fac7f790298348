package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/db/dbtest"
	"coffer/internal/wire"
)

// TestKillRotation kills "keys rotate --all" at random moments, and now and
// then the server beside it, while files are uploaded. Whatever step it was cut
// at: all files come back, the check is clean, the next rotation goes on, and
// the blobs that were there are the same byte for byte.
func TestKillRotation(t *testing.T) {
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
		token := c.Token()
		ack := &acknowledged{sums: map[string]string{}, ids: map[string]wire.Node{}}
		before := map[string]string{} // blob -> SHA-256
		for round := range max(kills()/4, 5) {
			if round%3 == 2 {
				p.stop(syscall.SIGKILL)
				p = in.serve()
			}
			if c, err = client.New(p.url, client.Options{Token: token}); err != nil {
				t.Fatal(err)
			}
			rotate := exec.Command(filepath.Join(programs, "cofferd"), "keys", "rotate", "--all", "--data", "data")
			rotate.Dir, rotate.Env = in.dir, in.env
			if err := rotate.Start(); err != nil {
				t.Fatal(err)
			}
			// The steps lie around its start, after one pause of 3 s, and after two.
			after := time.Duration(rng.IntN(2))*3*time.Second + time.Duration(rng.IntN(500))*time.Millisecond
			kill := time.AfterFunc(after, func() { rotate.Process.Kill() })
			root, err := c.Resolve(t.Context(), "/")
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			for i := range 5 {
				b := bytes.Repeat([]byte{byte(round), byte(i)}, 1+i*10_000)
				name := fmt.Sprintf("r%d-%d", round, i)
				n, err := c.Upload(t.Context(), client.Upload{Parent: root.ID, Name: name, IfExists: coffer.Fail, Size: int64(len(b)),
					Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				sum := sha256.Sum256(b)
				ack.sums[name], ack.ids[name] = hex.EncodeToString(sum[:]), n
			}
			rotate.Wait()
			kill.Stop()
			for name, sum := range blobs(t, in) {
				if before[name] != "" && before[name] != sum {
					t.Fatalf("round %d: the blob %s has changed", round, name)
				}
				before[name] = sum
			}
			verify(t, c, ack, slices.Sorted(maps.Keys(ack.sums)))
			t.Logf("round %d: killed after %v", round, after)
		}
		if out, code := in.cofferd("", "keys", "rotate", "--all"); code != 0 {
			t.Fatalf("the last rotation: %d\n%s", code, out)
		}
		verify(t, c, ack, slices.Sorted(maps.Keys(ack.sums)))
		p.stop(syscall.SIGTERM)
		wantNoDamage(t, in)
		if len(before) < 25 {
			t.Errorf("%d blobs are too few to prove anything", len(before))
		}
	})
}

func blobs(t *testing.T, in *installation) map[string]string {
	t.Helper()
	all := map[string]string{}
	root := os.DirFS(filepath.Join(in.dir, "data", "blobs"))
	err := fs.WalkDir(root, "b", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(root, path)
		sum := sha256.Sum256(b)
		all[path] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
