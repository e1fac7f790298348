package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coffer/internal/coffertest"
)

// typist is a person at a terminal of their own.
type typist struct {
	t   *testing.T
	env map[string]string
	dir string
}

func newTypist(t *testing.T, p *coffertest.Person) *typist {
	t.Helper()
	dir := t.TempDir()
	y := &typist{t, map[string]string{"COFFER_HOME": dir, "COFFER_SERVER": p.S.URL}, dir}
	if code, _, stderr := call(t, y.env, p.Password+"\n", "login", "--email", p.Email, "--password-stdin"); code != 0 {
		t.Fatalf("login: %d %s", code, stderr)
	}
	return y
}

// types runs one command and wants the exit code and each text in what it says.
func (y *typist) types(code int, args []string, want ...string) string {
	y.t.Helper()
	got, stdout, stderr := call(y.t, y.env, "", args...)
	if got != code {
		y.t.Errorf("%q: exit code %d, want %d\n%s%s", args, got, code, stdout, stderr)
	}
	for _, w := range want {
		if !strings.Contains(stdout+stderr, w) {
			y.t.Errorf("%q: no %q in\n%s%s", args, w, stdout, stderr)
		}
	}
	return stdout
}

func (y *typist) file(name, text string) string {
	y.t.Helper()
	path := filepath.Join(y.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		y.t.Fatal(err)
	}
	return path
}

func words(s string) []string { return strings.Fields(s) }

// TestShareCommands: Ann gives, Ben works in what he was given, both at the
// command line.
func TestShareCommands(t *testing.T) {
	t.Parallel()
	coffertest.Each(t, func(t *testing.T, open func(coffertest.Options) *coffertest.Server) {
		s := open(coffertest.Options{})
		ann, ben, boss := newTypist(t, s.Person("Ann")), newTypist(t, s.Person("Ben")), newTypist(t, s.Owner)
		ann.types(0, words("mkdir -p /Private/Closing/in"))
		ann.types(0, []string{"put", ann.file("bundle.txt", "the bundle"), "/Private/Closing"})
		ben.types(0, words("shared"))
		ben.types(4, words("ls Shared:/Closing"))
		ann.types(1, words("share /Private/Closing eve@example.com"), "Invite")
		ann.types(0, words("share /Private/Closing BEN@example.com --role edit --until 2999-12-31"), "Ben can edit until 2999-12-31 23:59 /Private/Closing.")
		ann.types(0, words("share /Private/Closing"), "owner   Ann", "edit    Ben <ben@example.com> until 2999-12-31 23:59")
		ann.types(0, words("share --json /Private/Closing"), `"role":"edit"`, `"email":"ben@example.com"`)
		ann.types(0, words("access /Private/Closing/bundle.txt"), "2 people can open this file.", "owner   Ann <ann@example.com>  owns it", "edit    Ben <ben@example.com>  Closing", "technically read it")
		ben.types(0, words("access --json Shared:/Closing"), `"name":"Ann"`, `"access":"edit"`)
		ann.types(0, words("access /Private"), "Only you can open this folder.")
		if out := ben.types(0, words("shared"), "edit", "Closing/", "(Ann)"); strings.Contains(out, "Private") {
			t.Errorf("told of what is above: %s", out)
		}
		ben.types(0, words("ls Shared:/"), "Closing/")
		ben.types(0, words("ls Shared:/closing"), "in/", "bundle.txt")
		ben.types(0, []string{"put", ben.file("mine.txt", "by Ben"), "Shared:/Closing/in"})
		ben.types(0, words("mkdir -p Shared:/Closing/deep/er"))
		ben.types(0, words("mv Shared:/Closing/in/mine.txt Shared:/Closing/deep/er/ours.txt"))
		ann.types(0, words("ls /Private/Closing/deep/er"), "ours.txt")
		ben.types(0, []string{"get", "Shared:/Closing/bundle.txt", "-o", filepath.Join(ben.dir, "got.txt")})
		if b, err := os.ReadFile(filepath.Join(ben.dir, "got.txt")); err != nil || string(b) != "the bundle" {
			t.Errorf("got %q, %v", b, err)
		}
		ben.types(6, words("rm -r Shared:/Closing"), "name or place")
		ben.types(6, words("share Shared:/Closing ann@example.com"))
		ben.types(2, words("mkdir Shared:/New"), "not a folder")
		ann.types(0, words("share /Private/Closing ben@example.com --role view --until never"), "Ben can view /Private/Closing.")
		ben.types(6, words("mkdir Shared:/Closing/no"))
		ben.types(0, []string{"ask", "Shared:/Closing", "--message", "To add the signed pages."}, "Those who manage Shared:/Closing are told")
		ann.types(0, words("notices -n 1"), "Ben asks for more rights to “Closing” (has view): To add the signed pages.")
		ann.types(0, words("activity /Private/Closing"), "asked for more rights to “Closing”")
		ben.types(7, words("ask Shared:/Closing"), "Ask again tomorrow.")
		ann.types(5, words("ask /Private/Closing"), "You manage this yourself.")
		ann.types(0, words("unshare /Private/Closing ben@example.com"))
		ben.types(4, words("ls Shared:/Closing"))
		ann.types(4, words("unshare /Private/Closing ben@example.com"), "not given this")

		ann.types(6, words("group make Partners"))
		boss.types(6, words("group make Partners"), "Ask an administrator") // the token of a login is none for administration
		boss.env["COFFER_TOKEN"] = s.Owner.Program("files.read", "share", "admin").Token
		boss.types(0, words("group make Partners"), "Partners")
		boss.types(8, words("group add Partners ben@example.com eve@example.com"), "eve@example.com")
		boss.types(0, words("group rename Partners Owners"))
		boss.types(0, words("group members Owners"), "Ben <ben@example.com>")
		ben.types(0, words("group ls"), "*     1  Owners")
		ben.types(0, words("notices -n 1"), "added you to the group “Partners”")
		ann.types(0, words("share /Private/Closing/bundle.txt --group owners"), "Owners can view")
		ben.types(0, words("ls Shared:/bundle.txt"), "bundle.txt")
		ben.types(0, words("leave Shared:/bundle.txt"))
		ben.types(4, words("ls Shared:/bundle.txt"))
		ann.types(0, words("unshare /Private/Closing/bundle.txt --group Owners"))
		boss.types(0, words("group drop Owners ben@example.com"))
		boss.types(0, words("group rm Owners"))
		ben.types(0, words("group ls"))
	})
}

