package files

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"coffer"
	"coffer/internal/db"
)

const (
	defaultFound = 50  // results of a page
	maxFound     = 200 // at most
	maxSteps     = 10  // of a search for one page
)

// Filter narrows a search. The zero value lets everything through. Times are
// in ms; both ends count.
type Filter struct {
	Kind                        string    // "" or one of kinds
	ChangedAfter, ChangedBefore int64     // 0 = any
	ChangedBy                   coffer.ID // zero = anybody
	MinSize, MaxSize            int64     // bytes of a file, MaxSize 0 = any; with either, no folders
	Under                       coffer.ID // a folder; zero = everywhere
	Owner                       string    // "", "me" = in the own space, "others" = in all others
	Reach                       string    // "", "only_you" or "people", which is others too: who can open it
}

// kinds are what a search can ask for: folders, all files, or files by their
// names' ends and the media type told by their first bytes.
var kinds = map[string]struct{ ends, media []string }{
	"folder":       {},
	"file":         {},
	"document":     {ends: []string{".doc", ".docx", ".odt", ".rtf", ".pages", ".txt", ".md"}, media: []string{"text/rtf"}},
	"pdf":          {ends: []string{".pdf"}, media: []string{"application/pdf"}},
	"sheet":        {ends: []string{".xls", ".xlsx", ".ods", ".csv", ".tsv", ".numbers"}, media: []string{"text/csv"}},
	"presentation": {ends: []string{".ppt", ".pptx", ".odp", ".key"}},
	"picture":      {ends: []string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".heic", ".tif", ".tiff", ".bmp", ".svg"}, media: []string{"image/"}},
	"audio":        {ends: []string{".mp3", ".m4a", ".wav", ".ogg", ".oga", ".flac", ".aac", ".opus"}, media: []string{"audio/"}},
	"video":        {ends: []string{".mp4", ".m4v", ".webm", ".mov", ".mkv", ".avi", ".ogv"}, media: []string{"video/"}},
	"archive":      {ends: []string{".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar"}},
}

// in narrows spaces to those that pass Owner.
func (f Filter) in(tx *db.Tx, who coffer.ID, spaces []coffer.ID) ([]coffer.ID, error) {
	if f.Owner == "" {
		return spaces, nil
	}
	own, err := tx.PersonalSpace(who) // guests have none
	if err != nil && !errors.Is(err, coffer.ErrNotFound) {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(spaces), func(id coffer.ID) bool { return (id == own.ID) != (f.Owner == "me") }), nil
}

// reached reports whether who can open a node passes Reach.
func (f Filter) reached(r *Reach) bool {
	return f.Reach == "" || (f.Reach == "only_you") == (r.OnlyYou && r.Links.Links+r.Links.Named == 0)
}

// fits reports whether a node passes all but Under, Owner and Reach.
func (f Filter) fits(n coffer.Node) bool {
	switch {
	case f.ChangedAfter != 0 && n.ChangedAt < f.ChangedAfter,
		f.ChangedBefore != 0 && n.ChangedAt > f.ChangedBefore,
		!f.ChangedBy.IsZero() && n.ChangedBy != f.ChangedBy,
		(f.MinSize != 0 || f.MaxSize != 0) && n.Kind != coffer.File,
		n.Size < f.MinSize,
		f.MaxSize != 0 && n.Size > f.MaxSize:
		return false
	}
	switch f.Kind {
	case "":
		return true
	case "folder":
		return n.Kind == coffer.Folder
	case "file":
		return n.Kind == coffer.File
	}
	if n.Kind != coffer.File {
		return false
	}
	name := strings.ToLower(n.Name)
	return slices.ContainsFunc(kinds[f.Kind].ends, func(end string) bool { return strings.HasSuffix(name, end) }) ||
		slices.ContainsFunc(kinds[f.Kind].media, func(media string) bool { return strings.HasPrefix(n.MediaType, media) })
}

// SearchOptions say what else counts, and which part of the results is asked
// for.
type SearchOptions struct {
	Filter
	Limit  int    // 0 = 50; at most 200
	Cursor string // Page.Next of the same search for the same person
}

