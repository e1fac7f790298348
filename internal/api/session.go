package api

import (
	"net/http"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/gate"
	"coffer/internal/wire"
)

// withCookies is an answer that sets cookies.
type withCookies[T any] struct {
	SetCookie []string `header:"Set-Cookie"`
	Body      T
}

// onlyCookies is an answer without a body that sets cookies.
type onlyCookies struct {
	SetCookie []string `header:"Set-Cookie"`
}

// cookies collects Set-Cookie lines; secret "" takes a cookie away.
type cookies struct{ h http.Header }

func (c *cookies) set(name, secret string) []string {
	if c.h == nil {
		c.h = http.Header{}
	}
	switch {
	case secret == "":
		gate.ClearCookie(c.h, name)
	case name == gate.SessionCookie:
		gate.SetCookie(c.h, name, secret, accounts.SessionLife)
	default:
		gate.SetCookie(c.h, name, secret, accounts.SignupLife)
	}
	return c.h.Values("Set-Cookie")
}

func sessionCookie(secret string) []string { return new(cookies).set(gate.SessionCookie, secret) }

func (a *API) signIn(c *call, in *bodyOf[wire.Login]) (*withCookies[wire.Me], error) {
	s, err := a.Accounts.Login(c, in.Body.Email, in.Body.Password, c.from())
	if err != nil {
		return nil, err
	}
	return &withCookies[wire.Me]{sessionCookie(s.Token), me(s.Principal)}, nil
}

func (a *API) getSession(c *call, _ *none) (*bodyOf[wire.Me], error) {
	return &bodyOf[wire.Me]{me(c.who)}, nil
}

func (a *API) signOut(c *call, _ *none) (*onlyCookies, error) {
	if err := a.Accounts.Logout(c, c.who); err != nil {
		return nil, err
	}
	return &onlyCookies{sessionCookie("")}, nil
}

func (a *API) listSessions(c *call, _ *none) (*bodyOf[wire.List[wire.Session]], error) {
	all, err := a.Accounts.Sessions(c, c.who)
	if err != nil {
		return nil, err
	}
	return listOf(all, func(s coffer.Session) wire.Session {
		return wire.Session{ID: s.ID, Current: s.ID == c.who.SessionID, UserAgent: s.UserAgent, Browser: accounts.Browser(s.UserAgent),
			Address: s.Address, CreatedAt: s.CreatedAt, LastSeenAt: s.LastSeenAt, ExpiresAt: s.ExpiresAt}
	}), nil
}

func (a *API) endSession(c *call, in *ByID) (*done, error) {
	return nil, a.Accounts.EndSession(c, c.who, in.ID)
}

func (a *API) endSessions(c *call, _ *none) (*done, error) {
	return nil, a.Accounts.EndOtherSessions(c, c.who)
}

func (a *API) createToken(c *call, in *bodyOf[wire.NewToken]) (*bodyOf[wire.TokenCreated], error) {
	b := in.Body
	n := accounts.NewToken{Email: b.Email, Password: b.Password, Name: b.Name, Days: b.Days}
	for _, s := range b.Scopes {
		n.Scopes = append(n.Scopes, coffer.Scope(s))
	}
	t, err := a.Accounts.CreateToken(c, n, c.from())
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.TokenCreated]{wire.TokenCreated{Token: t.Secret, Record: token(t.Token, t.Token.ID), Me: me(t.Principal)}}, nil
}

func (a *API) listTokens(c *call, _ *none) (*bodyOf[wire.List[wire.Token]], error) {
	all, err := a.Accounts.Tokens(c, c.who)
	if err != nil {
		return nil, err
	}
	return listOf(all, func(t coffer.Token) wire.Token { return token(t, c.who.TokenID) }), nil
}

func (a *API) endToken(c *call, in *ByID) (*done, error) {
	return nil, a.Accounts.EndToken(c, c.who, in.ID)
}

func (a *API) changePassword(c *call, in *bodyOf[wire.PasswordChange]) (*onlyCookies, error) {
	secret, err := a.Accounts.ChangePassword(c, c.who, in.Body.Current, in.Body.New)
	if err != nil || secret == "" {
		return nil, err
	}
	return &onlyCookies{sessionCookie(secret)}, nil
}

func (a *API) forgotPassword(c *call, in *bodyOf[wire.PasswordForgot]) (*bodyOf[none], error) {
	return &bodyOf[none]{}, a.Accounts.Forgot(c, in.Body.Email, c.from())
}

func (a *API) resetPassword(c *call, in *bodyOf[wire.PasswordReset]) (*done, error) {
	return nil, a.Accounts.Reset(c, in.Body.Token, in.Body.Password, c.from())
}

func (a *API) changeMe(c *call, in *bodyOf[wire.MePatch]) (*bodyOf[wire.Me], error) {
	u, err := a.Accounts.UpdateMe(c, c.who, accounts.MePatch{Name: in.Body.Name, Theme: in.Body.Theme, Language: in.Body.Language})
	if err != nil {
		return nil, err
	}
	c.who.User = u
	return &bodyOf[wire.Me]{me(c.who)}, nil
}
