package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/cmdline"
)

// call runs the program in this process.
func call(t *testing.T, env map[string]string, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, func(k string) string { return env[k] }, cmdline.Stdio{In: strings.NewReader(stdin), Out: &out, Err: &errs})
	return code, out.String(), errs.String()
}

// TestEveryCommandHelps: each command says what it does and shows an example,
// and the program's help explains every exit code.
func TestEveryCommandHelps(t *testing.T) {
	code, out, _ := call(t, nil, "", "--help")
	if code != 0 {
		t.Fatalf("exit code %d", code)
	}
	for _, c := range []string{"0  ", "1  ", "2  ", "3  ", "4  ", "5  ", "6  ", "7  ", "8  ", "130"} {
		if !strings.Contains(out, "\n    "+c) {
			t.Errorf("exit code %s is not explained", c)
		}
	}
	for _, c := range []string{"login", "logout", "whoami", "ls", "mkdir", "put", "get", "mv", "cp", "rm", "df", "share", "unshare", "access", "shared", "leave", "completion"} {
		code, out, _ := call(t, nil, "", c, "--help")
		if code != 0 || !strings.Contains(out, "coffer "+c) || !strings.Contains(out, "Examples:") {
			t.Errorf("%s --help: exit code %d\n%s", c, code, out)
		}
	}
}

func TestMisuse(t *testing.T) {
	home := t.TempDir()
	env := map[string]string{"COFFER_HOME": home, "COFFER_SERVER": "http://127.0.0.1:1", "COFFER_TOKEN": "coffer_pat_x"}
	rows := []struct {
		args, want string
		code       int
	}{
		{"put a", "the remote folder", 2},
		{"put --jobs 0 a /", "from 1 to 32", 2},
		{"put --name x a b /", "single", 2},
		{"put a Team:/../x", "without . and ..", 2},
		{"share /a ben@example.com --role owner", "role", 2},
		{"share /a ben@example.com --until soon", "2026-12-31", 2},
		{"unshare /a", "from whom", 2},
		{"group add Crew", "expected", 2},
		{"put a /../x", "without . and ..", 2},
		{"get --jobs 99 /a", "from 1 to 32", 2},
		{"get /a /b -o -", "standard output", 2},
		{"get /a /b -o /nowhere/x", "not a folder", 2},
		{"mv /a", "where to", 2},
		{"put --if-exists maybe a /", "if-exists", 2},
		{"login --password-stdin", "--email", 2},
		{"login --email a@b", "--password-stdin", 2},
		{"ls --server http://files.example.org", "https", 1},
	}
	for _, r := range rows {
		code, _, stderr := call(t, env, "", strings.Fields(r.args)...)
		if code != r.code || !strings.Contains(stderr, r.want) {
			t.Errorf("%s: exit code %d, %q; want %d, %q", r.args, code, stderr, r.code, r.want)
		}
	}
	if code, _, stderr := call(t, map[string]string{"COFFER_HOME": home}, "", "ls"); code != exitSignedOut || !strings.Contains(stderr, "coffer login") {
		t.Errorf("signed out: %d %q", code, stderr)
	}
}

