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

// TestRecipientCommands: Ann makes a link for two addresses, looks after who may
// open it, and reads what they did.
func TestRecipientCommands(t *testing.T) {
	t.Parallel()
	const maria, tom = "maria@lindqvist.example", "tom@lindqvist.example"
	coffertest.Each(t, func(t *testing.T, open func(coffertest.Options) *coffertest.Server) {
		s := open(coffertest.Options{})
		ann := newTypist(t, s.Person("Ann"))
		ann.types(0, words("mkdir /Closing"))
		ann.types(0, []string{"put", ann.file("a.txt", "content"), "/Closing"})
		ann.types(1, words("link create /Closing --for maria@lindqvist"), "is not a full e-mail address")
		said := strings.Fields(ann.types(0, words("link create /Closing --for "+maria+",Tom@lindqvist.example")))
		if len(said) != 1 {
			t.Fatalf("a link for two prints %q, want its address alone", said)
		}
		at := said[0]
		ann.types(0, words("link list"), "for 2 named")
		ann.types(0, words("link recipients "+at), "live  "+maria+"\n", "live  "+tom+"\n")
		v := s.Visitor()
		v.Post(at+"/code", "email", maria).Want(200)
		code := coffertest.Code(t, s.Mails.Wait(t, maria, 2))
		v.Post(at+"/prove", "email", tom, "code", code).Want(403)
		v.Post(at+"/prove", "email", maria, "code", code).Want(303)
		v.Get(at).Want(200)
		ann.types(0, words("link receipts "+at), maria+" at 127.0.0.0/24: opened “Closing”", tom+" at 127.0.0.0/24: refused, wrong code")
		if text := ann.types(0, words("link receipts --limit 1 --json "+at), `"kind":"opened"`, maria); strings.Count(text, "\n") != 1 {
			t.Errorf("one receipt as JSON is %q", text)
		}
		ann.types(0, words("link receipts --csv "+at), "since,at,kind,count,recipient,", ",opened,1,"+maria+",127.0.0.0/24,Closing,")
		ann.types(0, words("link drop "+at+" "+strings.ToUpper(maria)))
		s.Mails.Wait(t, tom, 1)
		ann.types(4, words("link drop "+at+" "+maria), "not for this address")
		ann.types(0, words("link recipients --json "+at), `"state":"off"`, `"state":"live"`)
		ann.types(0, words("link add "+at+" "+maria), "live  "+maria+"\n")
		s.Mails.Wait(t, maria, 3)
		ann.types(1, words("link add "+at+" nonsense"), "is not a full e-mail address")
		ann.types(2, words("link receipts --limit -1 "+at))
		ben := newTypist(t, s.Person("Ben"))
		id, _, _ := strings.Cut(ann.types(0, words("link list")), " ")
		for _, line := range []string{"recipients " + id, "receipts " + id, "receipts --csv " + id, "add " + id + " ben@example.com", "drop " + id + " " + tom} {
			ben.types(4, words("link "+line))
		}
	})
}
