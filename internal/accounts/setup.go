package accounts

import (
	"context"
	"crypto/subtle"
	"errors"
	"strconv"
	"strings"

	"coffer"
	"coffer/internal/cred"
	"coffer/internal/db"
	"coffer/internal/mail"
)

// Who may create an account.
const (
	SignupOpen       = "open"       // anybody, and who is invited
	SignupDomains    = "domains"    // addresses at some domains, and who is invited
	SignupInvitation = "invitation" // who is invited
	SignupClosed     = "closed"     // nobody: accounts are made where the server runs
)

// Names of the settings in the database.
const (
	settingOrganisation = "organisation"
	settingSignup       = "signup"
	settingDomains      = "signup_domains" // space separated
)

// Settings are the policies of the installation.
type Settings struct {
	Organisation string
	Signup       string   // SignupOpen, SignupDomains, SignupInvitation, SignupClosed
	Domains      []string // that may sign up, with SignupDomains
	Quota        int64    // bytes that a person's own space may hold, unless that person has another; NoLimit

	MembersMakeGroups bool // everybody who may share makes groups, not administrators only
	MembersMakeSpaces bool // everybody with a space of their own makes team spaces
}

// Instance is what anybody may know of the installation.
type Instance struct {
	Settings
	SetupNeeded bool // no owner exists yet
}

// readSettings returns the settings. Until somebody set them, nobody may join.
func readSettings(tx *db.Tx) (Settings, error) {
	all, err := tx.Settings()
	s := Settings{Organisation: "Coffer", Signup: SignupClosed, Quota: NoLimit}
	if v := all[settingOrganisation]; v != "" {
		s.Organisation = v
	}
	if v := all[settingSignup]; v != "" {
		s.Signup = v
	}
	s.Domains = strings.Fields(all[settingDomains])
	s.MembersMakeGroups, s.MembersMakeSpaces = all[db.SettingMakeGroups] == "true", all[db.SettingMakeSpaces] == "true"
	if v := all[db.SettingQuota]; v != "" && err == nil {
		s.Quota, err = strconv.ParseInt(v, 10, 64)
	}
	return s, err
}

// selfService reports whether people may join without an invitation.
func (s Settings) selfService() bool { return s.Signup == SignupOpen || s.Signup == SignupDomains }

func writeSettings(tx *db.Tx, s Settings) error {
	return errors.Join(
		tx.SetSetting(settingOrganisation, s.Organisation),
		tx.SetSetting(settingSignup, s.Signup),
		tx.SetSetting(settingDomains, strings.Join(s.Domains, " ")),
		tx.SetSetting(db.SettingQuota, strconv.FormatInt(s.Quota, 10)),
		tx.SetSetting(db.SettingMakeGroups, strconv.FormatBool(s.MembersMakeGroups)),
		tx.SetSetting(db.SettingMakeSpaces, strconv.FormatBool(s.MembersMakeSpaces)),
	)
}

func (s *Service) settings(ctx context.Context) (out Settings, err error) {
	err = s.DB.View(ctx, func(tx *db.Tx) (err error) { out, err = readSettings(tx); return err })
	return out, err
}

// site is what letters say of the installation, and the time.
func (s *Service) site(ctx context.Context) (site mail.Site, now int64, err error) {
	err = s.DB.View(ctx, func(tx *db.Tx) error {
		settings, err := readSettings(tx)
		site, now = mail.Site{Organisation: settings.Organisation, BaseURL: s.BaseURL}, tx.Now
		return err
	})
	return site, now, err
}

// check refuses settings that mean nothing.
func (in *inputs) settings(s Settings) Settings {
	s.Organisation = in.name("organisation", s.Organisation, "Type the name of your organisation.")
	in.oneOf("signup", s.Signup, SignupOpen, SignupDomains, SignupInvitation, SignupClosed)
	s.Domains = in.domains("domains", s.Domains)
	if s.Signup == SignupDomains && len(s.Domains) == 0 {
		in.wrong("domains", "invalid", "Name at least one domain.")
	}
	in.quota("quota", s.Quota)
	return s
}

// Instance returns what anybody may know.
func (s *Service) Instance(ctx context.Context) (out Instance, err error) {
	err = s.DB.View(ctx, func(tx *db.Tx) (err error) {
		if out.Settings, err = readSettings(tx); err != nil {
			return err
		}
		all, _, err := tx.Owners()
		out.SetupNeeded = all == 0
		return err
	})
	return out, err
}

// PrepareSetup returns a new setup code, which ends all former ones, or "" when
// an owner exists. The code belongs into the log of the server and nowhere else.
func (s *Service) PrepareSetup(ctx context.Context) (code string, err error) {
	text, hash := cred.NewSetupCode()
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		code = ""
		if err := tx.LockInstall(); err != nil {
			return err
		}
		all, _, err := tx.Owners()
		if err != nil {
			return err
		}
		if all > 0 {
			return tx.SetSetupHash(nil)
		}
		code = text
		return tx.SetSetupHash(hash)
	})
	return code, err
}