// TestSpaceCommands: a team works in its own space at the command line.
func TestSpaceCommands(t *testing.T) {
	t.Parallel()
	coffertest.Each(t, func(t *testing.T, open func(coffertest.Options) *coffertest.Server) {
		s := open(coffertest.Options{})
		ann, boss := newTypist(t, s.Person("Ann")), newTypist(t, s.Owner)
		ann.types(6, []string{"space", "make", "Closing team"}, "Ask one of them")
		boss.types(0, []string{"space", "make", "Closing team"}, "Closing team:/ is there")
		boss.types(0, []string{"put", boss.file("a.txt", "of the team"), "Closing team:/"})
		ann.types(4, []string{"ls", "Closing team:/"})
		boss.types(0, []string{"share", "Closing team:/", "ann@example.com", "--role", "edit"}, "Ann can edit Closing team:/.")
		ann.types(0, words("space ls"), "owner", "  /", "edit", "Closing team:/")
		ann.types(0, []string{"ls", "closing TEAM:/"}, "a.txt")
		ann.types(0, []string{"mkdir", "-p", "Closing team:/in/deep"})
		ann.types(0, []string{"mv", "Closing team:/a.txt", "Closing team:/in/b.txt"})
		ann.types(0, []string{"get", "-r", "Closing team:/", "-o", ann.dir})
		if b, err := os.ReadFile(filepath.Join(ann.dir, "Closing team", "in", "b.txt")); err != nil || string(b) != "of the team" {
			t.Errorf("got %q, %v", b, err)
		}
		ann.types(0, words("df"), "Closing team: ")
		ann.types(6, []string{"space", "rename", "Closing team", "Mine"})
		boss.types(0, []string{"space", "rename", "Closing team", "Closing"})
		boss.types(5, words("leave Closing:/"), "at least one owner")
		ann.types(0, words("leave Closing:/"))
		ann.types(4, words("ls Closing:/"))
		boss.types(2, words("space rm Closing"), "--yes")
		boss.types(1, words("space rm Closing --yes closing"), "letter by letter")
		boss.types(0, words("space rm Closing --yes Closing"), "is deleted", "Backups may hold it until")
		boss.types(4, words("ls Closing:/"))
	})
}
