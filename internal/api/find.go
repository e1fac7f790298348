package api

import (
	"coffer"
	"coffer/internal/files"
	"coffer/internal/wire"
)

func (a *API) search(c *call, in *struct {
	Q             string    `query:"q" required:"true" minLength:"1" maxLength:"255" doc:"Words that must all be in the name, in any order; case and accents do not matter"`
	Kind          string    `query:"kind" enum:"folder,file,document,pdf,sheet,presentation,picture,audio,video,archive" doc:"Only such"`
	ChangedAfter  int64     `query:"changed_after" minimum:"0" doc:"Changed at this time or later (ms)"`
	ChangedBefore int64     `query:"changed_before" minimum:"0" doc:"Changed at this time or earlier (ms)"`
	ChangedBy     coffer.ID `query:"changed_by" doc:"Changed last by this person"`
	Under         coffer.ID `query:"under" doc:"In this folder, or somewhere below"`
	MinSize       int64     `query:"min_size" minimum:"0" doc:"Files of at least so many bytes"`
	MaxSize       int64     `query:"max_size" minimum:"0" doc:"Files of at most so many bytes"`
	Owner         string    `query:"owner" enum:"me,others" doc:"In the caller's own space, or in all others"`
	Reach         string    `query:"reach" enum:"only_you,people,link" doc:"Only the caller can open it, or others too, or whoever has a link"`
	Limit         int       `query:"limit" minimum:"1" maximum:"200" doc:"Default 50. A page may hold fewer, even none, and have a next one"`
	Cursor        string    `query:"cursor" maxLength:"4096" doc:"next of the page before"`
}) (*bodyOf[wire.Part[wire.Node]], error) {
	p, err := a.view(c).Search(c, in.Q, files.SearchOptions{Limit: in.Limit, Cursor: in.Cursor, Filter: files.Filter{Kind: in.Kind,
		ChangedAfter: in.ChangedAfter, ChangedBefore: in.ChangedBefore, ChangedBy: in.ChangedBy, Under: in.Under, MinSize: in.MinSize, MaxSize: in.MaxSize, Owner: in.Owner, Reach: in.Reach}})
	if err != nil {
		return nil, err
	}
	return partOf(p, placed), nil
}

func (a *API) listRecent(c *call, in *struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" doc:"Default 50. A page may hold fewer, even none, and have a next one"`
	Cursor string `query:"cursor" maxLength:"4096" doc:"next of the page before"`
}) (*bodyOf[wire.Part[wire.Recent]], error) {
	p, err := a.view(c).Recent(c, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	return partOf(p, recent), nil
}

func (a *API) listPins(c *call, _ *none) (*bodyOf[wire.List[wire.Node]], error) {
	all, err := a.view(c).Pins(c)
	if err != nil {
		return nil, err
	}
	return listOf(all, placed), nil
}

func (a *API) pin(c *call, in *ByID) (*done, error) { return nil, a.view(c).Pin(c, in.ID) }

func (a *API) unpin(c *call, in *ByID) (*done, error) { return nil, a.view(c).Unpin(c, in.ID) }
