package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"coffer/internal/cmdline"
	"coffer/internal/config"
)

// TestEveryCommandHelps: each command says what it does and shows an example,
// and the program's help explains every exit code and setting.
func TestEveryCommandHelps(t *testing.T) {
	help := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), append(args, "--help"), nil, cmdline.Stdio{In: strings.NewReader(""), Out: &out, Err: &errs}); code != 0 || errs.Len() > 0 {
			t.Errorf("%q --help: exit code %d, %s", args, code, &errs)
		}
		return out.String()
	}
	all := help()
	for _, c := range []string{"0  ", "1  ", "2  ", "3  ", "4  ", "5  ", "6  ", "130"} {
		if !strings.Contains(all, "\n    "+c) {
			t.Errorf("exit code %s is not explained", c)
		}
	}
	for _, s := range config.Specs() {
		if !strings.Contains(all, "--"+s.Name) {
			t.Errorf("the setting %s is not in the help", s.Name)
		}
	}
	for _, c := range []string{"serve", "migrate", "config", "admin create-user", "admin turn-off", "admin turn-on", "admin hand-over", "admin remove", "check", "decrypt", "completion"} {
		if out := help(strings.Fields(c)...); !strings.Contains(out, "cofferd "+c) || !strings.Contains(out, "Examples:") {
			t.Errorf("%s --help shows no example:\n%s", c, out)
		}
	}
}

// TestDocumented holds docs/cli.md against the commands. COFFER_UPDATE=1
// writes it. The settings stand in docs/configuration.md.
func TestDocumented(t *testing.T) {
	var g grammar
	var groups []kong.Group
	for key, title := range config.Groups() {
		groups = append(groups, kong.Group{Key: key, Title: title})
	}
	k, err := cmdline.New("cofferd", description, &g, cmdline.Stdio{}, kong.ExplicitGroups(groups))
	if err != nil {
		t.Fatal(err)
	}
	const path, begin, end = "../../docs/cli.md", "<!-- cofferd: begin -->\n", "<!-- cofferd: end -->"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(b), begin)
	have, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has lost its marks", path)
	}
	want := cmdline.Reference(k.Model, func(group string) bool { return config.Groups()[group] != "" })
	if have == want {
		return
	}
	if os.Getenv("COFFER_UPDATE") == "" {
		t.Fatalf("%s is not what the commands are; COFFER_UPDATE=1 go test ./cmd/cofferd writes it", path)
	}
	if err := os.WriteFile(path, []byte(head+begin+want+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
