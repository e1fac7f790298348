package coffertest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"coffer"
	"coffer/internal/wire"
)

// The story of the doors: one cast, one table of what becomes of each deed of
// each of them (doors.json), told through every door that there is: REST, tus, the
// pages of links (TestDoors), the command line (TestDoorsAtTheCommandLine), and the
// page (doors.test.mjs).
//
//go:embed doors.json
var doors []byte

// A table says, for each role, what becomes of the deeds: "-" is done, else why
// not. What a visitor's page does not offer is not there.
//
// Each of the cast tries them, in order, in the folder of theirs: to list it, to
// read file.txt, to add added.txt, to put new content into replace.txt, to rename
// old.txt to new.txt, to trash bin.txt, to give somebody access to file.txt, to
// make a link to it, to list the folder above.
type table struct {
	Deeds   []string
	Becomes map[string]string
}

func (c *Cast) expected(role string) []string { return strings.Fields(c.table.Becomes[role]) }

// A Player is one of the cast, with a folder that is shared with them alone.
type Player struct {
	*Person // nil: a visitor
	Role    string
	Top     wire.Node
	Files   map[string]wire.Node
	Link    wire.Link // a visitor's
}

// A Cast is everybody in the story of the doors.
type Cast struct {
	S       *Server
	Ann     *Person
	Above   wire.Node
	Players []*Player

	table table
}

// NewCast makes the people of the story, and Ann's folders for each of them.
func NewCast(s *Server) *Cast {
	s.T.Helper()
	c := &Cast{S: s, Ann: s.Person("Ann")}
	if err := json.Unmarshal(doors, &c.table); err != nil {
		s.T.Fatal(err)
	}
	c.Above = c.Ann.folder("Above-canary")
	c.Ann.file(c.Above, "canary.txt", "canary")
	for _, role := range []string{"owner", "manager", "editor", "viewer", "stranger", "disabled", "unconfirmed", "visitor who looks", "visitor", "visitor who adds", "visitor of an old one"} {
		p := &Player{Role: role, Files: map[string]wire.Node{}}
		p.Top = c.Ann.Do("POST", "/nodes/"+c.Above.ID.String()+"/folders", wire.NewFolder{Name: "of the " + role}).Want(201).Node()
		for _, name := range []string{"file.txt", "replace.txt", "old.txt", "bin.txt"} {
			p.Files[name] = c.Ann.file(p.Top, name, "content of "+name)
		}
		c.Players = append(c.Players, p)
		grant := map[string]string{"manager": "manage", "editor": "edit", "viewer": "view", "disabled": "edit"}[role]
		may, visitor := map[string]string{"visitor who looks": "view", "visitor": "download", "visitor who adds": "upload", "visitor of an old one": "upload"}[role]
		switch {
		case visitor:
			p.Link = c.Ann.linkTo(p.Top, wire.NewLink{Name: "For Maria-canary", May: may, Password: wire.None[string]()})
		case role == "owner":
			p.Person = c.Ann
		case role == "unconfirmed":
			p.Person = s.Pending("Unconfirmed")
		default:
			p.Person = s.Person(strings.ToUpper(role[:1]) + role[1:])
		}
		if grant != "" {
			c.Ann.Do("POST", "/nodes/"+p.Top.ID.String()+"/grants", wire.NewGrant{Email: p.Email, Role: grant}).Want(201)
		}
	}
	return c
}

// Begin takes from some what they have: call it when everybody has come in.
func (c *Cast) Begin() {
	c.S.T.Helper()
	for _, p := range c.Players {
		switch p.Role {
		case "disabled":
			if err := c.S.Accounts().SetDisabled(c.S.T.Context(), coffer.SystemPrincipal("test"), p.Email, true); err != nil {
				c.S.T.Fatal(err)
			}
		case "visitor of an old one":
			c.Ann.Do("PATCH", "/links/"+p.Link.ID.String(), map[string]any{"off": true}).Want(200)
		}
	}
}

// Try has a player do every deed through a door, and wants of each what the
// table says. do answers what became of it, and all that was told; "" where the
// door has no such deed.
func (c *Cast) Try(door string, p *Player, do func(p *Player, deed string) (outcome, told string)) {
	c.S.T.Helper()
	want := c.expected(p.Role)
	done := map[string]bool{}
	for i, deed := range c.table.Deeds {
		got, told := do(p, deed)
		if got == "" {
			continue
		}
		if got != want[i] {
			c.S.T.Errorf("%s, %s: %s: %s, want %s\n%s", door, p.Role, deed, got, want[i], told)
		}
		done[deed] = want[i] == "-"
		if p.Person != c.Ann {
			c.silent(fmt.Sprintf("%s, %s: %s", door, p.Role, deed), told)
		}
		if want[i] != "-" && strings.Contains(told, "content of") {
			c.S.T.Errorf("%s, %s: %s: content is told: %s", door, p.Role, deed, told)
		}
	}
	c.left(door, p, done)
}

// silent wants that nothing is told of what lies above, or of what the others
// have.
func (c *Cast) silent(what, told string) {
	c.S.T.Helper()
	secrets := []string{"canary", c.Above.ID.String(), c.Ann.Root().String()}
	for _, s := range secrets {
		if strings.Contains(told, s) {
			c.S.T.Errorf("%s: told %q: %s", what, s, told)
		}
	}
}

// left wants the folder to be as the deeds that were done have made it, and not
// otherwise.
func (c *Cast) left(door string, p *Player, done map[string]bool) {
	c.S.T.Helper()
	want := []string{"file.txt: content of file.txt", "replace.txt: content of replace.txt", "old.txt: content of old.txt", "bin.txt: content of bin.txt"}
	if done["replace"] {
		want[1] = "replace.txt: by the " + p.Role
	}
	if done["rename"] {
		want[2] = "new.txt: content of old.txt"
	}
	if done["trash"] {
		want = want[:3]
	}
	if done["add"] {
		want = append(want, "added.txt: by the "+p.Role)
	}
	slices.Sort(want)
	var list wire.List[wire.Node]
	c.Ann.Do("GET", "/nodes/"+p.Top.ID.String()+"/children", nil).Want(200).JSON(&list)
	var got []string
	for _, n := range list.Items {
		got = append(got, n.Name+": "+string(c.Ann.Do("GET", "/nodes/"+n.ID.String()+"/content", nil).Want(200).Body))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		c.S.T.Errorf("%s: the %s leaves\n%s\nwant\n%s", door, p.Role, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (p *Person) linkTo(node wire.Node, n wire.NewLink) (l wire.Link) {
	p.S.T.Helper()
	p.Do("POST", "/nodes/"+node.ID.String()+"/links", n).Want(201).JSON(&l)
	return l
}

func (p *Person) folder(name string) wire.Node {
	p.S.T.Helper()
	return p.Do("POST", "/nodes/"+p.Root().String()+"/folders", wire.NewFolder{Name: name}).Want(201).Node()
}

func (p *Person) file(in wire.Node, name, content string) wire.Node {
	p.S.T.Helper()
	return p.Do("PUT", "/nodes/"+in.ID.String()+"/files?name="+name, []byte(content)).Want(201).Node()
}
