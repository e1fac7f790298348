package config_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"coffer/internal/config"
)

// TestDocumented holds the table of docs/configuration.md against the struct.
// COFFER_UPDATE=1 writes it.
func TestDocumented(t *testing.T) {
	const path, begin, end = "../../docs/configuration.md", "<!-- settings: begin -->\n", "<!-- settings: end -->"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(b), begin)
	have, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has lost its marks", path)
	}
	want := table()
	if have == want {
		return
	}
	if os.Getenv("COFFER_UPDATE") == "" {
		t.Fatalf("%s is not what the settings are; COFFER_UPDATE=1 go test ./internal/config writes it. Want:\n%s", path, want)
	}
	if err := os.WriteFile(path, []byte(head+begin+want+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

func table() string {
	var b strings.Builder
	group := ""
	for _, s := range config.Specs() {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&b, "\n### %s\n\n| flag, name in the file | variable | default | meaning |\n| --- | --- | --- | --- |\n", strings.TrimSuffix(config.Groups()[group], ":"))
		}
		def := s.Default
		if def != "" {
			def = "`" + def + "`"
		}
		help := s.Help
		if s.Secret {
			help += " (secret)"
		}
		fmt.Fprintf(&b, "| `--%s` | `%s` | %s | %s |\n", s.Name, config.Variable(s.Name), def, strings.ReplaceAll(help, "|", `\|`))
	}
	return b.String() + "\n"
}