func TestExitCodes(t *testing.T) {
	for kind, want := range map[coffer.Kind]int{
		coffer.Unauthenticated: 3, coffer.NotFound: 4, coffer.Gone: 4, coffer.Conflict: 5, coffer.Stale: 5, coffer.Forbidden: 6,
		coffer.Busy: 7, coffer.Limited: 7, coffer.Internal: 1, coffer.Invalid: 1, coffer.OverQuota: 1, coffer.Corrupt: 1, coffer.TooLarge: 1, coffer.Malformed: 1,
	} {
		err := at("/x", &client.Error{Refusal: coffer.E(kind, "code", "Text.")})
		if got := exitCode(t.Context(), err); got != want {
			t.Errorf("%v: %d, want %d", kind, got, want)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{ended, errors.New("x"), 130}, {t.Context(), errors.New("x"), 1}, {t.Context(), cmdline.Misuse("x"), 2}, {t.Context(), someFailed(1), 8},
	} {
		if got := exitCode(r.ctx, r.err); got != r.want {
			t.Errorf("%v: %d, want %d", r.err, got, r.want)
		}
	}
}

// TestTokenOfAnotherServer: a saved token goes to the server that gave it only.
func TestTokenOfAnotherServer(t *testing.T) {
	env := map[string]string{"COFFER_HOME": t.TempDir()}
	a := &app{ctx: t.Context(), getenv: func(k string) string { return env[k] }, opts: &grammar{}}
	if err := a.save(credentials{Server: "https://a.example.org", Email: "ann@example.org", Token: "secret-a"}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(env["COFFER_HOME"], "credentials.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("credentials: %v %v", info.Mode(), err)
	}
	rows := []struct{ flag, server, token, want string }{
		{"", "", "", "secret-a"},
		{"https://A.example.org/", "", "", "secret-a"},
		{"https://b.example.org", "", "", ""},
		{"", "https://b.example.org", "", ""},
		{"", "https://b.example.org", "secret-b", "secret-b"},
		{"https://a.example.org", "https://b.example.org", "", "secret-a"},
	}
	for _, r := range rows {
		env["COFFER_SERVER"], env["COFFER_TOKEN"], a.opts.Server = r.server, r.token, r.flag
		cl, err := a.client()
		if r.want == "" {
			if err == nil || exitCode(t.Context(), err) != exitSignedOut {
				t.Errorf("%+v: a token was sent: %v", r, err)
			}
		} else if err != nil || cl.Token() != r.want {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestRemote(t *testing.T) {
	for in, want := range map[string]string{"/": "/", "": "/", "Docs": "/Docs", "/Docs/": "/Docs", "//Docs//a": "/Docs/a", "/a:b/c": "/a:b/c", "a:b/c": "/a:b/c",
		"Team:/x": "Team:/x", "Team name:/": "Team name:/", "Team:/x:/y/": "Team:/x:/y", "x/Team:/y": "/x/Team:/y", ":/x": "/:/x",
		"/a/../b": "", "Team:/..": "", ".": "", "..": "", "/...": "/..."} {
		got, err := remote(in)
		if err == nil && got.String() != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

// TestPlace: only "replace" takes the place of a file, even of one that came
// while the new one was on its way.
func TestPlace(t *testing.T) {
	for _, r := range []struct {
		policy, name, kept string
		fails              bool
	}{{"replace", "a.txt", "", false}, {"fail", "", "old", true}, {"skip", "", "old", true}, {"keep-both", "a (3).txt", "old", false}} {
		dir := t.TempDir()
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"a.txt": "old", "a (2).txt": "old too", ".part": "new"} {
			if err := root.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		f := getFile{root: root, local: "a.txt", shown: filepath.Join(dir, "a.txt"), policy: r.policy}
		if err := place(&f, ".part"); (err != nil) != r.fails {
			t.Errorf("%s: %v", r.policy, err)
		}
		if !r.fails {
			if b, err := os.ReadFile(f.shown); err != nil || string(b) != "new" || filepath.Base(f.shown) != r.name {
				t.Errorf("%s: %q at %s, %v", r.policy, b, f.shown, err)
			}
		}
		if b, _ := root.ReadFile("a.txt"); r.kept != "" && string(b) != r.kept {
			t.Errorf("%s: the old file is %q", r.policy, b)
		}
		root.Close()
	}
}

func TestFigures(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB", 5 << 30: "5.0 GiB", 1 << 62: "4096.0 PiB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	var r rate
	start := time.Now()
	for i := range 100 {
		r.sample(start.Add(time.Duration(i)*sampleEvery), int64(i)*500)
	}
	if v := r.get(); v < 990 || v > 1010 {
		t.Errorf("rate %f of a steady 1000 bytes a second", v)
	}
	if got := short(strings.Repeat("ä", 40)); len([]rune(got)) != 32 {
		t.Errorf("short: %q", got)
	}
}

// TestDocumented holds docs/cli.md against the commands. COFFER_UPDATE=1
// writes it.
func TestDocumented(t *testing.T) {
	var g grammar
	k, err := cmdline.New("coffer", description, &g, cmdline.Stdio{})
	if err != nil {
		t.Fatal(err)
	}
	const path, begin, end = "../../docs/cli.md", "<!-- coffer: begin -->\n", "<!-- coffer: end -->"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(b), begin)
	have, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has lost its marks", path)
	}
	want := cmdline.Reference(k.Model, func(string) bool { return false })
	if have == want {
		return
	}
	if os.Getenv("COFFER_UPDATE") == "" {
		t.Fatalf("%s is not what the commands are; COFFER_UPDATE=1 go test ./cmd/coffer writes it", path)
	}
	if err := os.WriteFile(path, []byte(head+begin+want+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
