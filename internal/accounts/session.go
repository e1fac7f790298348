package accounts

import (
	"context"
	"errors"

	"coffer"
	"coffer/internal/cred"
	"coffer/internal/db"
)

// AuthenticateSession returns who holds a session token (cookie), read from the
// database at each call: an ended session, a disabled account or a changed role
// counts at once. Error: Unauthenticated.
func (s *Service) AuthenticateSession(ctx context.Context, token string, from From) (coffer.Principal, error) {
	hash, err := cred.ParseToken(cred.Session, token)
	if err != nil {
		return coffer.Principal{}, errUnauthenticated()
	}
	var session coffer.Session
	var user coffer.User
	var now int64
	err = s.DB.Once(ctx, func(tx *db.Tx) (err error) {
		now = tx.Now
		session, user, err = tx.SessionByHash(hash, idleSince(tx))
		return err
	})
	if err := alive(user, err); err != nil {
		return coffer.Principal{}, err
	}
	if now-session.LastSeenAt >= touchEvery.Milliseconds() {
		s.touch(ctx, session.ID, user.ID, func(tx *db.Tx) error { return tx.TouchSession(session.ID, from.Address) })
	}
	p := by(user, from)
	p.SessionID = session.ID
	return p, nil
}

// AuthenticateToken is AuthenticateSession for a bearer token, whose scopes
// limit it.
func (s *Service) AuthenticateToken(ctx context.Context, token string, from From) (coffer.Principal, error) {
	hash, err := cred.ParseToken(cred.PAT, token)
	if err != nil {
		return coffer.Principal{}, errUnauthenticated()
	}
	var t coffer.Token
	var user coffer.User
	var now int64
	err = s.DB.Once(ctx, func(tx *db.Tx) (err error) {
		now = tx.Now
		t, user, err = tx.TokenByHash(hash)
		return err
	})
	if err := alive(user, err); err != nil {
		return coffer.Principal{}, err
	}
	if now-t.LastUsedAt >= touchEvery.Milliseconds() {
		s.touch(ctx, t.ID, user.ID, func(tx *db.Tx) error { return tx.TouchToken(t.ID, from.Address) })
	}
	p := by(user, from)
	p.TokenID, p.Scopes = t.ID, t.Scopes
	return p, nil
}

// alive turns the answer of a look-up into the one for the caller.
func alive(u coffer.User, err error) error {
	if errors.Is(err, coffer.ErrNotFound) || err == nil && u.Disabled {
		return errUnauthenticated()
	}
	return err
}

func idleSince(tx *db.Tx) int64 { return tx.Now - SessionIdle.Milliseconds() }

// touch writes down the last use behind the answer; once at a time for each
// session, however many requests come in together.
func (s *Service) touch(ctx context.Context, id, user coffer.ID, write func(*db.Tx) error) {
	if _, running := s.touching.LoadOrStore(id, true); running {
		return
	}
	s.behind(ctx, "last seen", func(ctx context.Context) error {
		defer s.touching.Delete(id)
		return s.DB.Update(ctx, func(tx *db.Tx) error {
			if err := write(tx); err != nil {
				return err
			}
			return tx.TouchUser(user)
		})
	})
}

// Logout ends the session or token that the principal came with.
func (s *Service) Logout(ctx context.Context, p coffer.Principal) error {
	if err := need(p, ""); err != nil {
		return err
	}
	if !p.SessionID.IsZero() {
		return s.endSession(ctx, p, p.SessionID)
	}
	return s.endToken(ctx, p, p.TokenID)
}

// Sessions lists the principal's living sessions, last seen first.
func (s *Service) Sessions(ctx context.Context, p coffer.Principal) (list []coffer.Session, err error) {
	if err := need(p, coffer.ScopeAccount); err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *db.Tx) (err error) { list, err = tx.Sessions(p.User.ID, idleSince(tx)); return err })
	return list, err
}

// EndSession ends one of the principal's sessions; ErrNotFound for any other.
func (s *Service) EndSession(ctx context.Context, p coffer.Principal, id coffer.ID) error {
	if err := need(p, coffer.ScopeAccount); err != nil {
		return err
	}
	return s.endSession(ctx, p, id)
}

func (s *Service) endSession(ctx context.Context, p coffer.Principal, id coffer.ID) error {
	return s.DB.Update(ctx, func(tx *db.Tx) error {
		if err := tx.DeleteSession(p.User.ID, id); err != nil {
			return err
		}
		return tx.InsertEvent(event(p, "session.ended", id, nil))
	})
}

// EndOtherSessions ends all of the principal's sessions but the one that it
// came with. Tokens stay.
func (s *Service) EndOtherSessions(ctx context.Context, p coffer.Principal) error {
	if err := need(p, coffer.ScopeAccount); err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *db.Tx) error {
		n, err := tx.DeleteSessions(p.User.ID, p.SessionID)
		if err != nil || n == 0 {
			return err
		}
		return tx.InsertEvent(event(p, "session.ended", coffer.ID{}, map[string]any{"others": n}))
	})
}

// Tokens lists the principal's living bearer tokens, last used first.
func (s *Service) Tokens(ctx context.Context, p coffer.Principal) (list []coffer.Token, err error) {
	if err := need(p, coffer.ScopeAccount); err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *db.Tx) (err error) { list, err = tx.Tokens(p.User.ID); return err })
	return list, err
}

// EndToken ends one of the principal's tokens; ErrNotFound for any other.
func (s *Service) EndToken(ctx context.Context, p coffer.Principal, id coffer.ID) error {
	if err := need(p, coffer.ScopeAccount); err != nil {
		return err
	}
	return s.endToken(ctx, p, id)
}

func (s *Service) endToken(ctx context.Context, p coffer.Principal, id coffer.ID) error {
	return s.DB.Update(ctx, func(tx *db.Tx) error {
		if err := tx.DeleteToken(p.User.ID, id); err != nil {
			return err
		}
		return tx.InsertEvent(event(p, "token.ended", id, nil))
	})
}
