package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"coffer"
	"coffer/internal/cred"
	"coffer/internal/db"
	"coffer/internal/mail"
)

// Signup asks for an account.
type Signup struct{ Name, Email, Password string }

// Pending is a sign-up as its browser sees it: the same for an address that has
// an account and for one that has none.
type Pending struct {
	Email     string
	CodeUntil int64
	LinkUntil int64
	ResendAt  int64
}

// Confirmation is what the holder of a mail may know before confirming.
type Confirmation struct {
	Email     string
	CreatedAt int64
	Address   string // network address that asked
}

func pending(s db.Signup) Pending {
	return Pending{Email: s.Email, CodeUntil: s.CodeUntil, LinkUntil: s.ExpiresAt, ResendAt: s.SentAt + resendWait.Milliseconds()}
}

// SignUp takes a request for an account and mails a code and a link to the
// address. cookie is the secret of this browser, for the verbs below. An address
// that has an account gets another mail; answer, work and rows are the same.
//
// Errors: Invalid with fields, Forbidden "signup_closed", Limited, Busy.
func (s *Service) SignUp(ctx context.Context, in Signup, from From) (cookie string, p Pending, err error) {
	settings, err := s.settings(ctx)
	if err != nil {
		return "", p, err
	}
	if !settings.selfService() {
		return "", p, errSignupClosed()
	}
	var check inputs
	row := db.Signup{ID: coffer.NewID(), Address: from.Address, Name: check.name("name", in.Name, typeName)}
	row.Email = check.email("email", in.Email)
	settings.admit(&check, "email", row.Email)
	check.password(s.Policy, "password", in.Password, row.Name, row.Email, settings.Organisation)
	if err := check.result(); err != nil {
		return "", p, err
	}
	c := countersOf(row.Email, from.Address)
	if err := s.count(ctx, try{c.network, perNetwork()}, try{c.mailNetwork, mailsPerNetwork()}, try{c.mailAddress, mailsPerAddress()}); err != nil {
		return "", p, err
	}
	if row.Password, err = s.hash(ctx, row.ID, in.Password); err != nil {
		return "", p, err
	}
	cookie, row.CookieHash = cred.NewToken(cred.Signup)
	letters, err := s.renew(ctx, &row, from)
	if err != nil {
		return "", p, err
	}
	row.CreatedAt = row.SentAt
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		if err := tx.PutSignup(row); err != nil {
			return err
		}
		return letters.post(tx, row.Email)
	})
	return cookie, pending(row), err
}

func errSignupClosed() error {
	return coffer.E(coffer.Forbidden, "signup_closed", "You need an invitation to join. Ask your administrator.")
}

// admit checks an address against the installation's policy.
func (settings Settings) admit(check *inputs, field, email string) {
	_, host, _ := strings.Cut(email, "@")
	if settings.Signup == SignupDomains && email != "" && !slices.Contains(settings.Domains, host) {
		check.wrong(field, "domain_refused", "This server only accepts addresses at "+strings.Join(settings.Domains, ", ")+".")
	}
}

// signupLetters are both answers to a sign-up; which one is posted is decided in
// the transaction.
type signupLetters struct{ confirm, exists letter }

func (l signupLetters) post(tx *db.Tx, email string) error {
	_, _, err := tx.UserByEmail(email)
	switch {
	case errors.Is(err, coffer.ErrNotFound):
		return l.confirm.post(tx)
	case err != nil:
		return err
	}
	return l.exists.post(tx)
}

// renew gives a sign-up a fresh code and link, which end all former ones, and
// writes the letters.
func (s *Service) renew(ctx context.Context, row *db.Signup, from From) (signupLetters, error) {
	site, now, err := s.site(ctx)
	if err != nil {
		return signupLetters{}, err
	}
	code := cred.NewCode()
	var link string
	link, row.LinkHash = cred.NewToken(cred.Confirm)
	row.CodeKEKVer = s.Keys.Active()
	if row.CodeMAC, err = s.codeMAC(*row, code); err != nil {
		return signupLetters{}, err
	}
	row.SentAt, row.CodeTries = now, 0
	row.CodeUntil = now + codeLife.Milliseconds()
	row.ExpiresAt = now + SignupLife.Milliseconds()
	r := mail.Request{At: now, Address: from.Address}
	return signupLetters{
		confirm: s.letter(mail.ConfirmAddress(site, row.Email, code, s.BaseURL+"/confirm#"+link, r)),
		exists:  s.letter(mail.AccountExists(site, row.Email, r)),
	}, nil
}

