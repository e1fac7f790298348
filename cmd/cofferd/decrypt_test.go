package main_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"coffer/internal/db/dbtest"
)

// wantTree compares a restored folder with what it should hold, missing
// excepted.
func (a *archive) wantTree(out string, more bool, missing ...string) {
	a.t.Helper()
	want := maps.Clone(a.living)
	folders := slices.Clone(a.folders)
	if more {
		maps.Copy(want, a.more)
		folders = append(folders, "ann@example.org/Trash (2)", "ann@example.org/Trash (2)/old", "ben@example.org/Trash")
	}
	for _, m := range missing {
		if _, there := want[m]; !there {
			a.t.Errorf("%s is not in the archive", m)
		}
		delete(want, m)
	}
	var found []string
	root := filepath.Join(a.dir, out)
	err := filepath.WalkDir(root, func(at string, e fs.DirEntry, err error) error {
		if err != nil || at == root {
			return err
		}
		name, _ := filepath.Rel(root, at)
		info, err := e.Info()
		if err != nil {
			return err
		}
		if e.IsDir() {
			found = append(found, name)
			if info.Mode().Perm() != 0o700 {
				a.t.Errorf("%s has mode %v", name, info.Mode())
			}
			return nil
		}
		w, expected := want[name]
		delete(want, name)
		got, err := os.ReadFile(at)
		switch {
		case err != nil:
			return err
		case !expected:
			a.t.Errorf("%s, %d bytes, should not be there", name, len(got))
		case !bytes.Equal(got, w.data):
			a.t.Errorf("%s: %d bytes that differ from the %d that were stored", name, len(got), len(w.data))
		case info.ModTime().UnixMilli() != w.changed:
			a.t.Errorf("%s: changed at %d, want %d", name, info.ModTime().UnixMilli(), w.changed)
		case info.Mode().Perm() != 0o600:
			a.t.Errorf("%s has mode %v", name, info.Mode())
		}
		return nil
	})
	if err != nil {
		a.t.Fatal(err)
	}
	for name := range want {
		a.t.Errorf("%s is missing", name)
	}
	slices.Sort(folders)
	slices.Sort(found)
	if !slices.Equal(found, folders) {
		a.t.Errorf("folders %q\nwant    %q", found, folders)
	}
}

// footprint is what lies in the data folder, without the blobs. The folder's
// own time tells of files that came and went.
func (a *archive) footprint() string {
	a.t.Helper()
	list, err := os.ReadDir(filepath.Join(a.dir, "data"))
	if err != nil {
		a.t.Fatal(err)
	}
	var b strings.Builder
	if info, err := os.Stat(filepath.Join(a.dir, "data")); err == nil {
		fmt.Fprintln(&b, info.ModTime().UnixNano())
	}
	for _, e := range list {
		info, err := e.Info()
		if err != nil {
			a.t.Fatal(err)
		}
		fmt.Fprintln(&b, e.Name(), info.Size(), info.ModTime().UnixNano())
	}
	return b.String()
}

type decrypted struct {
	Spaces, Folders, Files, Bytes, There int64
	Damaged, Failed                      []struct{ Path, Text string }
}

// decrypt runs the program.
func (a *archive) decrypt(wantCode int, args ...string) (r decrypted) {
	a.t.Helper()
	out, code := a.cofferd("", append([]string{"decrypt", "--json"}, args...)...)
	if code != wantCode {
		a.t.Errorf("decrypt %q: exit code %d, want %d", args, code, wantCode)
	}
	if out != "" {
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			a.t.Fatalf("%v: %s", err, out)
		}
	}
	return r
}

func (a *archive) absent(name string) {
	a.t.Helper()
	if _, err := os.Lstat(filepath.Join(a.dir, name)); !errors.Is(err, fs.ErrNotExist) {
		a.t.Errorf("%s is there: %v", name, err)
	}
}

// TestDecrypt restores an archive with the real program and with the reader of
// docs/recovery, whole and damaged.
func TestDecrypt(t *testing.T) {
	t.Parallel()
	dbtest.EachDSN(t, func(t *testing.T, newDSN func() string) {
		t.Parallel()
		a := newArchive(t, newDSN())
		before := a.footprint()
		a.whole()
		a.otherKey()
		if a.footprint() != before {
			t.Errorf("the data folder was changed:\n%swas\n%s", a.footprint(), before)
		}
		a.records()
		a.reader(0, "read")
		a.wantTree("read", false)
		a.reader(0, "read-all", "--trash", "--versions")
		a.wantTree("read-all", true)
		a.besideServer()
		a.damaged()
	})
}

