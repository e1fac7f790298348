package api

import (
	"coffer"
	"coffer/internal/files"
	"coffer/internal/gate"
	"coffer/internal/preview"
	"coffer/internal/wire"
)

// filled turns a nil list into an empty one: the document promises arrays.
func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func mapped[F, T any](from []F, shape func(F) T) []T {
	to := make([]T, len(from))
	for i, f := range from {
		to[i] = shape(f)
	}
	return to
}

// listOf is a list that has one page.
func listOf[F, T any](all []F, shape func(F) T) *bodyOf[wire.List[T]] {
	return &bodyOf[wire.List[T]]{wire.List[T]{Items: mapped(all, shape), Total: int64(len(all))}}
}

func pageOf[F, T any](p files.Page[F], shape func(F) T) *bodyOf[wire.List[T]] {
	return &bodyOf[wire.List[T]]{wire.List[T]{Items: mapped(p.Items, shape), Next: p.Next, Total: p.Total}}
}

// partOf is a page of a list that nobody counted.
func partOf[F, T any](p files.Page[F], shape func(F) T) *bodyOf[wire.Part[T]] {
	return &bodyOf[wire.Part[T]]{wire.Part[T]{Items: mapped(p.Items, shape), Next: p.Next}}
}

func me(p coffer.Principal) wire.Me {
	u := p.User
	m := wire.Me{ID: u.ID, Email: u.Email, Name: u.Name, Role: string(u.Role), Theme: u.Theme, Language: u.Language,
		CreatedAt: u.CreatedAt, SessionID: p.SessionID, TokenID: p.TokenID, Powers: []string{}}
	for _, power := range coffer.AllPowers {
		if u.Role.Has(power) {
			m.Powers = append(m.Powers, power.String())
		}
	}
	return m
}

func token(t coffer.Token, current coffer.ID) wire.Token {
	return wire.Token{ID: t.ID, Current: t.ID == current, Name: t.Name, Last4: t.Last4,
		Scopes:  mapped(t.Scopes, func(s coffer.Scope) string { return string(s) }),
		Address: t.Address, CreatedAt: t.CreatedAt, LastUsedAt: t.LastUsedAt, ExpiresAt: t.ExpiresAt}
}

func person(p files.Person) *wire.Person {
	if p.ID.IsZero() {
		return nil
	}
	return &wire.Person{ID: p.ID, Name: p.Name}
}

func crumb(c files.Crumb) wire.Crumb { return wire.Crumb{ID: c.ID, Name: c.Name} }

func item(i files.Item) wire.Node {
	n := wire.Node{ID: i.ID, SpaceID: i.SpaceID, ParentID: i.ParentID, Kind: i.Kind.String(), Name: i.Name, Size: i.Size,
		ChildCount: i.ChildCount, MediaType: i.MediaType, VersionID: i.VersionID, Rev: i.Rev, CreatedAt: i.CreatedAt, ChangedAt: i.ChangedAt,
		CreatedBy: person(i.CreatedBy), ChangedBy: person(i.ChangedBy), Access: i.Access.String(), Reach: reach(i.Reach)}
	if i.Kind == coffer.File {
		n.Thumbnail = i.HasThumbnail()
		n.Preview = preview.KindOf(i.Name, i.MediaType).Show
	}
	return n
}

func placed(p files.Placed) wire.Node {
	n := item(p.Item)
	n.Path = mapped(p.Path, crumb)
	return n
}

func recent(r files.Recent) wire.Recent {
	what := "changed"
	if r.Opened {
		what = "opened"
	}
	return wire.Recent{Node: placed(r.Placed), At: r.At, What: what, By: person(r.By)}
}

func detail(d files.Detail) wire.Node {
	n := item(d.Item)
	n.Path, n.SHA256, n.Number = mapped(d.Path, crumb), d.SHA256, d.Number
	return n
}

// nodeAnswer is one node with its metadata ETag.
type nodeAnswer struct {
	Status int
	ETag   string `header:"ETag"`
	Body   wire.Node
}

func answer(status int, d files.Detail) *nodeAnswer {
	return &nodeAnswer{status, metadataETag(d.Rev), detail(d)}
}

func space(s files.Space) wire.Space {
	w := wire.Space{ID: s.ID, Kind: string(s.Kind), Name: s.Name, Access: s.Access.String(), RootID: s.RootID, Used: s.Used, Reserved: s.Reserved}
	if s.Quota >= 0 {
		w.Quota = &s.Quota
	}
	return w
}

func trashItem(t files.TrashItem) wire.TrashItem {
	return wire.TrashItem{Node: item(t.Item), TrashedAt: t.TrashedAt, TrashedBy: person(t.TrashedBy), PurgeAt: t.PurgeAt,
		Where: mapped(t.Where, crumb), ParentGone: t.ParentGone}
}

func (a *API) job(c *call) func(files.Work) wire.Job {
	return func(w files.Work) wire.Job {
		j := wire.Job{ID: w.ID, Kind: w.Op, To: w.To, State: w.State, Done: w.Done, Total: w.Total, CreatedAt: w.CreatedAt, Results: mapped(w.Results, a.batchResult(c))}
		if w.Err != nil {
			p := gate.Problem(c, w.Err)
			j.Error = &p
		}
		return j
	}
}

func (a *API) batchResult(c *call) func(files.BatchResult) wire.BatchResult {
	return func(r files.BatchResult) wire.BatchResult {
		w := wire.BatchResult{ID: r.ID}
		if r.Err != nil {
			gate.Note(c, r.Err)
			p := gate.Problem(c, r.Err)
			w.Problem = &p
		} else if r.Detail != nil {
			n := detail(*r.Detail)
			w.Node = &n
		}
		return w
	}
}
