//go:build linux

package main_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/db/dbtest"
)

// TestCanary looks for the contents of files in all that a real server leaves
// outside of its memory: data folder, database and its log, temporary files,
// its own log. Then at whether the system would write its memory down.
func TestCanary(t *testing.T) {
	dbtest.EachDSN(t, func(t *testing.T, newDSN func() string) {
		in := newInstallation(t, newDSN())
		in.ann()
		temp := filepath.Join(in.dir, "tmp")
		if err := os.Mkdir(temp, 0o777); err != nil {
			t.Fatal(err)
		}
		in.env = append(in.env, "TMPDIR="+temp)
		command := []string{filepath.Join(programs, "cofferd"), "serve", "--data", "data", "--listen", "127.0.0.1:0", "--log-format", "json", "--log-level", "debug"}
		if os.Getuid() == 0 { // as somebody else, so that what belongs to root is told apart
			const nobody = 65534
			command = append([]string{"setpriv", fmt.Sprintf("--reuid=%d", nobody), fmt.Sprintf("--regid=%d", nobody), "--clear-groups"}, command...)
			err := filepath.WalkDir(in.dir, func(path string, _ fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				return os.Chown(path, nobody, nobody)
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, way := range []string{programs, filepath.Dir(in.dir)} {
				if err := os.Chmod(way, 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
		p, err := startAs(in.dir, in.env, command...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.stop(syscall.SIGKILL) })
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
		canary := "canary-" + coffer.RandomID().String()
		for name, size := range map[string]int{"visible-small": 100, "visible-large": 3 << 20} {
			b := bytes.Repeat([]byte(canary+" "), size/len(canary)+1)
			n, err := c.Upload(t.Context(), client.Upload{Parent: root.ID, Name: name, IfExists: coffer.Fail, Size: int64(len(b)),
				Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Download(t.Context(), n, io.Discard, nil); err != nil {
				t.Fatal(err)
			}
		}
		for what, secret := range map[string]string{"the content": canary, "the token": c.Token(), "the password": password} {
			seen := scan(t, in.dir, secret)
			if strings.Contains(p.text(), secret) {
				seen = append(seen, "the log")
			}
			if len(seen) > 0 {
				t.Errorf("%s stands in %v", what, seen)
			}
		}
		// The scan itself: names stand in the database in clear (threat model).
		if len(scan(t, in.dir, "visible-large")) == 0 && strings.HasSuffix(t.Name(), "/sqlite") {
			t.Error("the scan does not find what is in clear: it proves nothing")
		}

		proc := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
		limits, err := os.ReadFile(proc + "limits")
		if err != nil || !regexp.MustCompile(`Max core file size +0 +0 `).Match(limits) {
			t.Errorf("the system would write a core file: %v\n%s", err, limits)
		}
		info, err := os.Stat(proc + "environ")
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
			t.Errorf("the process may be dumped, and looked into by others of its user: %+v, %v", info, err)
		}
	})
}

// scan returns the files below a folder that hold a text.
func scan(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