func (a *archive) whole() {
	t := a.t
	r := a.decrypt(0, "--out", "out")
	a.wantTree("out", false)
	if int(r.Files) != len(a.living) || r.Spaces != 2 || int(r.Folders) != len(a.folders)-2 || r.There != 0 {
		t.Errorf("%+v", r)
	}
	// Again: everything is there, nothing is written.
	if r := a.decrypt(0, "--out", "out"); r.Files != 0 || int(r.There) != len(a.living) {
		t.Errorf("the second run: %+v", r)
	}
	// What differs is not replaced.
	foreign := filepath.Join(a.dir, "out", "ben@example.org", "note.txt")
	for i, size := range []int{1000, 999} {
		if err := os.WriteFile(foreign, bytesOf(1, size), 0o600); err != nil {
			t.Fatal(err)
		}
		r := a.decrypt(1, append([]string{"--keep-going"}[i:], "--out", "out")...)
		if b, err := os.ReadFile(foreign); err != nil || !bytes.Equal(b, bytesOf(1, size)) {
			t.Fatalf("a file that was there was replaced: %v", err)
		}
		if len(r.Failed) != 1 || r.Failed[0].Path != "ben@example.org/note.txt" || len(r.Damaged) != 0 {
			t.Errorf("%+v", r)
		}
	}
	a.decrypt(0, "--out", "all", "--trash", "--versions")
	a.wantTree("all", true)

	if r := a.decrypt(0, "--out", "ben", "--email", "Ben@example.org"); r.Spaces != 1 || r.Files != 2 {
		t.Errorf("one person: %+v", r)
	}
	a.absent("ben/ann@example.org")
	a.decrypt(1, "--out", "nobody", "--email", "nobody@example.org")
	a.absent("nobody")
	a.decrypt(2, "--out", "nobody", "--space", "x")
	// A link that leads out of the folder is not followed.
	outside := filepath.Join(a.dir, "outside")
	if err := errors.Join(os.Mkdir(outside, 0o700), os.Mkdir(filepath.Join(a.dir, "linked"), 0o700), os.Symlink(outside, filepath.Join(a.dir, "linked", "ben@example.org"))); err != nil {
		t.Fatal(err)
	}
	a.decrypt(1, "--out", "linked", "--email", "ben@example.org")
	if list, err := os.ReadDir(outside); err != nil || len(list) > 0 {
		t.Errorf("written through a link: %v, %v", list, err)
	}
}

