package accounts

import (
	"context"
	"errors"

	"coffer"
	"coffer/internal/cred"
	"coffer/internal/db"
	"coffer/internal/mail"
)

// ChangePassword sets a new password for a person who knows the current one. It
// ends all other sessions and tokens and all pending resets, tells by mail, and
// gives the session that it came with another token, which is returned for the
// cookie ("" when it came with a bearer token).
//
// Errors: Invalid "wrong_login" about field current, or password_... about field
// new; Limited, Busy.
func (s *Service) ChangePassword(ctx context.Context, p coffer.Principal, current, password string) (token string, err error) {
	if err := need(p, coffer.ScopeAccount); err != nil {
		return "", err
	}
	settings, err := s.settings(ctx)
	if err != nil {
		return "", err
	}
	var check inputs
	check.password(s.Policy, "new", password, p.User.Name, p.User.Email, settings.Organisation)
	if err := check.result(); err != nil {
		return "", err
	}
	from := From{Address: p.Address, RequestID: p.RequestID}
	proof, err := s.prove(ctx, p.User.Email, current, from)
	if e, ok := errors.AsType[*coffer.Error](err); ok && e.Code == "wrong_login" {
		return "", wrongField("current", "wrong_login", "Your current password is not right.")
	} else if err != nil {
		return "", err
	}
	fresh, err := s.hash(ctx, p.User.ID, password)
	if err != nil {
		return "", err
	}
	told, err := s.passwordNews(ctx, p.User, from)
	if err != nil {
		return "", err
	}
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		token = ""
		if err := proof.settle(tx, from); err != nil {
			return err
		}
		if !p.SessionID.IsZero() {
			var hash []byte
			token, hash = cred.NewToken(cred.Session)
			if err := tx.RotateSession(p.SessionID, hash); errors.Is(err, coffer.ErrNotFound) {
				return errUnauthenticated() // ended meanwhile
			} else if err != nil {
				return err
			}
		}
		return setPassword(tx, p, proof.user, fresh, "change", told)
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// passwordNews is the letter that tells of a new password.
func (s *Service) passwordNews(ctx context.Context, u coffer.User, from From) (letter, error) {
	site, now, err := s.site(ctx)
	if err != nil {
		return letter{}, err
	}
	return s.letter(mail.PasswordChanged(site, u.Email, mail.Request{At: now, Address: from.Address})), nil
}

// setPassword stores a new password and ends everything that rested on the old
// one, except what p came with.
func setPassword(tx *db.Tx, p coffer.Principal, u coffer.User, password db.Password, how string, told letter) error {
	if err := tx.ChangePassword(u.ID, password); err != nil {
		return err
	}
	if _, err := tx.DeleteSessions(u.ID, p.SessionID); err != nil {
		return err
	}
	if _, err := tx.DeleteTokens(u.ID, p.TokenID); err != nil {
		return err
	}
	if err := tx.DeleteResets(u.ID); err != nil {
		return err
	}
	if err := tx.InsertEvent(event(p, "password.changed", u.ID, map[string]any{"how": how})); err != nil {
		return err
	}
	return told.post(tx)
}

// Forgot mails a link that sets a new password, if the address has an account
// that is not turned off. The answer says nothing of that, and neither does its
// time: the work is done behind it.
//
// Errors: Invalid "email_invalid", Limited.
func (s *Service) Forgot(ctx context.Context, email string, from From) error {
	var check inputs
	email = check.email("email", email)
	if err := check.result(); err != nil {
		return err
	}
	c := countersOf(email, from.Address)
	if err := s.count(ctx, try{c.network, perNetwork()}, try{c.mailNetwork, mailsPerNetwork()}, try{c.mailAddress, mailsPerAddress()}); err != nil {
		return err
	}
	s.behind(ctx, "password reset mail", func(ctx context.Context) error { return s.forgot(ctx, email, from) })
	return nil
}

func (s *Service) forgot(ctx context.Context, email string, from From) error {
	site, now, err := s.site(ctx)
	if err != nil {
		return err
	}
	token, hash := cred.NewToken(cred.Reset)
	l := s.letter(mail.ResetPassword(site, email, s.BaseURL+"/reset#"+token, mail.Request{At: now, Address: from.Address}))
	return s.DB.Update(ctx, func(tx *db.Tx) error {
		u, _, err := tx.LockUser(email) // a change of the password comes before or after
		if errors.Is(err, coffer.ErrNotFound) || err == nil && u.Disabled {
			return nil
		} else if err != nil {
			return err
		}
		if err := tx.InsertReset(coffer.NewID(), u.ID, hash, tx.Now+resetLife.Milliseconds()); err != nil {
			return err
		}
		if err := tx.InsertEvent(event(nobody(from), "password.reset_asked", u.ID, nil)); err != nil {
			return err
		}
		return l.post(tx)
	})
}

// Reset sets a new password with a mailed token, once. It ends all sessions and
// tokens and all other resets, tells by mail, and signs nobody in.
//
// Errors: Invalid "token_ended" or password_... about field password; Limited,
// Busy. A refused password leaves the token as it is.
func (s *Service) Reset(ctx context.Context, token, password string, from From) error {
	hash, err := cred.ParseToken(cred.Reset, token)
	if err != nil {
		return errTokenEnded()
	}
	if err := s.count(ctx, try{countersOf("", from.Address).network, perNetwork()}); err != nil {
		return err
	}
	settings, err := s.settings(ctx)
	if err != nil {
		return err
	}
	var u coffer.User
	err = s.DB.View(ctx, func(tx *db.Tx) (err error) { u, err = tx.Reset(hash); return err })
	if errors.Is(err, coffer.ErrNotFound) || err == nil && u.Disabled {
		return errTokenEnded()
	} else if err != nil {
		return err
	}
	var check inputs
	check.password(s.Policy, "password", password, u.Name, u.Email, settings.Organisation)
	if err := check.result(); err != nil {
		return err
	}
	fresh, err := s.hash(ctx, u.ID, password)
	if err != nil {
		return err
	}
	told, err := s.passwordNews(ctx, u, from)
	if err != nil {
		return err
	}
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		if now, _, err := tx.LockUser(u.Email); err != nil {
			return err
		} else if now.Disabled {
			return coffer.ErrNotFound
		}
		if err := tx.TakeReset(hash); err != nil {
			return err
		}
		// Whoever was guessing made the person wait; the guesses are void now.
		if err := uncountLogin(tx, u.Email, from); err != nil {
			return err
		}
		if err := tx.ForgetTries(countersOf(u.Email, from.Address).account); err != nil {
			return err
		}
		return setPassword(tx, by(u, from), u, fresh, "reset", told)
	})
	if errors.Is(err, coffer.ErrNotFound) {
		return errTokenEnded()
	}
	return err
}
