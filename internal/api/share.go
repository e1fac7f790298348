package api

import (
	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/files"
	"coffer/internal/wire"
)

func (a *API) listGrants(c *call, in *ByID) (*bodyOf[wire.Sharing], error) {
	s, err := a.view(c).Grants(c, in.ID)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Sharing]{wire.Sharing{Owner: person(s.Owner), Items: mapped(s.Grants, grant)}}, nil
}

func (a *API) giveAccess(c *call, in *struct {
	ByID
	Body wire.NewGrant
}) (*bodyOf[wire.Grant], error) {
	b := in.Body
	g, err := a.view(c).Grant(c, in.ID, files.NewGrant{Email: b.Email, UserID: b.UserID, GroupID: b.GroupID, Access: coffer.ParseAccess(b.Role), Until: b.Until, Message: b.Message})
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Grant]{grant(g)}, nil
}

func (a *API) askForMore(c *call, in *struct {
	ByID
	Body wire.Ask
}) (*done, error) {
	return nil, a.view(c).Ask(c, in.ID, in.Body.Message)
}

// ByGrant is exported for the reason of ByID.
type ByGrant struct {
	ByID
	Grant coffer.ID `path:"grant" doc:"26 characters of base32"`
}

func (a *API) changeGrant(c *call, in *struct {
	ByGrant
	Body wire.GrantPatch
}) (*bodyOf[wire.Grant], error) {
	g, err := a.view(c).ChangeGrant(c, in.ID, in.Grant, files.GrantPatch{Access: coffer.ParseAccess(in.Body.Role), Until: in.Body.Until})
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Grant]{grant(g)}, nil
}

func (a *API) takeAccess(c *call, in *ByGrant) (*done, error) {
	return nil, a.view(c).Ungrant(c, in.ID, in.Grant)
}

func (a *API) whoCanOpen(c *call, in *ByID) (*bodyOf[wire.Answer], error) {
	answer, err := a.view(c).Access(c, in.ID)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Answer]{wire.Answer{Sentences: answer.Sentences, Links: answer.Links.Links, LinksWithoutPassword: answer.Links.Bare, LinksNamed: answer.Links.Named, People: mapped(answer.People, func(o files.Opener) wire.Opener {
		return wire.Opener{ID: o.ID, Name: o.Name, Email: o.Email, Access: o.Access.String(), Ways: mapped(o.Ways, func(w files.Way) wire.Way {
			return wire.Way{Grant: w.Grant, Access: w.Access.String(), Until: w.Until, Group: w.Group, Inherited: w.Inherited, From: w.From}
		})}
	})}}, nil
}

func reach(r *files.Reach) *wire.Reach {
	if r == nil {
		return nil
	}
	w := &wire.Reach{Kind: "people", People: r.People, Links: r.Links.Links, Named: r.Links.Named}
	switch {
	case r.Links.Links+r.Links.Named > 0:
		w.Kind = "link"
	case r.OnlyYou:
		w.Kind = "only_you"
	}
	return w
}

func (a *API) listShared(c *call, _ *none) (*bodyOf[wire.List[wire.SharedItem]], error) {
	all, err := a.view(c).Shared(c)
	if err != nil {
		return nil, err
	}
	return listOf(all, func(s files.SharedItem) wire.SharedItem {
		return wire.SharedItem{Node: item(s.Item), By: person(s.By), Owner: person(s.Owner), Space: s.Space, Since: s.Since, Until: s.Until}
	}), nil
}

func (a *API) leaveShare(c *call, in *ByID) (*done, error) {
	return nil, a.view(c).Leave(c, in.ID)
}

func grant(g files.GrantItem) wire.Grant {
	w := wire.Grant{ID: g.ID, NodeID: g.NodeID, Kind: "person", UserID: g.UserID, GroupID: g.GroupID, Name: g.Name, Email: g.Email, Disabled: g.Disabled,
		Role: g.Access.String(), Until: g.Until, GivenAt: g.GivenAt, GivenBy: person(g.By), Inherited: g.Inherited, From: g.From, MayChange: g.MayChange}
	if !g.GroupID.IsZero() {
		w.Kind, w.Members = "group", &g.Members
	}
	return w
}

func (a *API) listGroups(c *call, _ *none) (*bodyOf[wire.Makeable[wire.Group]], error) {
	all, err := a.Accounts.Groups(c, c.who)
	if err != nil {
		return nil, err
	}
	may, err := a.Accounts.MayMakeGroup(c, c.who)
	return &bodyOf[wire.Makeable[wire.Group]]{wire.Makeable[wire.Group]{List: listOf(all, group).Body, MayMake: may}}, err
}

func (a *API) findPeople(c *call, in *struct {
	Q string `query:"q" maxLength:"254" doc:"A part of a name or address; where everybody may join, a whole address"`
}) (*bodyOf[wire.List[wire.Found]], error) {
	found, err := a.Accounts.Directory(c, c.who, in.Q)
	if err != nil {
		return nil, err
	}
	return listOf(found, func(u coffer.User) wire.Found { return wire.Found{ID: u.ID, Name: u.Name, Email: u.Email} }), nil
}

func group(g accounts.Group) wire.Group {
	return wire.Group{ID: g.ID, Name: g.Name, Members: g.Members, Member: g.Member, MayChange: g.MayChange, CreatedAt: g.CreatedAt}
}

func (a *API) makeGroup(c *call, in *bodyOf[wire.GroupName]) (*bodyOf[wire.Group], error) {
	g, err := a.Accounts.MakeGroup(c, c.who, in.Body.Name)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Group]{group(g)}, nil
}

func (a *API) renameGroup(c *call, in *struct {
	ByID
	Body wire.GroupName
}) (*bodyOf[wire.Group], error) {
	g, err := a.Accounts.RenameGroup(c, c.who, in.ID, in.Body.Name)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Group]{group(g)}, nil
}

func (a *API) deleteGroup(c *call, in *ByID) (*done, error) {
	return nil, a.Accounts.DeleteGroup(c, c.who, in.ID)
}

func (a *API) listMembers(c *call, in *ByID) (*bodyOf[wire.List[wire.Member]], error) {
	all, err := a.Accounts.Members(c, c.who, in.ID)
	if err != nil {
		return nil, err
	}
	return listOf(all, func(u coffer.User) wire.Member {
		state := "on"
		if u.Disabled {
			state = "off"
		}
		return wire.Member{ID: u.ID, Name: u.Name, Email: u.Email, State: state}
	}), nil
}

// ByMember is exported for the reason of ByID.
type ByMember struct {
	ByID
	User string `path:"user" maxLength:"254" doc:"Id or e-mail address of a person"`
}

func (a *API) addMember(c *call, in *ByMember) (*done, error) {
	return nil, a.Accounts.AddMember(c, c.who, in.ID, in.User)
}

func (a *API) removeMember(c *call, in *ByMember) (*done, error) {
	return nil, a.Accounts.RemoveMember(c, c.who, in.ID, in.User)
}
