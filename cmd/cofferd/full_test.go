//go:build linux

package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/db/dbtest"
	"coffer/internal/wire"
)

// namespace is how a program gets mounts of its own, which end with it.
func namespace() []string {
	if os.Getuid() == 0 {
		return []string{"unshare", "--mount"}
	}
	return []string{"unshare", "--user", "--map-root-user", "--mount"}
}

// inside runs a command among the mounts of a process.
func (p *process) inside(t *testing.T, in *installation, command ...string) (stdout string, code int) {
	t.Helper()
	enter := []string{"nsenter", "--target", fmt.Sprint(p.cmd.Process.Pid), "--mount", "--wdns=" + in.dir}
	if os.Getuid() != 0 {
		enter = append(enter, "--user", "--preserve-credentials")
	}
	cmd := exec.Command(enter[0], append(enter[1:], command...)...)
	cmd.Dir, cmd.Env = in.dir, in.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Logf("%v: exit code %d\n%.300s", command, exit.ExitCode(), &errs)
		return out.String(), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), 0
}

// TestDiskFull fills a small file system that holds the blobs, and one that
// holds the database: uploads are refused with 507 in words, nothing is left
// reserved or half there, reading goes on, and with more room all works again
// without a restart.
func TestDiskFull(t *testing.T) {
	const blobs = `mkdir small && mount -t tmpfs -o size=%s none small && cp -a data/blobs/. small/ && mount --bind small data/blobs && exec "$@"`
	const database = `mkdir small && cp -a data/blobs blobs && mount -t tmpfs -o size=%s none small && cp -a data/. small/ && rm -rf small/blobs/b &&
		mount --bind small data && mount --bind blobs data/blobs && exec "$@"`
	dbtest.EachDSN(t, func(t *testing.T, newDSN func() string) {
		rows := map[string]string{"blobs": fmt.Sprintf(blobs, "12m")}
		if strings.HasSuffix(t.Name(), "/sqlite") { // the disk of PostgreSQL is its own affair
			rows["database"] = fmt.Sprintf(database, "2m")
		}
		for name, script := range rows {
			t.Run(name, func(t *testing.T) { fill(t, newInstallation(t, newDSN()), script, name == "blobs") })
		}
	})
}

func fill(t *testing.T, in *installation, script string, large bool) {
	in.ann()
	command := append(namespace(), "sh", "-c", script, "sh", filepath.Join(programs, "cofferd"), "serve", "--data", "data", "--listen", "127.0.0.1:0", "--log-format", "json")
	p, err := startAs(in.dir, in.env, command...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(syscall.SIGKILL) })
	c, err := client.New(p.url, client.Options{Tries: 1})
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
	ack := &acknowledged{sums: map[string]string{}, ids: map[string]wire.Node{}, gone: map[string]bool{}}
	put := func(name string, size int) error {
		b := make([]byte, size)
		rand.NewChaCha8([32]byte{byte(len(name)), byte(size)}).Read(b)
		n, err := c.Upload(t.Context(), client.Upload{Parent: root.ID, Name: name, IfExists: coffer.Fail, Size: int64(size),
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }})
		if err == nil {
			sum := sha256.Sum256(b)
			ack.sums[name], ack.ids[name] = hex.EncodeToString(sum[:]), n
		}
		return err
	}
	sizes := []int{900_000, 3_000_000} // without and with a row from the start
	if !large {
		sizes = []int{10, 2_000_000}
	}
	refused := 0
	for i := 0; refused < 6; i++ {
		err := put(fmt.Sprintf("%d %s", i, strings.Repeat("n", 200)), sizes[i%2])
		switch e, _ := errors.AsType[*coffer.Error](err); {
		case err == nil && i > 5000:
			t.Fatal("the disk is never full")
		case err == nil:
		case e != nil && e.Kind == coffer.OverQuota && e.Code == "disk_full":
			refused++
		default:
			t.Fatalf("upload %d: %v, want disk_full", i, err)
		}
	}
	if len(ack.sums) == 0 {
		t.Fatal("not a single file was stored before the disk was full")
	}
	spaces := func() (used, reserved int64) {
		t.Helper()
		all, err := c.Spaces(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v, %v", all, err)
		}
		return all[0].Used, all[0].Reserved
	}
	verify(t, c, ack, slices.Sorted(maps.Keys(ack.sums)))
	if _, code := p.inside(t, in, "mount", "-o", "remount,size=200m", filepath.Join(in.dir, "small")); code != 0 {
		t.Fatal("no more room")
	}
	if err := put("after", 3_000_000); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if _, reserved := spaces(); reserved != 0 {
		t.Errorf("%d bytes stay reserved", reserved)
	}
	verify(t, c, ack, slices.Sorted(maps.Keys(ack.sums)))
	nothingElse(t, c, ack)
	out, code := p.inside(t, in, filepath.Join(programs, "cofferd"), "check", "--read-data", "--json", "--data", "data")
	var report struct{ Problems []any }
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 0 && code != 4 || len(report.Problems) > 0 {
		t.Errorf("check: %d %v\n%s", code, err, out)
	}
	t.Logf("%d files were stored before the disk was full", len(ack.sums)-1)
}
