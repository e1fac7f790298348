package main

import (
	"strings"
	"testing"

	"coffer/internal/coffertest"
)

func TestActivityCommand(t *testing.T) {
	t.Parallel()
	coffertest.Each(t, func(t *testing.T, open func(coffertest.Options) *coffertest.Server) {
		s := open(coffertest.Options{})
		p, ben := s.Person("Ann"), s.Person("Ben")
		ann := newTypist(t, p)
		ann.types(0, words("mkdir /Deal"))
		ann.types(0, []string{"put", ann.file("plan.txt", "plan"), "/Deal"})
		ann.types(0, words("mv /Deal/plan.txt /Deal/new.txt"))
		ann.types(0, words("share /Deal "+ben.Email+" --role edit"))
		ann.types(0, words("activity"), "Ann  gave access to “Deal”: Ben (edit)\n", "Ann  renamed it to “new.txt”, from “plan.txt”\n", "Ann  uploaded “plan.txt”\n", "Ann  made the folder “Deal”\n")
		if got := ann.types(0, words("activity --kind changed -n 1 /Deal/new.txt")); strings.Count(got, "\n") != 1 || !strings.Contains(got, "renamed") {
			t.Errorf("one line of one file: %q", got)
		}
		ann.types(0, words("activity --json --kind shared"), `"action":"grant.given"`, `"role":"edit"`)
		ann.types(0, words("activity --csv /Deal"), "time,who,who_is,action", "node.renamed,new.txt")
		ann.types(4, words("activity /Other"))
		ann.types(2, words("activity -n -1"))
	})
}
