package api

import (
	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/files"
	"coffer/internal/wire"
)

func (a *API) listNotices(c *call, in *struct {
	Limit int    `query:"limit" minimum:"0" maximum:"200" doc:"Default 50"`
	Next  string `query:"next" doc:"Of the page before"`
}) (*bodyOf[wire.Notices], error) {
	p, err := a.view(c).Notices(c, in.Limit, in.Next)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Notices]{wire.Notices{Items: mapped(p.Items, notice), Unread: p.Unread, Next: p.Next}}, nil
}

func notice(n files.Notice) wire.Notice {
	t := n.Told
	w := wire.Notice{ID: n.ID, At: n.At, Kind: string(n.Kind), Count: n.Count, By: person(files.Person{ID: n.ActorID, Name: t.By}), Name: t.Name, Folder: t.Folder, Link: t.Link, Who: t.Who,
		Role: t.Role, Until: t.Until, Message: t.Message, Device: t.Device, Address: t.Address, Left: t.Left, Of: t.Of, Files: t.Files, Bytes: t.Bytes, Email: t.Email, Ref: t.Ref, Read: n.Read}
	if n.Node != nil {
		w.Node = &wire.NoticeNode{ID: n.Node.ID, Name: n.Node.Name, Kind: n.Node.Kind.String(), ParentID: n.Node.ParentID}
	}
	return w
}

func (a *API) readNotices(c *call, in *bodyOf[wire.NoticesRead]) (*done, error) {
	return nil, a.view(c).ReadNotices(c, in.Body.IDs, in.Body.All)
}

func (a *API) getNoticeSettings(c *call, _ *none) (*bodyOf[wire.NoticeSettings], error) {
	s, err := a.Accounts.NoticeSettings(c, c.who)
	if err != nil {
		return nil, err
	}
	return noticeSettings(s), nil
}

func (a *API) changeNoticeSettings(c *call, in *bodyOf[wire.NoticeSettings]) (*bodyOf[wire.NoticeSettings], error) {
	s, err := a.Accounts.ChangeNoticeSettings(c, c.who, accounts.NoticePatch(in.Body))
	if err != nil {
		return nil, err
	}
	return noticeSettings(s), nil
}

func noticeSettings(s coffer.NoticeSettings) *bodyOf[wire.NoticeSettings] {
	return &bodyOf[wire.NoticeSettings]{wire.NoticeSettings{Shares: &s.Shares, Links: &s.Links, Requests: &s.Requests, Storage: &s.Storage, Digest: &s.Digest, Names: &s.Names}}
}
