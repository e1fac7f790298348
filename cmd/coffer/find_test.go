package main

import (
	"strings"
	"testing"

	"coffer/internal/coffertest"
)

// TestFindShared: what is found, used last or pinned is told by a path that
// other commands take, also where others gave it.
func TestFindShared(t *testing.T) {
	t.Parallel()
	coffertest.Each(t, func(t *testing.T, open func(coffertest.Options) *coffertest.Server) {
		s := open(coffertest.Options{})
		a, b := s.Person("Ann"), s.Person("Ben")
		ann, ben := newTypist(t, a), newTypist(t, b)
		ann.types(0, words("mkdir -p /Private/Docs/Deep"))
		ann.types(0, []string{"put", ann.file("plan.txt", "the plan"), "/Private/Docs/Deep"})
		ann.types(0, []string{"put", ann.file("plan b.txt", "alone"), "/Private"})
		ben.types(0, []string{"put", ben.file("my plan.txt", "mine"), "/"})
		ann.types(0, []string{"share", "/Private/Docs", b.Email, "--role", "edit"})
		ann.types(0, []string{"share", "/Private/plan b.txt", b.Email, "--role", "view"})

		one := func(y *typist, args []string, want ...string) {
			t.Helper()
			if got := strings.TrimSpace(y.types(0, args)); got != strings.Join(want, "\n") {
				t.Errorf("%q: %q, want %q", args, got, want)
			}
		}
		one(ben, words("find plan"), "Shared:/plan b.txt", "Shared:/Docs/Deep/plan.txt", "/my plan.txt")
		one(ann, words("find plan"), "/Private/plan b.txt", "/Private/Docs/Deep/plan.txt")
		one(ben, words("find plan --owner me"), "/my plan.txt")
		one(ben, words("find plan --owner others"), "Shared:/plan b.txt", "Shared:/Docs/Deep/plan.txt")
		one(ben, words("find plan --reach only_you"), "/my plan.txt")
		one(ann, words("find plan --reach people --owner me"), "/Private/plan b.txt", "/Private/Docs/Deep/plan.txt")
		one(ben, words("find plan --under Shared:/Docs"), "Shared:/Docs/Deep/plan.txt")
		one(ben, words("get Shared:/Docs/Deep/plan.txt -o -"), "the plan")
		ben.types(0, words("recent"), "opened   Shared:/Docs/Deep/plan.txt\n", "changed  /my plan.txt\n")
		ben.types(0, words("pin Shared:/Docs/Deep"))
		one(ben, words("pins"), "Shared:/Docs/Deep/")
		one(ben, words("ls Shared:/Docs/Deep/"), "plan.txt")
		ben.types(0, words("unpin Shared:/Docs/Deep"))
	})
}
