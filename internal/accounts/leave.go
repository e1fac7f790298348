package accounts

import (
	"context"
	"errors"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/mail"
)

// DeleteMe deletes the principal's own account for ever, for a person who knows
// the password: everything that it could be used with ends, what it owns is
// given up (Options.Leaving), and a last letter tells. The last owner stays.
//
// Errors: Invalid "wrong_login" about field password, Conflict "last_owner",
// Limited, Busy.
func (s *Service) DeleteMe(ctx context.Context, p coffer.Principal, password string) error {
	if err := need(p, coffer.ScopeAccount); err != nil {
		return err
	}
	from := From{Address: p.Address, RequestID: p.RequestID}
	proof, err := s.prove(ctx, p.User.Email, password, from)
	if e, ok := errors.AsType[*coffer.Error](err); ok && e.Code == "wrong_login" {
		return wrongField("password", "wrong_login", "Your password is not right.")
	} else if err != nil {
		return err
	}
	site, now, err := s.site(ctx)
	if err != nil {
		return err
	}
	told := s.letter(mail.AccountDeleted(site, p.User.Email, mail.Request{At: now, Address: p.Address}))
	return s.DB.Update(ctx, func(tx *db.Tx) error {
		if err := tx.LockInstall(); err != nil { // two owners cannot leave at once
			return err
		}
		if err := proof.settle(tx, from); err != nil {
			return err
		}
		u := proof.user
		if u.ID != p.User.ID {
			return errUnauthenticated()
		}
		if err := notLastOwner(tx, u); err != nil {
			return err
		}
		if err := s.remove(tx, p, u, "self", true); err != nil {
			return err
		}
		return told.post(tx)
	})
}

// remove deletes an account with all that it could be used with.
func (s *Service) remove(tx *db.Tx, by coffer.Principal, u coffer.User, how string, erase bool) error {
	if s.Leaving != nil {
		if err := s.Leaving(tx, by, u.ID, erase); err != nil {
			return err
		}
	}
	if err := endAll(tx, u.ID); err != nil {
		return err
	}
	if err := tx.DeleteSignup(u.Email); err != nil {
		return err
	}
	if err := tx.DeleteUser(u.ID); err != nil {
		return err
	}
	return tx.InsertEvent(event(by, "user.deleted", u.ID, map[string]any{"how": how, "email": u.Email, "role": u.Role, "erased": erase}))
}

// RemovePerson deletes somebody else's account for ever. What the person's own
// space holds must have been handed over, unless it is to be erased. Access that
// was given to the person goes; what the person gave to others stays.
//
// Errors: Forbidden, ErrNotFound, Conflict "self", "last_owner" or "has_files".
func (s *Service) RemovePerson(ctx context.Context, p coffer.Principal, id coffer.ID, erase bool) error {
	if err := needPower(p, coffer.ManagePeople); err != nil {
		return err
	}
	if id == p.User.ID {
		return coffer.E(coffer.Conflict, "self", "This is your own account: delete it in your settings.")
	}
	return s.DB.Update(ctx, func(tx *db.Tx) error {
		if err := tx.LockInstall(); err != nil { // two owners cannot remove each other
			return err
		}
		u, err := tx.User(id)
		if err != nil {
			return err
		}
		if err := mayManage(p, u.Role); err != nil {
			return err
		}
		if err := notLastOwner(tx, u); err != nil {
			return err
		}
		return s.remove(tx, p, u, "admin", erase)
	})
}
