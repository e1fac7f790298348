package api

import (
	"coffer/internal/accounts"
	"coffer/internal/wire"
)

func (a *API) listPeople(c *call, in *struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"10000" doc:"Default 200"`
	Cursor string `query:"cursor" maxLength:"4096" doc:"next of the page before"`
	Q      string `query:"q" maxLength:"255" doc:"Only names and addresses that contain this"`
}) (*bodyOf[wire.List[wire.Account]], error) {
	p, err := a.Accounts.People(c, c.who, accounts.PeopleOptions{Limit: in.Limit, Cursor: in.Cursor, Query: in.Q})
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.List[wire.Account]]{wire.List[wire.Account]{Items: mapped(p.Accounts, account), Next: p.Next, Total: p.Total}}, nil
}

func (a *API) changePerson(c *call, in *struct {
	ByID
	Body wire.AccountPatch
}) (*bodyOf[wire.Account], error) {
	p, err := a.Accounts.SetQuota(c, c.who, in.ID, in.Body.Quota)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Account]{account(p)}, nil
}

func (a *API) removePerson(c *call, in *struct {
	ByID
	Files string `query:"files" enum:"erase" doc:"erase: what the person's own space holds is deleted for ever; without it, such a person stays"`
}) (*done, error) {
	return nil, a.Accounts.RemovePerson(c, c.who, in.ID, in.Files == "erase")
}

func account(p accounts.Account) wire.Account {
	w := wire.Account{ID: p.ID, Name: p.Name, Email: p.Email, Role: string(p.Role), State: "on", Used: p.Used, Reserved: p.Reserved,
		Quota: p.Quota, CreatedAt: p.CreatedAt, LastSeenAt: p.LastSeenAt}
	if p.Disabled {
		w.State = "off"
	}
	if p.Limit != accounts.NoLimit {
		w.Limit = &p.Limit
	}
	return w
}