// Placed is an item with the folders that it is in.
type Placed struct {
	Item
	Path []Crumb // from the root, or the topmost folder that the principal may see, to the parent
}

// Search finds living files and folders by their names, wherever the principal
// may open them: those that begin with the query first, then those whose names
// have all its words in them, newest first. Case, accents and the like do not
// matter. A page may hold fewer than Limit, even none, and still have a next
// one. Nobody counts the results: Total is 0.
func (v *View) Search(ctx context.Context, query string, o SearchOptions) (page Page[Placed], err error) {
	s, err := nameSearch(query)
	if err != nil {
		return page, err
	}
	if _, known := kinds[o.Kind]; o.Kind != "" && !known {
		return page, coffer.E(coffer.Invalid, "invalid", "There is no such kind to search for.")
	}
	if !slices.Contains([]string{"", "me", "others"}, o.Owner) || !slices.Contains([]string{"", "only_you", "people"}, o.Reach) {
		return page, coffer.E(coffer.Invalid, "invalid", "owner may be me or others, reach only_you or people.")
	}
	if o.Limit, err = foundLimit(o.Limit); err != nil {
		return page, err
	}
	mac := newCursor(v, "search", []byte(s.Query), o.Filter.bytes())
	if o.Cursor != "" {
		raw, err := mac.Open(o.Cursor)
		if err != nil {
			return page, err
		}
		if s.After, err = readFound(raw); err != nil {
			return page, err
		}
	}
	err = v.survey(ctx, func(tx *db.Tx, spaces []coffer.ID) error {
		s.Spaces = spaces
		if !o.Under.IsZero() {
			under, err := decide(tx, v.p, o.Under, coffer.Read, false)
			if err != nil {
				return err
			}
			s.Spaces = []coffer.ID{under.space.ID}
		}
		if s.Spaces, err = o.in(tx, v.p.User.ID, s.Spaces); err != nil {
			return err
		}
		var next *db.NamePosition
		page = Page[Placed]{}
		if page.Items, next, err = v.search(tx, s, o); err != nil || next == nil {
			return err
		}
		page.Next, err = mac.Seal(foundPosition(*next))
		return err
	})
	return page, err
}

func foundLimit(n int) (int, error) {
	switch {
	case n == 0:
		return defaultFound, nil
	case n < 0 || n > maxFound:
		return 0, coffer.E(coffer.Invalid, "invalid", "limit may be 1 to 200.")
	}
	return n, nil
}

// nameSearch reads what somebody typed.
func nameSearch(query string) (s db.NameSearch, err error) {
	if len(query) > coffer.MaxNameBytes {
		return s, coffer.E(coffer.Invalid, "invalid", "q is longer than any name.")
	}
	s.Words = strings.Fields(coffer.SearchKey(query))
	s.Query = strings.Join(s.Words, " ")
	if len(s.Words) == 0 {
		return s, coffer.E(coffer.Invalid, "query_empty", "Type a part of a name to search for.")
	}
	return s, nil
}

// search takes steps until the page is full, nothing is left, or enough was
// looked at.
func (v *View) search(tx *db.Tx, s db.NameSearch, o SearchOptions) (found []Placed, next *db.NamePosition, err error) {
	who, places := v.people(tx), map[coffer.ID]place{}
	var last db.NamePosition // of the last result
	for range maxSteps {
		hits, more, err := tx.SearchNames(s)
		if err != nil {
			return nil, nil, err
		}
		for _, h := range hits {
			f, err := v.found(tx, who, places, h.Node, o.Filter)
			if errors.Is(err, coffer.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, nil, err
			}
			if len(found) == o.Limit {
				return found, &last, nil
			}
			found, last = append(found, f), h.At
		}
		if next = more; next == nil {
			break
		}
		s.After = *next
	}
	return found, next, nil
}

