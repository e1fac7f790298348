package main

import (
	"strings"
	"testing"

	"coffer/internal/coffertest"
)

// TestLinkCommands: Ann makes a link at the command line and looks after it; a
// visitor opens what it says.
func TestLinkCommands(t *testing.T) {
	t.Parallel()
	coffertest.Each(t, func(t *testing.T, open func(coffertest.Options) *coffertest.Server) {
		s := open(coffertest.Options{})
		ann := newTypist(t, s.Person("Ann"))
		ann.types(0, words("mkdir /Closing"))
		ann.types(0, []string{"put", ann.file("a.txt", "content"), "/Closing"})
		said := strings.Fields(ann.types(0, []string{"link", "create", "/Closing", "--name", "For Maria", "--downloads", "5"}))
		if len(said) != 2 || len(said[1]) != 14 {
			t.Fatalf("a new link prints %q, want its address and its password", said)
		}
		v := s.Visitor()
		v.Post(said[0]+"/open", "password", said[1]).Want(303)
		v.Get(said[0]).Want(200)
		line := ann.types(0, words("link list"), "live", "Closing (For Maria): download, password, until ", "0 of 5 downloads, opened 1 times", said[0])
		id, _, _ := strings.Cut(line, " ")
		ann.types(0, words("link list /Closing/a.txt"), "Closing (For Maria)")
		ann.types(0, words("link edit "+id+" --until never --downloads 0 --no-password"), "download, 0 downloads")
		s.Visitor().Get(said[0]).Want(200)
		ann.types(0, words("link off "+said[0]))
		s.Visitor().Get(said[0]).Want(404)
		ann.types(0, words("link list --state off"), id)
		ann.types(0, words("--json link on "+id), `"state":"live"`)
		s.Visitor().Get(said[0]).Want(200)
		ann.types(0, words("link rm "+id))
		ann.types(4, words("link off "+id))
		ann.types(4, words("link off "+said[0]))
		ann.types(2, words("link off nonsense"), "neither the id nor the address")
		ann.types(2, words("link create /Closing --no-password --password-stdin"))
		ann.types(2, words("link list /Closing --all"))
		ann.types(6, words("link list --all"))
		ann.types(4, words("link create /nothing"))
	})
}
