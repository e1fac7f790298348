package api

import (
	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/gate"
	"coffer/internal/wire"
)

func invitation(i accounts.Invitation) wire.Invitation {
	w := wire.Invitation{ID: i.ID, Email: i.Email, Role: string(i.Role), CreatedAt: i.CreatedAt, SentAt: i.SentAt, ExpiresAt: i.ExpiresAt, Ended: i.Ended}
	if !i.By.IsZero() {
		w.InvitedBy = &wire.Person{ID: i.By, Name: i.ByName}
	}
	return w
}

func (a *API) invite(c *call, in *bodyOf[wire.NewInvitation]) (*bodyOf[wire.Invitation], error) {
	i, err := a.Accounts.Invite(c, c.who, in.Body.Email, coffer.Role(in.Body.Role))
	return &bodyOf[wire.Invitation]{invitation(i)}, err
}

func (a *API) listInvitations(c *call, _ *none) (*bodyOf[wire.List[wire.Invitation]], error) {
	all, err := a.Accounts.Invitations(c, c.who)
	if err != nil {
		return nil, err
	}
	return listOf(all, invitation), nil
}

func (a *API) resendInvitation(c *call, in *ByID) (*bodyOf[wire.Invitation], error) {
	i, err := a.Accounts.ResendInvitation(c, c.who, in.ID)
	return &bodyOf[wire.Invitation]{invitation(i)}, err
}

func (a *API) withdrawInvitation(c *call, in *ByID) (*done, error) {
	return nil, a.Accounts.WithdrawInvitation(c, c.who, in.ID)
}

func (a *API) inspectInvitation(c *call, in *bodyOf[wire.MailToken]) (*bodyOf[wire.InvitationInfo], error) {
	i, err := a.Accounts.InspectInvitation(c, in.Body.Token)
	return &bodyOf[wire.InvitationInfo]{wire.InvitationInfo{Email: i.Email, Organisation: i.Organisation, InvitedBy: i.By, ExpiresAt: i.ExpiresAt, Ended: i.Ended}}, err
}

func (a *API) acceptInvitation(c *call, in *bodyOf[wire.InvitationAccept]) (*withCookies[wire.Me], error) {
	s, err := a.Accounts.AcceptInvitation(c, in.Body.Token, in.Body.Name, in.Body.Password, c.from())
	if err != nil {
		return nil, err
	}
	var set cookies
	set.set(gate.SignupCookie, "") // a sign-up of this address has ended
	return &withCookies[wire.Me]{set.set(gate.SessionCookie, s.Token), me(s.Principal)}, nil
}

func (a *API) deleteMe(c *call, in *bodyOf[wire.Deletion]) (*onlyCookies, error) {
	if err := a.Accounts.DeleteMe(c, c.who, in.Body.Password); err != nil {
		return nil, err
	}
	return &onlyCookies{sessionCookie("")}, nil
}