// found is a node that was searched as a result, coffer.ErrNotFound when it is
// none.
func (v *View) found(tx *db.Tx, who people, places map[coffer.ID]place, n coffer.Node, f Filter) (Placed, error) {
	if n.TrashedAt != 0 || !f.fits(n) {
		return Placed{}, coffer.ErrNotFound
	}
	in, err := wasIn(tx, places, n.ParentID)
	if err != nil {
		return Placed{}, err
	}
	under := func(c Crumb) bool { return c.ID == f.Under }
	if !f.Under.IsZero() && !slices.ContainsFunc(in.path, under) {
		return Placed{}, coffer.ErrNotFound
	}
	p, err := v.placed(tx, who, places, n.ID)
	if err == nil && !f.reached(p.Reach) {
		err = coffer.ErrNotFound
	}
	return p, err
}

// placed is a living node that the principal may open, with its path;
// coffer.ErrNotFound for all others. Known places are remembered.
func (v *View) placed(tx *db.Tx, who people, places map[coffer.ID]place, id coffer.ID) (Placed, error) {
	p, err := decide(tx, v.p, id, coffer.Read, false)
	if err != nil {
		return Placed{}, err
	}
	in, err := wasIn(tx, places, p.node.ParentID)
	if err != nil {
		return Placed{}, err
	}
	i, err := who.item(p.shown(), p.access)
	if err != nil {
		return Placed{}, err
	}
	on, err := tx.PeopleOn(id, nil)
	if err != nil {
		return Placed{}, err
	}
	links, err := openLinks(tx, id)
	i.Reach = p.reached(p.openers(on), Lent{}.count(links...))
	return Placed{i, in.path[max(0, len(in.path)-int(p.sees)):]}, err
}

func (f Filter) bytes() []byte {
	return fmt.Appendf(nil, "%s %d %d %s %d %d %s %s %s", f.Kind, f.ChangedAfter, f.ChangedBefore, f.ChangedBy, f.MinSize, f.MaxSize, f.Under, f.Owner, f.Reach)
}

// foundPosition writes where a search goes on: part, number, key.
func foundPosition(at db.NamePosition) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{flag(at.Rest)}, uint64(at.Num)), at.Key...)
}

func readFound(b []byte) (db.NamePosition, error) {
	if len(b) < 9 {
		return db.NamePosition{}, badCursor()
	}
	return db.NamePosition{Rest: b[0] == 1, Num: int64(binary.BigEndian.Uint64(b[1:9])), Key: string(b[9:])}, nil
}

// searchedBy is the setting that says by which rule all names are indexed.
const searchedBy = "search.keys"

func searchable(tx *db.Tx) (bool, error) {
	all, err := tx.Settings()
	return all[searchedBy] == coffer.SearchKeys, err
}

// indexBatch is how many names one transaction indexes; changes wait meanwhile.
const indexBatch = 200

// IndexNames tells search all names that it does not know: those from before
// there was search, and all when the rule of its keys is another. It does
// nothing when that is done, and may be cut off and repeated.
func (s *Service) IndexNames(ctx context.Context) error {
	var done bool
	if err := s.inspect(ctx, func(tx *db.Tx) (err error) { done, err = searchable(tx); return err }); err != nil || done {
		return err
	}
	for after := (coffer.ID{}); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var batch []coffer.Node
		err := s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) (err error) {
			if batch, err = tx.Nodes(after, indexBatch); err != nil {
				return err
			}
			return indexAll(tx, batch)
		})
		if err != nil {
			return err
		}
		if len(batch) < indexBatch {
			break
		}
		after = batch[len(batch)-1].ID
	}
	return s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error { return tx.SetSetting(searchedBy, coffer.SearchKeys) })
}

func indexAll(tx *db.Tx, batch []coffer.Node) error {
	spaces := make([]coffer.ID, len(batch))
	for i, n := range batch {
		spaces[i] = n.SpaceID
	}
	if err := lockSpaces(tx, spaces); err != nil {
		return err
	}
	for _, n := range batch {
		n, err := tx.Node(n.ID) // as it is now that nobody changes it
		if errors.Is(err, coffer.ErrNotFound) {
			continue
		}
		if err == nil {
			err = tx.IndexName(n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
