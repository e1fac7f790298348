package main

import (
	"strings"
	"testing"

	"coffer/internal/coffertest"
)

// TestDoorsAtTheCommandLine: the cast of coffertest tries its deeds at the
// command line, and what becomes of them is what becomes of them everywhere.
func TestDoorsAtTheCommandLine(t *testing.T) {
	t.Parallel()
	coffertest.Each(t, func(t *testing.T, open func(coffertest.Options) *coffertest.Server) {
		c := coffertest.NewCast(open(coffertest.Options{}))
		at := map[*coffertest.Player]*typist{}
		for _, p := range c.Players {
			switch {
			case p.Person == nil: // by link only
			case p.Role == "unconfirmed":
				home := t.TempDir()
				at[p] = &typist{t, map[string]string{"COFFER_HOME": home, "COFFER_SERVER": c.S.URL}, home}
				if code, out, _ := call(t, at[p].env, p.Password+"\n", "login", "--email", p.Email, "--password-stdin"); code != exitSignedOut {
					t.Errorf("who is not confirmed signs in: %d %s", code, out)
				}
			default:
				at[p] = newTypist(t, p.Person)
			}
		}
		c.Begin()
		for p, y := range at {
			c.Try("command line", p, func(p *coffertest.Player, deed string) (string, string) {
				line := y.deed(p, deed)
				code, stdout, stderr := call(t, y.env, "", line...)
				stderr = strings.ReplaceAll(stderr, line[len(line)-1], "") // what was typed is no secret
				return map[int]string{0: "-", exitNotFound: "not_found", exitForbidden: "forbidden", exitSignedOut: "unauthenticated", 1: "failed: 1", exitSome: "failed: 8"}[code], stdout + stderr
			})
		}
	})
}

// deed is a command line.
func (y *typist) deed(p *coffertest.Player, deed string) []string {
	y.t.Helper()
	above := "Shared:/Above-canary"
	top := "Shared:/" + p.Top.Name
	if p.Role == "owner" {
		above = "/Above-canary"
		top = above + "/" + p.Top.Name
	}
	text := "by the " + p.Role
	switch deed {
	case "list":
		return []string{"ls", top}
	case "read":
		return []string{"get", top + "/file.txt", "-o", "-"}
	case "add":
		return []string{"put", y.file("added.txt", text), top}
	case "replace":
		return []string{"put", "--if-exists", "version", y.file("replace.txt", text), top}
	case "rename":
		return []string{"mv", top + "/old.txt", top + "/new.txt"}
	case "trash":
		return []string{"rm", top + "/bin.txt"}
	case "share":
		return []string{"share", top + "/file.txt", "olga@example.com"}
	case "link":
		return []string{"link", "create", top + "/file.txt"}
	}
	return []string{"ls", above}
}
