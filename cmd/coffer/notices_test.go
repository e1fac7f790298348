package main

import (
	"testing"

	"coffer/internal/coffertest"
)

// TestNoticesCommands: what Ann gives, Ben is told; he reads it and chooses.
func TestNoticesCommands(t *testing.T) {
	t.Parallel()
	coffertest.Each(t, func(t *testing.T, open func(coffertest.Options) *coffertest.Server) {
		s := open(coffertest.Options{})
		ann, ben := newTypist(t, s.Person("Ann")), newTypist(t, s.Person("Ben"))
		ann.types(0, words("mkdir /Closing"))
		ann.types(0, []string{"share", "/Closing", "ben@example.com", "--message", "See page 3."})
		ben.types(0, words("notices"), "* ", "Ann shared “Closing” with you (view): See page 3.")
		ben.types(0, words("notices --json --new"), `"kind":"share_given"`, `"read":false`)
		ann.types(0, words("unshare /Closing ben@example.com"))
		ben.types(0, words("notices ls -n 1"), "Ann ended your access to “Closing”")
		ben.types(0, words("notices read"))
		if out := ben.types(0, words("notices --new")); out != "" {
			t.Errorf("still new: %s", out)
		}
		ben.types(0, words("notices mail"), "shares    on", "digest    off")
		ben.types(0, words("notices mail --digest on --names off"), "digest    on", "names     off", "shares    on")
		ben.types(0, words("notices mail --json"), `"digest":true`)
		ben.types(2, words("notices mail --digest perhaps"), "digest")
		ben.types(2, words("notices ls -n -1"))
	})
}