// Setup makes the first owner.
type Setup struct {
	Code, Name, Email, Password string
	Organisation, Signup        string
	Domains                     []string
}

// Setup makes the first owner, sets the policies and signs the browser in. The
// code proves that it is the person who runs the server, so the address needs no
// confirmation. Of two at the same moment, one succeeds.
//
// Errors: Conflict "setup_done", Invalid with fields, Limited, Busy.
func (s *Service) Setup(ctx context.Context, in Setup, from From) (SignedIn, error) {
	net := countersOf("", from.Address).network
	if err := s.count(ctx, try{net, perNetwork()}); err != nil {
		return SignedIn{}, err
	}
	if err := s.DB.View(ctx, func(tx *db.Tx) error { return checkSetup(tx, in.Code) }); err != nil {
		return SignedIn{}, err
	}
	var check inputs
	u := coffer.User{ID: coffer.NewID(), Role: coffer.RoleOwner, Theme: "system", Language: "en"}
	u.Name = check.name("name", in.Name, typeName)
	u.Email = check.email("email", in.Email)
	settings := check.settings(Settings{Organisation: in.Organisation, Signup: in.Signup, Domains: in.Domains, Quota: NoLimit})
	check.password(s.Policy, "password", in.Password, u.Name, u.Email, settings.Organisation)
	if err := check.result(); err != nil {
		return SignedIn{}, err
	}
	password, err := s.hash(ctx, u.ID, in.Password)
	if err != nil {
		return SignedIn{}, err
	}
	var out SignedIn
	err = s.DB.Update(ctx, func(tx *db.Tx) (err error) {
		if err := tx.LockInstall(); err != nil {
			return err
		}
		if err := checkSetup(tx, in.Code); err != nil {
			return err
		}
		if u, err = insertUser(tx, u, password); err != nil {
			return err
		}
		if err := writeSettings(tx, settings); err != nil {
			return err
		}
		if err := tx.InsertEvent(event(by(u, from), "user.created", u.ID, userDetail(u, "setup"))); err != nil {
			return err
		}
		if err := tx.UndoTry(net, perNetwork()); err != nil {
			return err
		}
		if out, err = startSession(tx, u, from); err != nil {
			return err
		}
		return noteSignIn(tx, u, from, letter{})
	})
	return out, err
}

// checkSetup answers whether a setup code counts now.
func checkSetup(tx *db.Tx, typed string) error {
	all, _, err := tx.Owners()
	if err != nil {
		return err
	}
	if all > 0 {
		return coffer.E(coffer.Conflict, "setup_done", "This server is set up already. Sign in.")
	}
	want, err := tx.SetupHash()
	if err != nil {
		return err
	}
	got, err := cred.ParseSetupCode(typed)
	if err != nil || want == nil || subtle.ConstantTimeCompare(got, want) != 1 {
		return wrongField("code", "setup_code_wrong", "That code is not right. The newest one stands in the server's log.")
	}
	return nil
}

// Settings returns the policies, for whoever may set them.
func (s *Service) Settings(ctx context.Context, p coffer.Principal) (Settings, error) {
	if err := needPower(p, coffer.SetPolicy); err != nil {
		return Settings{}, err
	}
	return s.settings(ctx)
}

// KeyExport tells people who look after the installation when its keys were
// exported last (ms, 0: never), and whether that export holds the present ones.
func (s *Service) KeyExport(ctx context.Context, p coffer.Principal) (at int64, current bool, err error) {
	if err := needPower(p, coffer.ReadPeople); err != nil {
		return 0, false, err
	}
	return s.Keys.EscrowState(ctx)
}

// SettingsPatch changes settings; a nil field stays as it is.
type SettingsPatch struct {
	Organisation, Signup *string
	Domains              *[]string
	Quota                *int64

	MembersMakeGroups, MembersMakeSpaces *bool
}

// UpdateSettings changes the policies.
func (s *Service) UpdateSettings(ctx context.Context, p coffer.Principal, patch SettingsPatch) (out Settings, err error) {
	if err := needPower(p, coffer.SetPolicy); err != nil {
		return out, err
	}
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		if err := tx.LockInstall(); err != nil { // two patches of different fields both count
			return err
		}
		before, err := readSettings(tx)
		if err != nil {
			return err
		}
		after := before
		set(&after.Organisation, patch.Organisation)
		set(&after.Signup, patch.Signup)
		set(&after.Domains, patch.Domains)
		set(&after.MembersMakeGroups, patch.MembersMakeGroups)
		set(&after.MembersMakeSpaces, patch.MembersMakeSpaces)
		set(&after.Quota, patch.Quota)
		var check inputs
		out = check.settings(after)
		if err := check.result(); err != nil {
			return err
		}
		if err := writeSettings(tx, out); err != nil {
			return err
		}
		return tx.InsertEvent(event(p, "settings.changed", coffer.ID{}, map[string]any{"before": before, "after": out}))
	})
	return out, err
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}