// codeMAC is the stored form of six digits: a plain hash of so few could be
// undone by trying all of them.
func (s *Service) codeMAC(row db.Signup, code string) ([]byte, error) {
	key, err := s.Keys.MACKey("signup-code", row.CodeKEKVer)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(row.ID[:])
	mac.Write([]byte(row.Email + "\x00" + code))
	return mac.Sum(nil), nil
}

// PendingSignup returns the sign-up of a browser. Error: ErrNotFound.
func (s *Service) PendingSignup(ctx context.Context, cookie string) (Pending, error) {
	row, err := s.signupOf(ctx, cookie)
	return pending(row), err
}

func (s *Service) signupOf(ctx context.Context, cookie string) (row db.Signup, err error) {
	hash, err := cred.ParseToken(cred.Signup, cookie)
	if err != nil {
		return row, coffer.ErrNotFound
	}
	err = s.DB.View(ctx, func(tx *db.Tx) (err error) { row, err = tx.SignupByCookie(hash); return err })
	return row, err
}

// ResendSignup mails a new code and link and ends the former ones. Errors:
// ErrNotFound, Limited (also within a minute of the last mail).
func (s *Service) ResendSignup(ctx context.Context, cookie string, from From) (Pending, error) {
	row, err := s.signupOf(ctx, cookie)
	if err != nil {
		return Pending{}, err
	}
	_, now, err := s.site(ctx)
	if err != nil {
		return Pending{}, err
	}
	if wait := row.SentAt + resendWait.Milliseconds() - now; wait > 0 {
		e := coffer.E(coffer.Limited, "limited", "The mail was sent just now. Wait a minute before you send it again.")
		e.RetryAfter = time.Duration(wait) * time.Millisecond
		return Pending{}, e
	}
	return s.sendSignup(ctx, row, from)
}

// ChangeSignupAddress mails to another address instead. Errors as SignUp, and
// ErrNotFound.
func (s *Service) ChangeSignupAddress(ctx context.Context, cookie, email string, from From) (Pending, error) {
	row, err := s.signupOf(ctx, cookie)
	if err != nil {
		return Pending{}, err
	}
	settings, err := s.settings(ctx)
	if err != nil {
		return Pending{}, err
	}
	if !settings.selfService() {
		return Pending{}, errSignupClosed()
	}
	var check inputs
	row.Email = check.email("email", email)
	settings.admit(&check, "email", row.Email)
	if err := check.result(); err != nil {
		return Pending{}, err
	}
	return s.sendSignup(ctx, row, from)
}

func (s *Service) sendSignup(ctx context.Context, row db.Signup, from From) (Pending, error) {
	c := countersOf(row.Email, from.Address)
	if err := s.count(ctx, try{c.network, perNetwork()}, try{c.mailNetwork, mailsPerNetwork()}, try{c.mailAddress, mailsPerAddress()}); err != nil {
		return Pending{}, err
	}
	letters, err := s.renew(ctx, &row, from)
	if err != nil {
		return Pending{}, err
	}
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		if err := tx.RenewSignup(row); err != nil {
			return err
		}
		return letters.post(tx, row.Email)
	})
	return pending(row), err
}

// InspectConfirmation tells whoever holds the mail what its button would
// confirm. It changes nothing, so that mail scanners cost nothing. Error:
// Invalid "token_ended".
func (s *Service) InspectConfirmation(ctx context.Context, token string) (Confirmation, error) {
	hash, err := cred.ParseToken(cred.Confirm, token)
	if err != nil {
		return Confirmation{}, errTokenEnded()
	}
	var row db.Signup
	err = s.DB.View(ctx, func(tx *db.Tx) (err error) { row, err = tx.SignupByLink(hash); return err })
	if errors.Is(err, coffer.ErrNotFound) {
		return Confirmation{}, errTokenEnded()
	}
	return Confirmation{Email: row.Email, CreatedAt: row.CreatedAt, Address: row.Address}, err
}

