package files

import (
	"context"
	"errors"
	"strings"

	"coffer"
	"coffer/internal/db"
)

// Stat tells everything about a node.
func (v *View) Stat(ctx context.Context, id coffer.ID) (d Detail, err error) {
	err = v.look(ctx, id, coffer.Read, func(tx *db.Tx, p pass) error {
		if d, err = v.detail(tx, p); err != nil {
			return err
		}
		people, err := tx.PeopleOn(id, nil)
		if err != nil {
			return err
		}
		links, err := openLinks(tx, id)
		d.Reach = p.reached(p.openers(people), Lent{}.count(links...))
		return err
	})
	return d, err
}

// maxPathBytes bounds a path to resolve: as deep and as long as can be.
const maxPathBytes = maxDepth * (coffer.MaxNameBytes + 1)

// Resolve finds a node by its path from the top of a space, the own one when
// space is zero. Names are compared as siblings are: without case.
func (v *View) Resolve(ctx context.Context, space coffer.ID, path string) (d Detail, err error) {
	root, err := v.root(ctx, space, coffer.Read)
	if err != nil {
		return d, err
	}
	return v.ResolveUnder(ctx, root.node.ID, path)
}

// ResolveUnder is Resolve from any folder that the principal may see.
func (v *View) ResolveUnder(ctx context.Context, folder coffer.ID, path string) (d Detail, err error) {
	if _, err := v.reach(ctx, folder, coffer.Read); err != nil {
		return d, err
	}
	if !strings.HasPrefix(path, "/") || len(path) > maxPathBytes {
		return d, coffer.E(coffer.Invalid, "invalid", "A path begins with “/” and names one folder after the other.")
	}
	err = v.look(ctx, folder, coffer.Read, func(tx *db.Tx, p pass) error {
		rest := strings.TrimSuffix(path[1:], "/")
		for rest != "" {
			var name string
			name, rest, _ = strings.Cut(rest, "/")
			n, err := tx.ChildNamed(p.node.ID, name)
			if err != nil {
				return err
			}
			if p, err = p.child(n); err != nil {
				return err
			}
		}
		d, err = v.detail(tx, p)
		return err
	})
	return d, err
}

// CreateFolder makes a folder. With merge, an existing folder of that name is
// the answer and created is false.
func (v *View) CreateFolder(ctx context.Context, parent coffer.ID, name string, how coffer.IfExists) (d Detail, created bool, err error) {
	p, err := v.reach(ctx, parent, coffer.Write)
	if err != nil {
		return d, false, err
	}
	if err := checkNew(p, name, how, coffer.Fail, coffer.KeepBoth, coffer.Merge); err != nil {
		return d, false, err
	}
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p, created = ps[0], true
		spot, err := findSpot(tx, p.node.ID, name, coffer.Folder, how, coffer.ID{})
		if err != nil {
			return nil, err
		}
		if spot.onto != nil {
			created = false
			if d, err = v.detailOf(tx, p, spot.onto.ID); err != nil {
				return nil, err
			}
			return nil, errUnchanged
		}
		if p.depth+1 > maxDepth {
			return nil, errDepth()
		}
		n := coffer.Node{ID: coffer.NewID(), SpaceID: p.space.ID, ParentID: p.node.ID, Kind: coffer.Folder, Name: spot.name,
			CreatedBy: v.p.User.ID, ChangedBy: v.p.User.ID, CreatedAt: tx.Now, ChangedAt: tx.Now}
		if err := addNode(tx, n); err != nil {
			return nil, err
		}
		if d, err = v.detailOf(tx, p, n.ID); err != nil {
			return nil, err
		}
		return []act{{action: "folder.created", node: n.ID, target: p.node.ID, detail: map[string]any{"name": n.Name}}}, nil
	}, p)
	return d, created && err == nil, err
}

// addNode inserts a living node and counts it.
func addNode(tx *db.Tx, n coffer.Node) error {
	if err := tx.InsertNode(n); err != nil {
		return err
	}
	return tx.AddChildren(n.ParentID, 1)
}

// checkNew says whether a name can be made in the folder of a pass, as far as
// that needs no database.
func checkNew(p pass, name string, how coffer.IfExists, allowed ...coffer.IfExists) error {
	if err := checkFolder(p); err != nil {
		return err
	}
	if err := checkHow(how, allowed...); err != nil {
		return err
	}
	return coffer.CheckName(name)
}

func checkFolder(p pass) error {
	if p.node.Kind != coffer.Folder {
		return coffer.E(coffer.Conflict, "not_a_folder", "This is a file: nothing can be put into it.")
	}
	return nil
}

func checkHow(how coffer.IfExists, allowed ...coffer.IfExists) error {
	if how == "" {
		return nil
	}
	words := make([]string, len(allowed))
	for i, a := range allowed {
		if how == a {
			return nil
		}
		words[i] = string(a)
	}
	return coffer.E(coffer.Invalid, "invalid", "if_exists may be "+strings.Join(words, ", ")+" here.")
}

// A spot is where something new goes: a free name, or an existing node that
// takes it in.
type spot struct {
	name string
	onto *coffer.Node
}

// maxKeepBoth bounds the search for a free number.
const maxKeepBoth = 10000

// findSpot decides, inside the transaction, what happens when a living child
// of a folder has the name. self, where not zero, is the node that moves: its
// own name is free to it.
func findSpot(tx *db.Tx, folder coffer.ID, name string, kind coffer.NodeKind, how coffer.IfExists, self coffer.ID) (spot, error) {
	for n := 2; ; n++ {
		try := name
		if n > 2 {
			try = coffer.KeepBothName(name, n-1)
		}
		has, err := tx.ChildNamed(folder, try)
		if errors.Is(err, coffer.ErrNotFound) || err == nil && has.ID == self && !self.IsZero() {
			return spot{name: try}, nil
		}
		if err != nil {
			return spot{}, err
		}
		switch {
		case how == coffer.KeepBoth && n <= maxKeepBoth:
			continue
		case has.Kind != kind:
		case kind == coffer.File && (how == coffer.Replace || how == coffer.Merge), kind == coffer.Folder && how == coffer.Merge:
			return spot{name: try, onto: &has}, nil
		}
		return spot{}, taken(has)
	}
}

func taken(has coffer.Node) error {
	what := "A file"
	if has.Kind == coffer.Folder {
		what = "A folder"
	}
	e := coffer.E(coffer.Conflict, "name_taken", what+" with this name is here already.")
	e.Existing = has.ID
	return e
}

func errDepth() error {
	return coffer.E(coffer.Conflict, "depth", "Folders can be nested 1,024 deep, not more.")
}

func errRoot() error {
	return coffer.E(coffer.Conflict, "root", "This is the top folder of the space: it stays where it is.")
}

func stale() error {
	return coffer.E(coffer.Stale, "stale", "Somebody changed this since you looked. Look again, then decide.")
}
