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
	Reach                       string    // "", "only_you", "people" = others too, or "link" = whoever has a link
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
	switch f.Reach {
	case "":
		return true
	case "link":
		return r.Links.Links > 0
	default:
		return (f.Reach == "only_you") == (r.OnlyYou && r.Links.Links+r.Links.Named == 0)
	}
}

// fits reports whether a living node passes all but Under, Owner and Reach.
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
	if !slices.Contains([]string{"", "me", "others"}, o.Owner) || !slices.Contains([]string{"", "only_you", "people", "link"}, o.Reach) {
		return page, coffer.E(coffer.Invalid, "invalid", "owner may be me or others, reach only_you, people or link.")
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
	f := v.finding(tx)
	var last db.NamePosition // of the last result
	for range maxSteps {
		hits, more, err := tx.SearchNames(s)
		if err != nil {
			return nil, nil, err
		}
		hits = slices.DeleteFunc(hits, func(h db.NameHit) bool { return h.Node.TrashedAt != 0 || !o.fits(h.Node) })
		ids := make([]coffer.ID, len(hits))
		for i, h := range hits {
			ids[i] = h.Node.ID
		}
		if err := f.expect(ids); err != nil {
			return nil, nil, err
		}
		for _, h := range hits {
			p, err := f.found(h.Node, o.Filter)
			if errors.Is(err, coffer.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, nil, err
			}
			if len(found) == o.Limit {
				return found, &last, nil
			}
			found, last = append(found, p), h.At
		}
		if next = more; next == nil {
			break
		}
		s.After = *next
	}
	return found, next, nil
}

// A finding is a list of nodes from anywhere that is told to a principal. What
// several of them have in common is read once.
type finding struct {
	v      *View
	tx     *db.Tx
	who    people
	places map[coffer.ID]place
	at     map[coffer.ID][]db.LinkRow // links that open a node itself, of those expected
	above  map[coffer.ID][]db.LinkRow // links that open a folder, its own and of those above
}

func (v *View) finding(tx *db.Tx) finding {
	return finding{v, tx, v.people(tx), map[coffer.ID]place{}, map[coffer.ID][]db.LinkRow{}, map[coffer.ID][]db.LinkRow{}}
}

// expect reads the links of nodes that are told next, all at once.
func (f finding) expect(ids []coffer.ID) error {
	rows, err := f.tx.LinksAt(ids)
	if err != nil {
		return err
	}
	if rows, err = working(f.tx, rows); err != nil {
		return err
	}
	for _, id := range ids {
		f.at[id] = nil
	}
	for _, r := range rows {
		f.at[r.NodeID] = append(f.at[r.NodeID], r)
	}
	return nil
}

// lent counts the links that open a node that was expected.
func (f finding) lent(n coffer.Node) (l Lent, err error) {
	above, known := f.above[n.ParentID]
	if !known && !n.ParentID.IsZero() {
		if above, err = openLinks(f.tx, n.ParentID); err != nil {
			return l, err
		}
		f.above[n.ParentID] = above
	}
	return l.count(f.at[n.ID]...).count(above...), nil
}

// found is a node that was searched as a result, coffer.ErrNotFound when it is
// none.
func (f finding) found(n coffer.Node, o Filter) (Placed, error) {
	in, err := wasIn(f.tx, f.places, n.ParentID)
	if err != nil {
		return Placed{}, err
	}
	under := func(c Crumb) bool { return c.ID == o.Under }
	if !o.Under.IsZero() && !slices.ContainsFunc(in.path, under) {
		return Placed{}, coffer.ErrNotFound
	}
	p, err := f.placed(n.ID)
	if err == nil && !o.reached(p.Reach) {
		err = coffer.ErrNotFound
	}
	return p, err
}

// placed is a living node that the principal may open, with its path;
// coffer.ErrNotFound for all others. It was expected.
func (f finding) placed(id coffer.ID) (Placed, error) {
	p, err := decide(f.tx, f.v.p, id, coffer.Read, false)
	if err != nil {
		return Placed{}, err
	}
	in, err := wasIn(f.tx, f.places, p.node.ParentID)
	if err != nil {
		return Placed{}, err
	}
	i, err := f.who.item(p.shown(), p.access)
	if err != nil {
		return Placed{}, err
	}
	on, err := f.tx.PeopleOn(id, nil)
	if err != nil {
		return Placed{}, err
	}
	links, err := f.lent(p.node)
	i.Reach = p.reached(p.openers(on), links)
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
