package files

import (
	"errors"
	"testing"

	"coffer"
	"coffer/internal/db"
)

// TestKeyNeedsItsPass: a pass opens the keys of its own file only, and covers
// living children of its own folder only.
func TestKeyNeedsItsPass(t *testing.T) {
	space, file, folder := coffer.NewID(), coffer.NewID(), coffer.NewID()
	p := pass{node: coffer.Node{ID: file, SpaceID: space}, space: coffer.Space{ID: space}}
	for what, v := range map[string]coffer.Version{
		"another file":  {NodeID: coffer.NewID(), SpaceID: space},
		"another space": {NodeID: file, SpaceID: coffer.NewID()},
	} {
		if _, err := (&Service{}).openKey(nil, p, db.Version{Version: v}); !errors.Is(err, coffer.ErrNotFound) {
			t.Errorf("the key of %s: %v", what, err)
		}
	}
	p = pass{node: coffer.Node{ID: folder, SpaceID: space}, space: coffer.Space{ID: space, RootID: folder}}
	trashed := p
	trashed.trash = true
	for what, r := range map[string]struct {
		p pass
		n coffer.Node
	}{
		"of another folder":   {p, coffer.Node{ID: file, SpaceID: space, ParentID: coffer.NewID()}},
		"of another space":    {p, coffer.Node{ID: file, SpaceID: coffer.NewID(), ParentID: folder}},
		"in the trash":        {p, coffer.Node{ID: file, SpaceID: space, ParentID: folder, TrashedAt: 1}},
		"of a trashed folder": {trashed, coffer.Node{ID: file, SpaceID: space, ParentID: folder}},
	} {
		if _, err := r.p.child(r.n); !errors.Is(err, coffer.ErrNotFound) {
			t.Errorf("a child %s: %v", what, err)
		}
	}
	if _, err := p.child(coffer.Node{ID: file, SpaceID: space, ParentID: folder}); err != nil {
		t.Errorf("a child: %v", err)
	}
	for what, n := range map[string]coffer.Node{
		"the root":         {ID: folder, SpaceID: space},
		"a child":          {ID: file, SpaceID: space, ParentID: folder},
		"of another space": {ID: file, SpaceID: coffer.NewID()},
	} {
		if _, err := p.hidden(n); !errors.Is(err, coffer.ErrNotFound) {
			t.Errorf("hidden, %s: %v", what, err)
		}
	}
}
