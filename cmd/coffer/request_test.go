package main

import (
	"strings"
	"testing"

	"coffer/internal/coffertest"
)

// TestRequestCommands: Ann asks for files at the command line.
func TestRequestCommands(t *testing.T) {
	t.Parallel()
	coffertest.Each(t, func(t *testing.T, open func(coffertest.Options) *coffertest.Server) {
		s := open(coffertest.Options{})
		ann, boss := newTypist(t, s.Person("Ann")), newTypist(t, s.Owner)
		ann.types(0, words("mkdir /Sale"))
		address := strings.TrimSpace(ann.types(0, []string{"request", "create", "/Sale", "Papers", "--type", "pdf", "--type", ".dwg", "--max-size", "2GB", "--max-files", "5", "--ends", "2999-12-31", "--note", "By Friday"}))
		if !strings.HasPrefix(address, s.URL+"/r/") || strings.Contains(address, "\n") {
			t.Errorf("the address is %q", address)
		}
		ann.types(0, words("request list"), "live", "0 files", "Papers", "until 2999-12-31 23:59", address)
		ann.types(0, words("request list --json /Sale"), `"max_bytes":2000000000`, `"max_files":5`, `"types":["pdf",".dwg"]`, `"ask_email":true`)
		if code, _, stderr := call(t, ann.env, "a good password\n", "request", "edit", "Papers", "--password-stdin", "--type", "any", "--max-files", "0", "--no-email", "--ends", "never"); code != 0 {
			t.Errorf("edit: %d %s", code, stderr)
		}
		ann.types(0, words("request list --json"), `"has_password":true`, `"max_files":null`, `"types":[]`, `"ask_email":false`, `"ends_at":null`)
		boss.types(6, words("request list --all"), "scope admin")
		ann.types(0, []string{"request", "off", address}, "Papers is off.")
		ann.types(0, words("request list --state live"))
		ann.types(0, words("request list --state off"), "Papers")
		ann.types(0, words("request edit Papers --on --no-password"), "Papers is changed.")
		ann.types(4, words("request off Nothing"))
		ann.types(2, words("request create /Sale"))
		ann.types(2, words("request edit Papers --ends tomorrow"), "2026-12-31")
		ann.types(0, words("request off --remove Papers"), "Papers is removed.")
		ann.types(0, words("request list --json"))
		ann.types(4, words("request off Papers"))
	})
}