// otherKey: a key that does not open the archive is refused before anything is
// written.
func (a *archive) otherKey() {
	t := a.t
	good, err := os.ReadFile(filepath.Join(a.dir, "data", "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(strings.TrimSpace(string(good)), ":")
	parts[2] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" // of the same id
	a.keyFile("wrong.key", strings.Join(parts, ":"))
	parts[1] = "other"
	a.keyFile("other.key", strings.Join(parts, ":"))
	for _, key := range []string{"wrong.key", "other.key", "none.key"} {
		a.decrypt(6, "--out", "refused", "--master-key", "file:"+filepath.Join(a.dir, key))
		a.absent("refused")
	}
}

func (a *archive) keyFile(name, line string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(line+"\n"), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// records writes records.jsonl with the documented SQL.
func (a *archive) records() {
	a.t.Helper()
	file := "../../docs/recovery/records-sqlite.sql"
	if a.dsn != "" {
		file = "../../docs/recovery/records-postgres.sql"
	}
	text, err := os.ReadFile(file)
	if err != nil {
		a.t.Fatal(err)
	}
	d := a.raw()
	defer d.Close()
	var out bytes.Buffer
	for statement := range strings.SplitSeq(string(text), ";\n") {
		if !strings.Contains(statement, "SELECT") {
			continue
		}
		statement = statement[strings.Index(statement, "SELECT"):]
		a.lines(d, statement, &out)
	}
	if err := os.WriteFile(filepath.Join(a.dir, "records.jsonl"), out.Bytes(), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// lines writes the one column of a query's rows.
func (a *archive) lines(d *sql.DB, query string, out io.Writer) {
	a.t.Helper()
	rows, err := d.QueryContext(a.t.Context(), query)
	if err != nil {
		a.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			a.t.Fatal(err)
		}
		fmt.Fprintln(out, line)
	}
	if err := rows.Err(); err != nil {
		a.t.Fatal(err)
	}
}

// reader runs the independent reader.
func (a *archive) reader(wantCode int, out string, flags ...string) string {
	a.t.Helper()
	return a.readerWith(wantCode, filepath.Join("data", "master.key"), out, flags...)
}

func (a *archive) readerWith(wantCode int, key, out string, flags ...string) string {
	a.t.Helper()
	program, err := filepath.Abs("../../docs/recovery/reader.mjs")
	if err != nil {
		a.t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		a.t.Fatalf("the reader of docs/recovery needs Node: %v", err)
	}
	cmd := exec.CommandContext(a.t.Context(), node, append([]string{program, "--key", key, "--records", "records.jsonl", "--blobs", "data/blobs", "--out", out}, flags...)...)
	cmd.Dir = a.dir
	text, err := cmd.CombinedOutput()
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		a.t.Fatal(err)
	}
	if code != wantCode {
		a.t.Errorf("the reader: exit code %d, want %d\n%s", code, wantCode, text)
	}
	return string(text)
}

// besideServer: a server that runs does not mind, and what it holds comes out.
func (a *archive) besideServer() {
	p := a.serve()
	a.decrypt(0, "--out", "beside")
	a.wantTree("beside", false)
	if err := p.stop(syscall.SIGTERM); err != nil {
		a.t.Errorf("the server ended with %v", err)
	}
}

// damaged: a changed bit in a chunk or in a commitment, a lost blob and a
// changed key record take these four files and no other.
func (a *archive) damaged() {
	t := a.t
	const committed, flipped, lost, sealed = "ann@example.org/sizes/1.bin", "ann@example.org/sizes/16385.bin", "ann@example.org/odd ☃ näme/a:b/.hidden", "ben@example.org/note.txt"
	blob := func(name string) string {
		id := a.living[name].blob.String()
		return filepath.Join(a.dir, "data", "blobs", "b", id[:2], id)
	}
	flip := func(name string, at int) {
		b, err := os.ReadFile(blob(name))
		if err != nil {
			t.Fatal(err)
		}
		b[at] ^= 1
		if err := os.WriteFile(blob(name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flip(flipped, 56+16400) // the last chunk
	r := a.decrypt(3, "--out", "stopped", "--email", "ann@example.org")
	if len(r.Damaged) != 1 || r.Damaged[0].Path != flipped {
		t.Errorf("one bit: %+v", r)
	}
	a.absent("stopped/" + flipped)
	r = a.decrypt(3, "--out", "going", "--keep-going")
	if len(r.Damaged) != 1 || r.Damaged[0].Path != flipped || int(r.Files) != len(a.living)-1 {
		t.Errorf("one bit: %+v", r)
	}
	a.wantTree("going", false, flipped)
	if text := a.reader(3, "read-going", "--keep-going"); !strings.Contains(text, flipped) || strings.Count(text, "NOT RESTORED") != 1 {
		t.Errorf("the reader said\n%s", text)
	}
	a.wantTree("read-going", false, flipped)
	if text := a.reader(3, "read-stopped"); !strings.Contains(text, flipped) {
		t.Errorf("the reader said\n%s", text)
	}
	a.readerWith(1, "wrong.key", "read-refused")
	a.absent("read-refused")

	flip(committed, 24+31)
	if err := os.Remove(blob(lost)); err != nil {
		t.Fatal(err)
	}
	d := a.raw()
	var record []byte
	id := a.living[sealed].version
	if err := d.QueryRowContext(t.Context(), `SELECT dek_sealed FROM version WHERE id = $1`, id[:]).Scan(&record); err != nil {
		t.Fatal(err)
	}
	record[100] ^= 0x80
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	a.change(`UPDATE version SET dek_sealed = $2 WHERE id = $1`, id[:], record)
	r = a.decrypt(3, "--out", "four", "--keep-going")
	var names []string
	for _, m := range r.Damaged {
		names = append(names, m.Path)
	}
	slices.Sort(names)
	if want := []string{lost, committed, flipped, sealed}; !slices.Equal(names, want) {
		t.Errorf("damaged are %q, want %q", names, want)
	}
	a.wantTree("four", false, names...)
	a.records()
	a.reader(3, "read-four", "--keep-going")
	a.wantTree("read-four", false, names...)
}
