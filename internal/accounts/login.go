package accounts

import (
	"bytes"
	"context"
	"errors"
	"time"

	"coffer"
	"coffer/internal/cred"
	"coffer/internal/db"
	"coffer/internal/mail"
)

// SignedIn is a browser that was signed in just now.
type SignedIn struct {
	Token     string // secret, for the cookie
	Principal coffer.Principal
	Session   coffer.Session
}

// proof is what a right password proves: who, and which stored password it was.
type proof struct {
	user     coffer.User
	password db.Password
	again    db.Password // the same password under today's costs, when the stored one is weaker
}

// settle spends a proof in the transaction of the act that needed it. Whatever
// happened to the account while the password was hashed is seen here.
func (p *proof) settle(tx *db.Tx, from From) error {
	user, now, err := tx.LockUser(p.user.Email)
	switch {
	case errors.Is(err, coffer.ErrNotFound):
		return errWrongLogin()
	case err != nil:
		return err
	case user.ID != p.user.ID || !bytes.Equal(now.Sealed, p.password.Sealed):
		return errWrongLogin()
	case user.Disabled:
		return errDisabled()
	}
	p.user = user
	if p.again.Sealed != nil {
		if err := tx.ReplacePassword(user.ID, p.password, p.again); err != nil {
			return err
		}
	}
	return uncountLogin(tx, user.Email, from)
}

func errWrongLogin() error {
	return coffer.E(coffer.Unauthenticated, "wrong_login", "E-mail address or password is not right.")
}

func errDisabled() error {
	return coffer.E(coffer.Forbidden, "account_disabled", "This account is turned off. Ask your administrator.")
}

// prove checks a password. Each call that is not refused by the counters runs
// one hash, whether or not the address has an account; that an account is turned
// off is told only to whoever knows its password.
func (s *Service) prove(ctx context.Context, email, password string, from From) (*proof, error) {
	stored, plausible := parseEmail(email)
	if !plausible {
		stored = email // has no account, but counts like any other
	}
	if err := s.countLogin(ctx, stored, from); err != nil {
		return nil, err
	}
	var p proof
	err := s.DB.View(ctx, func(tx *db.Tx) (err error) {
		if !plausible {
			return coffer.ErrNotFound
		}
		p.user, p.password, err = tx.UserByEmail(stored)
		return err
	})
	if errors.Is(err, coffer.ErrNotFound) {
		if err := s.Hasher.Dummy(ctx, password); err != nil {
			return nil, hashError(err)
		}
		return nil, errWrongLogin()
	} else if err != nil {
		return nil, err
	}
	phc, err := s.Keys.OpenPassword(p.user.ID, p.password.KEKVer, p.password.Sealed)
	if err != nil {
		return nil, err
	}
	ok, weak, err := s.Hasher.Verify(ctx, phc, password)
	if err != nil {
		return nil, hashError(err)
	}
	if !ok {
		s.Log.InfoContext(ctx, "wrong password", "user", p.user.ID, "address", from.Address, "request_id", from.RequestID)
		return nil, errWrongLogin()
	}
	if p.user.Disabled {
		return nil, errDisabled()
	}
	if weak {
		if p.again, err = s.hash(ctx, p.user.ID, password); err != nil {
			return nil, err
		}
	}
	return &p, nil
}

// Login signs a browser in by password.
//
// Errors: Unauthenticated "wrong_login", Forbidden "account_disabled" (only after
// a right password), Limited, Busy.
func (s *Service) Login(ctx context.Context, email, password string, from From) (SignedIn, error) {
	p, err := s.prove(ctx, email, password, from)
	if err != nil {
		return SignedIn{}, err
	}
	news, err := s.signInNews(ctx, p.user, Browser(from.UserAgent), from)
	if err != nil {
		return SignedIn{}, err
	}
	var in SignedIn
	err = s.DB.Update(ctx, func(tx *db.Tx) (err error) {
		if err := p.settle(tx, from); err != nil {
			return err
		}
		if in, err = startSession(tx, p.user, from); err != nil {
			return err
		}
		return noteSignIn(tx, p.user, from, news)
	})
	return in, err
}

// startSession signs a browser in, under a fresh token. The session that the
// browser had before ends.
func startSession(tx *db.Tx, u coffer.User, from From) (SignedIn, error) {
	if hash, err := cred.ParseToken(cred.Session, from.Replaces); err == nil {
		if err := tx.DeleteSessionByHash(hash); err != nil {
			return SignedIn{}, err
		}
	}
	token, hash := cred.NewToken(cred.Session)
	in := SignedIn{
		Token: token,
		Session: coffer.Session{
			ID: coffer.NewID(), UserID: u.ID, UserAgent: cleanUserAgent(from.UserAgent), Address: from.Address,
			CreatedAt: tx.Now, LastSeenAt: tx.Now, SteppedUpAt: tx.Now, ExpiresAt: tx.Now + SessionLife.Milliseconds(),
		},
		Principal: by(u, from),
	}
	in.Principal.SessionID = in.Session.ID
	if err := tx.InsertSession(in.Session, hash); err != nil {
		return SignedIn{}, err
	}
	if err := tx.TrimSessions(u.ID, maxOpen); err != nil {
		return SignedIn{}, err
	}
	if err := tx.TouchUser(u.ID); err != nil {
		return SignedIn{}, err
	}
	return in, tx.InsertEvent(event(in.Principal, "session.started", in.Session.ID, map[string]any{"browser": Browser(from.UserAgent)}))
}

