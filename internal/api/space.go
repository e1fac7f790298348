package api

import (
	"coffer/internal/files"
	"coffer/internal/wire"
)

func (a *API) makeSpace(c *call, in *bodyOf[wire.SpaceName]) (*bodyOf[wire.Space], error) {
	s, err := a.view(c).MakeSpace(c, in.Body.Name)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Space]{space(s)}, nil
}

func (a *API) renameSpace(c *call, in *struct {
	ByID
	Body wire.SpaceName
}) (*bodyOf[wire.Space], error) {
	s, err := a.view(c).RenameSpace(c, in.ID, in.Body.Name)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Space]{space(s)}, nil
}

func (a *API) removeSpace(c *call, in *struct {
	ByID
	Name string `query:"name" required:"true" maxLength:"255" doc:"The name of the space, typed again"`
}) (*bodyOf[wire.Erased], error) {
	final, err := a.view(c).RemoveSpace(c, in.ID, in.Name)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Erased]{wire.Erased{FinalAt: final}}, nil
}

func (a *API) listTeams(c *call, _ *none) (*bodyOf[wire.List[wire.Team]], error) {
	all, err := a.view(c).TeamSpaces(c)
	if err != nil {
		return nil, err
	}
	return listOf(all, func(s files.TeamSpace) wire.Team {
		t := wire.Team{ID: s.ID, Name: s.Name, Used: s.Used, Reserved: s.Reserved,
			Owners: mapped(s.Owners, func(p files.Person) wire.Person { return wire.Person{ID: p.ID, Name: p.Name} })}
		if s.Quota >= 0 {
			t.Quota = &s.Quota
		}
		return t
	}), nil
}

func (a *API) changeTeam(c *call, in *struct {
	ByID
	Body wire.TeamPatch
}) (*done, error) {
	return nil, a.view(c).ChangeTeamSpace(c, in.ID, files.TeamPatch{Quota: in.Body.Quota, Owner: in.Body.Owner})
}

func (a *API) handOver(c *call, in *struct {
	ByID
	Body wire.HandOver
}) (*bodyOf[wire.Team], error) {
	s, err := a.view(c).HandOver(c, in.ID, in.Body.Email, in.Body.Name)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Team]{wire.Team{ID: s.ID, Name: s.Name, Used: s.Used, Reserved: s.Reserved, Owners: []wire.Person{}}}, nil
}
