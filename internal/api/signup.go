package api

import (
	"time"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/gate"
	"coffer/internal/wire"
)

func (a *API) getInstance(c *call, _ *none) (*bodyOf[wire.Instance], error) {
	i, err := a.Accounts.Instance(c)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Instance]{wire.Instance{Organisation: i.Organisation, Host: a.BaseURL.Host, SetupNeeded: i.SetupNeeded,
		Signup: i.Signup, Domains: filled(i.Domains), Version: a.Version,
		TrashDays: days(a.Retention.Trash), BackupDays: days(a.Retention.Backups)}}, nil
}

// days is how many days have begun.
func days(d time.Duration) int { return int((d + 24*time.Hour - 1) / (24 * time.Hour)) }

func (a *API) getKeys(c *call, _ *none) (*bodyOf[wire.Keys], error) {
	at, current, err := a.Accounts.KeyExport(c, c.who)
	return &bodyOf[wire.Keys]{wire.Keys{ExportedAt: at, Current: current}}, err
}

func (a *API) setUp(c *call, in *bodyOf[wire.Setup]) (*withCookies[wire.Me], error) {
	b := in.Body
	s, err := a.Accounts.Setup(c, accounts.Setup{Code: b.Code, Name: b.Name, Email: b.Email, Password: b.Password,
		Organisation: b.Organisation, Signup: b.Signup, Domains: b.Domains}, c.from())
	if err != nil {
		return nil, err
	}
	return &withCookies[wire.Me]{sessionCookie(s.Token), me(s.Principal)}, nil
}

// OfSignup is the input of routes for the browser that signed up.
type OfSignup struct {
	Cookie string `cookie:"__Host-signup" doc:"From POST /signup"`
}

func pending(p accounts.Pending) wire.SignupPending {
	return wire.SignupPending{Email: p.Email, CodeUntil: p.CodeUntil, LinkUntil: p.LinkUntil, ResendAt: p.ResendAt}
}

func (a *API) signUp(c *call, in *bodyOf[wire.Signup]) (*withCookies[wire.SignupPending], error) {
	secret, p, err := a.Accounts.SignUp(c, accounts.Signup{Name: in.Body.Name, Email: in.Body.Email, Password: in.Body.Password}, c.from())
	if err != nil {
		return nil, err
	}
	return &withCookies[wire.SignupPending]{new(cookies).set(gate.SignupCookie, secret), pending(p)}, nil
}

func (a *API) getSignup(c *call, in *OfSignup) (*bodyOf[wire.SignupPending], error) {
	p, err := a.Accounts.PendingSignup(c, in.Cookie)
	return &bodyOf[wire.SignupPending]{pending(p)}, err
}

func (a *API) changeSignup(c *call, in *struct {
	OfSignup
	Body wire.SignupAddress
}) (*bodyOf[wire.SignupPending], error) {
	p, err := a.Accounts.ChangeSignupAddress(c, in.Cookie, in.Body.Email, c.from())
	return &bodyOf[wire.SignupPending]{pending(p)}, err
}

func (a *API) resendSignup(c *call, in *OfSignup) (*bodyOf[wire.SignupPending], error) {
	p, err := a.Accounts.ResendSignup(c, in.Cookie, c.from())
	return &bodyOf[wire.SignupPending]{pending(p)}, err
}

func (a *API) inspectSignup(c *call, in *bodyOf[wire.MailToken]) (*bodyOf[wire.SignupInfo], error) {
	i, err := a.Accounts.InspectConfirmation(c, in.Body.Token)
	return &bodyOf[wire.SignupInfo]{wire.SignupInfo{Email: i.Email, CreatedAt: i.CreatedAt, Address: i.Address}}, err
}

func (a *API) confirmSignup(c *call, in *struct {
	OfSignup
	Body wire.Confirm
}) (*withCookies[wire.Confirmed], error) {
	if (in.Body.Code == "") == (in.Body.Token == "") {
		return nil, coffer.E(coffer.Invalid, "invalid", "Send either the six digits or the token of the mail.")
	}
	if in.Body.Token != "" {
		email, err := a.Accounts.ConfirmByToken(c, in.Body.Token, c.from())
		return &withCookies[wire.Confirmed]{Body: wire.Confirmed{Email: email}}, err
	}
	s, err := a.Accounts.ConfirmByCode(c, in.Cookie, in.Body.Code, c.from())
	if err != nil {
		return nil, err
	}
	var set cookies
	set.set(gate.SignupCookie, "")
	who := me(s.Principal)
	return &withCookies[wire.Confirmed]{set.set(gate.SessionCookie, s.Token), wire.Confirmed{Email: who.Email, Me: &who}}, nil
}

func (a *API) getSettings(c *call, _ *none) (*bodyOf[wire.Settings], error) {
	s, err := a.Accounts.Settings(c, c.who)
	return settings(s), err
}

func (a *API) changeSettings(c *call, in *bodyOf[wire.Settings]) (*bodyOf[wire.Settings], error) {
	s, err := a.Accounts.UpdateSettings(c, c.who, accounts.SettingsPatch{Organisation: in.Body.Organisation, Signup: in.Body.Signup, Domains: in.Body.Domains, Quota: in.Body.Quota,
		MembersMakeGroups: in.Body.MembersMakeGroups, MembersMakeSpaces: in.Body.MembersMakeSpaces})
	return settings(s), err
}

func settings(s accounts.Settings) *bodyOf[wire.Settings] {
	domains := filled(s.Domains)
	return &bodyOf[wire.Settings]{wire.Settings{Organisation: &s.Organisation, Signup: &s.Signup, Domains: &domains, Quota: &s.Quota,
		MembersMakeGroups: &s.MembersMakeGroups, MembersMakeSpaces: &s.MembersMakeSpaces}}
}