// networkMark and browserMark are what a sign-in is recognised by.
func networkMark(from From) string { return "net " + coffer.Network(from.Address) }
func browserMark(from From) string { return "browser " + Browser(from.UserAgent) }

// signInNews is the letter about a sign-in with device, in case it is a new one.
func (s *Service) signInNews(ctx context.Context, u coffer.User, device string, from From) (letter, error) {
	site, now, err := s.site(ctx)
	if err != nil {
		return letter{}, err
	}
	return s.letter(mail.NewSignIn(site, u.Email, device, mail.Request{At: now, Address: from.Address})), nil
}

// noteSignIn remembers network and browser, and posts the letter when one of
// them is new. The first sign-in of an account is no news.
func noteSignIn(tx *db.Tx, u coffer.User, from From, news letter) error {
	since := tx.Now - knownFor.Milliseconds()
	before, err := tx.HasSignedIn(u.ID)
	if err != nil {
		return err
	}
	isNew := false
	for _, mark := range []string{networkMark(from), browserMark(from)} {
		known, err := tx.KnownSignIn(u.ID, mark, since)
		if err != nil {
			return err
		}
		isNew = isNew || !known
		if err := tx.MarkSignIn(u.ID, mark); err != nil {
			return err
		}
	}
	if !before || !isNew {
		return nil
	}
	told := coffer.Notice{Kind: coffer.NewSignIn, Told: coffer.NoticeText{Device: Browser(from.UserAgent), Address: from.Address}}
	_, err = tx.Tell(told, []coffer.ID{u.ID}) // not by another mail: there is a letter of its own
	return errors.Join(err, news.post(tx))
}

// NewToken asks for a bearer token.
type NewToken struct {
	Email, Password string
	Name            string         // what the person calls it: "Command line on laptop"
	Scopes          []coffer.Scope // none: files.read, files.write, share, account
	Days            int            // 1..365; 0 = 90
}

// TokenCreated holds the secret, which is shown this once.
type TokenCreated struct {
	Secret    string
	Token     coffer.Token
	Principal coffer.Principal
}

// CreateToken gives a bearer token to whoever proves the password. Neither a
// cookie nor a token is enough. Errors as Login, and Invalid.
func (s *Service) CreateToken(ctx context.Context, in NewToken, from From) (TokenCreated, error) {
	var check inputs
	if in.Name == "" {
		in.Name = Browser(from.UserAgent)
	}
	name := check.name("name", in.Name, "Name the token.")
	if in.Days == 0 {
		in.Days = tokenDays
	}
	if in.Days < 1 || in.Days > maxDays {
		check.wrong("days", "invalid", "Choose 1 to 365 days.")
	}
	if len(in.Scopes) == 0 {
		in.Scopes = []coffer.Scope{coffer.ScopeFilesRead, coffer.ScopeFilesWrite, coffer.ScopeShare, coffer.ScopeAccount}
	}
	scopes := knownScopes(&check, in.Scopes)
	if err := check.result(); err != nil {
		return TokenCreated{}, err
	}
	p, err := s.prove(ctx, in.Email, in.Password, from)
	if err != nil {
		return TokenCreated{}, err
	}
	news, err := s.signInNews(ctx, p.user, name, from)
	if err != nil {
		return TokenCreated{}, err
	}
	secret, hash := cred.NewToken(cred.PAT)
	out := TokenCreated{Secret: secret}
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		if err := p.settle(tx, from); err != nil {
			return err
		}
		out.Token = coffer.Token{
			ID: coffer.NewID(), UserID: p.user.ID, Name: name, Last4: secret[len(secret)-4:], Scopes: scopes, Address: from.Address,
			CreatedAt: tx.Now, LastUsedAt: tx.Now, ExpiresAt: tx.Now + (time.Duration(in.Days) * 24 * time.Hour).Milliseconds(),
		}
		out.Principal = by(p.user, from)
		out.Principal.TokenID, out.Principal.Scopes = out.Token.ID, scopes
		if err := tx.InsertToken(out.Token, hash); err != nil {
			return err
		}
		if err := tx.TrimTokens(p.user.ID, maxOpen); err != nil {
			return err
		}
		if err := tx.InsertEvent(event(out.Principal, "token.created", out.Token.ID, map[string]any{"name": name, "scopes": scopes, "expires_at": out.Token.ExpiresAt})); err != nil {
			return err
		}
		return noteSignIn(tx, p.user, from, news)
	})
	return out, err
}

// knownScopes returns each asked scope once, in the order of coffer.AllScopes.
func knownScopes(check *inputs, asked []coffer.Scope) []coffer.Scope {
	want := map[coffer.Scope]bool{}
	for _, s := range asked {
		want[s] = true
	}
	var scopes []coffer.Scope
	for _, s := range coffer.AllScopes {
		if want[s] {
			scopes = append(scopes, s)
			delete(want, s)
		}
	}
	if len(want) > 0 {
		check.wrong("scopes", "invalid", "The scopes are files.read, files.write, share, account and admin.")
	}
	return scopes
}