func errTokenEnded() error {
	return coffer.E(coffer.Invalid, "token_ended", "This link has ended or was used already. Ask for a new one.")
}

// ConfirmByToken confirms an address by the mail's button, in any browser, and
// signs nobody in. Error: Invalid "token_ended".
func (s *Service) ConfirmByToken(ctx context.Context, token string, from From) (email string, err error) {
	hash, err := cred.ParseToken(cred.Confirm, token)
	if err != nil {
		return "", errTokenEnded()
	}
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		row, err := tx.TakeSignup(hash)
		if err != nil {
			return err
		}
		email = row.Email
		_, err = admitUser(tx, row, from)
		return err
	})
	if errors.Is(err, coffer.ErrNotFound) || errors.Is(err, db.ErrTaken) {
		return "", errTokenEnded()
	}
	return email, err
}

// admitUser makes the person of a confirmed sign-up. Error: db.ErrTaken when the
// address has an account.
func admitUser(tx *db.Tx, row db.Signup, from From) (coffer.User, error) {
	u := coffer.User{
		ID: row.ID, Email: row.Email, Name: row.Name, Role: coffer.RoleMember, Theme: "system", Language: "en",
		CreatedAt: tx.Now, PasswordChangedAt: row.CreatedAt, LastSeenAt: tx.Now,
	}
	if err := tx.InsertUser(u, row.Password); err != nil {
		return u, err
	}
	if err := tx.DeleteInvitationOf(u.Email); err != nil {
		return u, err
	}
	return u, tx.InsertEvent(event(by(u, from), "user.created", u.ID, userDetail(u, "signup")))
}

func userDetail(u coffer.User, how string) map[string]any {
	return map[string]any{"how": how, "email": u.Email, "name": u.Name, "role": u.Role}
}

// ConfirmByCode confirms the address of this browser's sign-up with the six
// digits and signs the browser in. Five wrong codes end the code.
//
// Errors: Invalid "code_wrong" or "code_ended", ErrNotFound without a sign-up,
// Limited.
func (s *Service) ConfirmByCode(ctx context.Context, cookie, typed string, from From) (SignedIn, error) {
	hash, err := cred.ParseToken(cred.Signup, cookie)
	if err != nil {
		return SignedIn{}, coffer.ErrNotFound
	}
	code, err := cred.ParseCode(typed)
	if err != nil {
		return SignedIn{}, errCodeWrong()
	}
	c := countersOf("", from.Address)
	if err := s.count(ctx, try{c.network, perNetwork()}); err != nil {
		return SignedIn{}, err
	}
	var in SignedIn
	var refused error // told after the commit: a wrong code must stay counted
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		in, refused = SignedIn{}, nil
		row, err := tx.CountCodeTry(hash, codeTries)
		if errors.Is(err, coffer.ErrNotFound) {
			if _, err := tx.SignupByCookie(hash); err != nil {
				return err
			}
			refused = errCodeEnded()
			return nil
		} else if err != nil {
			return err
		}
		want, err := s.codeMAC(row, code)
		if err != nil {
			return err
		}
		if !hmac.Equal(want, row.CodeMAC) {
			refused = errCodeWrong()
			if row.CodeTries >= codeTries {
				refused = errCodeEnded()
			}
			return nil
		}
		u, err := admitUser(tx, row, from)
		if errors.Is(err, db.ErrTaken) { // the code of a known address was never sent: a guess
			refused = errCodeWrong()
			return nil
		} else if err != nil {
			return err
		}
		if err := tx.DeleteSignup(row.Email); err != nil {
			return err
		}
		if err := tx.UndoTry(c.network, perNetwork()); err != nil {
			return err
		}
		if in, err = startSession(tx, u, from); err != nil {
			return err
		}
		return noteSignIn(tx, u, from, letter{})
	})
	if err == nil {
		err = refused
	}
	return in, err
}

func errCodeWrong() error {
	return wrongField("code", "code_wrong", "That code is not right.")
}

func errCodeEnded() error {
	return wrongField("code", "code_ended", "That code has ended. Send a new one.")
}
