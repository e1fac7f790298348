package accounts

import (
	"context"
	"errors"

	"coffer"
	"coffer/internal/db"
)

// MePatch changes what a person sets about themselves; a nil field stays.
type MePatch struct{ Name, Theme, Language *string }

// UpdateMe changes the principal's own name, theme (system, light, dark) or
// language.
func (s *Service) UpdateMe(ctx context.Context, p coffer.Principal, patch MePatch) (u coffer.User, err error) {
	if err := need(p, coffer.ScopeAccount); err != nil {
		return u, err
	}
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		before, err := tx.User(p.User.ID)
		if err != nil {
			return err
		}
		u = before
		set(&u.Theme, patch.Theme)
		set(&u.Language, patch.Language)
		var check inputs
		if patch.Name != nil {
			u.Name = check.name("name", *patch.Name, typeName)
		}
		check.oneOf("theme", u.Theme, "system", "light", "dark")
		if !languageRE.MatchString(u.Language) {
			check.wrong("language", "invalid", "Use a language tag like en or pt-BR.")
		}
		if err := check.result(); err != nil {
			return err
		}
		if u == before {
			return nil
		}
		if err := tx.UpdateUser(u); err != nil {
			return err
		}
		return tx.InsertEvent(event(p, "user.changed", u.ID, map[string]any{
			"before": map[string]any{"name": before.Name, "theme": before.Theme, "language": before.Language},
			"after":  map[string]any{"name": u.Name, "theme": u.Theme, "language": u.Language},
		}))
	})
	return u, err
}

// NewUser is an account that somebody else makes.
type NewUser struct {
	Name, Email, Password string
	Role                  coffer.Role
}

// CreateUser makes an account whose address counts as confirmed. The server
// itself may make any; a person needs the power, and MakeAdmins for the roles
// that have powers over people.
//
// Errors: Forbidden, Invalid with fields, Conflict "email_taken", Busy.
func (s *Service) CreateUser(ctx context.Context, p coffer.Principal, in NewUser) (coffer.User, error) {
	if err := mayManage(p, in.Role); err != nil {
		return coffer.User{}, err
	}
	settings, err := s.settings(ctx)
	if err != nil {
		return coffer.User{}, err
	}
	var check inputs
	u := coffer.User{ID: coffer.NewID(), Role: in.Role, Theme: "system", Language: "en"}
	u.Name = check.name("name", in.Name, typeName)
	u.Email = check.email("email", in.Email)
	check.role("role", in.Role)
	check.password(s.Policy, "password", in.Password, u.Name, u.Email, settings.Organisation)
	if err := check.result(); err != nil {
		return coffer.User{}, err
	}
	password, err := s.hash(ctx, u.ID, in.Password)
	if err != nil {
		return coffer.User{}, err
	}
	err = s.DB.Update(ctx, func(tx *db.Tx) (err error) {
		if u, err = insertUser(tx, u, password); err != nil {
			return err
		}
		return tx.InsertEvent(event(p, "user.created", u.ID, userDetail(u, "admin")))
	})
	return u, err
}

// insertUser makes a confirmed account now. A sign-up and an invitation of the
// address end, and so does the setup code when it is an owner's.
func insertUser(tx *db.Tx, u coffer.User, password db.Password) (coffer.User, error) {
	u.CreatedAt, u.PasswordChangedAt, u.LastSeenAt = tx.Now, tx.Now, tx.Now
	if u.Role == coffer.RoleOwner {
		if err := tx.SetSetupHash(nil); err != nil {
			return u, err
		}
	}
	err := tx.InsertUser(u, password)
	if errors.Is(err, db.ErrTaken) {
		return u, errEmailTaken()
	} else if err != nil {
		return u, err
	}
	if err := tx.DeleteInvitationOf(u.Email); err != nil {
		return u, err
	}
	return u, tx.DeleteSignup(u.Email)
}

func errEmailTaken() error {
	e := coffer.E(coffer.Conflict, "email_taken", "An account with this address exists already.")
	e.Fields = map[string]string{"email": e.Msg}
	return e
}

// mayManage reports whether a principal may make or turn off people of a role.
func mayManage(p coffer.Principal, role coffer.Role) error {
	return needPower(p, powerOver(role))
}

// powerOver is the power that it takes to make or turn off people of a role.
func powerOver(role coffer.Role) coffer.Power {
	if role.Has(coffer.ManagePeople) {
		return coffer.MakeAdmins
	}
	return coffer.ManagePeople
}

// SetDisabled turns an account off or on. Off ends its sessions, tokens and
// resets at once. The last owner stays.
//
// Errors: Forbidden, ErrNotFound, Conflict "last_owner".
func (s *Service) SetDisabled(ctx context.Context, p coffer.Principal, email string, disabled bool) error {
	if err := needPower(p, coffer.ManagePeople); err != nil {
		return err
	}
	email, _ = parseEmail(email)
	return s.DB.Update(ctx, func(tx *db.Tx) error {
		if err := tx.LockInstall(); err != nil { // two owners cannot turn each other off
			return err
		}
		u, _, err := tx.UserByEmail(email)
		if err != nil {
			return err
		}
		if err := mayManage(p, u.Role); err != nil {
			return err
		}
		if u.Disabled == disabled {
			return nil
		}
		if disabled {
			if err := notLastOwner(tx, u); err != nil {
				return err
			}
		}
		if err := tx.SetUserDisabled(u.ID, disabled); err != nil {
			return err
		}
		action := "user.enabled"
		if disabled {
			action = "user.disabled"
			if err := endAll(tx, u.ID); err != nil {
				return err
			}
		}
		return tx.InsertEvent(event(p, action, u.ID, map[string]any{"email": u.Email}))
	})
}

// notLastOwner refuses to do without the one owner who can still sign in. The
// caller holds the lock of the installation.
func notLastOwner(tx *db.Tx, u coffer.User) error {
	_, enabled, err := tx.Owners()
	if err == nil && u.Role == coffer.RoleOwner && !u.Disabled && enabled <= 1 {
		return coffer.E(coffer.Conflict, "last_owner", "This is the last owner. Make another one first.")
	}
	return err
}

// endAll ends all that an account could be used with, but the password.
func endAll(tx *db.Tx, user coffer.ID) error {
	if _, err := tx.DeleteSessions(user, coffer.ID{}); err != nil {
		return err
	}
	if _, err := tx.DeleteTokens(user, coffer.ID{}); err != nil {
		return err
	}
	return tx.DeleteResets(user)
}
