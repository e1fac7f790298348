package accounts

import (
	"context"
	"errors"

	"coffer"
	"coffer/internal/cred"
	"coffer/internal/db"
	"coffer/internal/mail"
)

// Invitation lets the holder of one address join, in one role.
type Invitation struct {
	ID        coffer.ID
	Email     string
	Role      coffer.Role
	By        coffer.ID // who answers for it; zero: the server itself
	ByName    string
	CreatedAt int64
	SentAt    int64
	ExpiresAt int64
	Ended     bool // it cannot be accepted any more, unless it is sent again
}

// An invitation counts as long as its time runs, nobody is kept out by the
// settings, and who sent it may still make such people.
func counts(i db.Invitation, settings Settings, now int64) bool {
	if i.ExpiresAt <= now || settings.Signup == SignupClosed {
		return false
	}
	if i.InvitedBy.IsZero() {
		return true
	}
	return !i.InviterDisabled && i.InviterRole.Has(powerOver(i.Role))
}

func invitation(i db.Invitation, settings Settings, now int64) Invitation {
	return Invitation{ID: i.ID, Email: i.Email, Role: i.Role, By: i.InvitedBy, ByName: i.InviterName,
		CreatedAt: i.CreatedAt, SentAt: i.SentAt, ExpiresAt: i.ExpiresAt, Ended: !counts(i, settings, now)}
}

// Invite mails an invitation, which ends any other of that address.
//
// Errors: Forbidden, Invalid with fields, Conflict "email_taken" or
// "invitations_off", Limited.
func (s *Service) Invite(ctx context.Context, p coffer.Principal, email string, role coffer.Role) (out Invitation, err error) {
	if err := mayManage(p, role); err != nil {
		return out, err
	}
	var check inputs
	email = check.email("email", email)
	check.role("role", role)
	if err := check.result(); err != nil {
		return out, err
	}
	if err := s.countInvitation(ctx, p, email); err != nil {
		return out, err
	}
	hash, news, until, err := s.invitationMail(ctx, p, email)
	if err != nil {
		return out, err
	}
	id := coffer.NewID()
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		settings, err := invitationsOn(tx)
		if err != nil {
			return err
		}
		if _, _, err := tx.UserByEmail(email); err == nil {
			return errEmailTaken()
		} else if !errors.Is(err, coffer.ErrNotFound) {
			return err
		}
		if err := tx.PutInvitation(db.Invitation{ID: id, Email: email, Role: role, InvitedBy: p.User.ID, ExpiresAt: until}, hash); err != nil {
			return err
		}
		out, err = sentInvitation(tx, p, id, settings, news)
		return err
	})
	return out, err
}

// countInvitation counts a letter that somebody signed in sends. It moves the
// counters of the mailbox, not those of guesses.
func (s *Service) countInvitation(ctx context.Context, p coffer.Principal, email string) error {
	c := countersOf(email, p.Address)
	if p.Kind == coffer.SystemKind { // it is on no network
		return s.count(ctx, try{c.mailAddress, mailsPerAddress()})
	}
	return s.count(ctx, try{c.mailNetwork, mailsPerNetwork()}, try{c.mailAddress, mailsPerAddress()})
}

// invitationMail makes a token and the letter that carries it.
func (s *Service) invitationMail(ctx context.Context, p coffer.Principal, email string) (hash []byte, news letter, until int64, err error) {
	site, now, err := s.site(ctx)
	if err != nil {
		return nil, letter{}, 0, err
	}
	token, hash := cred.NewToken(cred.Invitation)
	until = now + inviteLife.Milliseconds()
	// Not from where: the address of who invites is none of the reader's business.
	m := mail.Invitation(site, email, p.User.Name, s.BaseURL+"/invitation#"+token, until, mail.Request{At: now})
	return hash, s.letter(m), until, nil
}

// invitationsOn takes the lock under which the settings, and who may invite,
// stay as they are, and refuses when nobody may join.
func invitationsOn(tx *db.Tx) (Settings, error) {
	if err := tx.LockInstall(); err != nil {
		return Settings{}, err
	}
	settings, err := readSettings(tx)
	if err == nil && settings.Signup == SignupClosed {
		err = coffer.E(coffer.Conflict, "invitations_off", "Nobody can join now, not by invitation either. Change who may join first.")
	}
	return settings, err
}

// sentInvitation records and posts an invitation and returns it as it is now.
func sentInvitation(tx *db.Tx, p coffer.Principal, id coffer.ID, settings Settings, news letter) (Invitation, error) {
	row, err := tx.Invitation(id)
	if err != nil {
		return Invitation{}, err
	}
	if err := tx.InsertEvent(event(p, "invitation.sent", id, map[string]any{"email": row.Email, "role": row.Role, "expires_at": row.ExpiresAt})); err != nil {
		return Invitation{}, err
	}
	return invitation(row, settings, tx.Now), news.post(tx)
}

// Invitations lists all invitations, pending and ended, sent last first.
func (s *Service) Invitations(ctx context.Context, p coffer.Principal) (list []Invitation, err error) {
	if err := needPower(p, coffer.ManagePeople); err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *db.Tx) error {
		settings, err := readSettings(tx)
		if err != nil {
			return err
		}
		rows, err := tx.Invitations()
		list = make([]Invitation, len(rows))
		for i, row := range rows {
			list[i] = invitation(row, settings, tx.Now)
		}
		return err
	})
	return list, err
}

// ResendInvitation mails an invitation again, pending or ended, with another
// link and the whole time. The principal answers for it from now on.
//
// Errors: as Invite, and ErrNotFound.
func (s *Service) ResendInvitation(ctx context.Context, p coffer.Principal, id coffer.ID) (out Invitation, err error) {
	if err := needPower(p, coffer.ManagePeople); err != nil {
		return out, err
	}
	var row db.Invitation
	if err := s.DB.View(ctx, func(tx *db.Tx) (err error) { row, err = tx.Invitation(id); return err }); err != nil {
		return out, err
	}
	if err := mayManage(p, row.Role); err != nil {
		return out, err
	}
	if err := s.countInvitation(ctx, p, row.Email); err != nil {
		return out, err
	}
	hash, news, until, err := s.invitationMail(ctx, p, row.Email)
	if err != nil {
		return out, err
	}
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		settings, err := invitationsOn(tx)
		if err != nil {
			return err
		}
		if err := tx.RenewInvitation(id, p.User.ID, hash, until); err != nil {
			return err
		}
		out, err = sentInvitation(tx, p, id, settings, news)
		return err
	})
	return out, err
}

// WithdrawInvitation ends an invitation: its link counts no more, and it is
// listed no more. Errors: Forbidden, ErrNotFound.
func (s *Service) WithdrawInvitation(ctx context.Context, p coffer.Principal, id coffer.ID) error {
	if err := needPower(p, coffer.ManagePeople); err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *db.Tx) error {
		row, err := tx.Invitation(id)
		if err != nil {
			return err
		}
		if err := mayManage(p, row.Role); err != nil {
			return err
		}
		if err := tx.DeleteInvitation(id); err != nil {
			return err
		}
		return tx.InsertEvent(event(p, "invitation.withdrawn", id, map[string]any{"email": row.Email, "role": row.Role}))
	})
}

// Invited is what the holder of an invitation's mail may know before accepting.
type Invited struct {
	Email        string
	Organisation string
	By           string // "" = the server itself
	ExpiresAt    int64
	Ended        bool
}

// InspectInvitation tells whoever holds the mail what it is about, also when
// its time is over, so that they know whom to ask. It changes nothing.
// Error: Invalid "token_ended" when there is no such invitation any more.
func (s *Service) InspectInvitation(ctx context.Context, token string) (out Invited, err error) {
	hash, err := cred.ParseToken(cred.Invitation, token)
	if err != nil {
		return out, errInvitationEnded()
	}
	err = s.DB.View(ctx, func(tx *db.Tx) error {
		settings, err := readSettings(tx)
		if err != nil {
			return err
		}
		row, err := tx.InvitationByToken(hash)
		out = Invited{Email: row.Email, Organisation: settings.Organisation, By: row.InviterName, ExpiresAt: row.ExpiresAt,
			Ended: !counts(row, settings, tx.Now)}
		return err
	})
	if errors.Is(err, coffer.ErrNotFound) {
		return Invited{}, errInvitationEnded()
	}
	return out, err
}

func errInvitationEnded() error {
	return coffer.E(coffer.Invalid, "token_ended", "This invitation has ended. Ask for a new one.")
}

// AcceptInvitation makes the account that a mailed token stands for and signs
// the browser in: whoever holds the token reads the mailbox, so the address
// needs no other proof. The token counts once; a sign-up of the address ends.
//
// Errors: Invalid "token_ended", or about the fields name and password; Limited,
// Busy. What is refused because of a field leaves the token as it is.
func (s *Service) AcceptInvitation(ctx context.Context, token, name, password string, from From) (SignedIn, error) {
	hash, err := cred.ParseToken(cred.Invitation, token)
	if err != nil {
		return SignedIn{}, errInvitationEnded()
	}
	net := countersOf("", from.Address).network
	if err := s.count(ctx, try{net, perNetwork()}); err != nil {
		return SignedIn{}, err
	}
	var settings Settings
	find := func(tx *db.Tx) (row db.Invitation, err error) {
		if settings, err = readSettings(tx); err != nil {
			return row, err
		}
		if row, err = tx.InvitationByToken(hash); err == nil && !counts(row, settings, tx.Now) {
			err = coffer.ErrNotFound
		}
		return row, err
	}
	var row db.Invitation
	err = s.DB.View(ctx, func(tx *db.Tx) (err error) { row, err = find(tx); return err })
	if errors.Is(err, coffer.ErrNotFound) {
		return SignedIn{}, errInvitationEnded()
	} else if err != nil {
		return SignedIn{}, err
	}
	var check inputs
	u := coffer.User{ID: coffer.NewID(), Email: row.Email, Theme: "system", Language: "en"}
	u.Name = check.name("name", name, typeName)
	check.password(s.Policy, "password", password, u.Name, u.Email, settings.Organisation)
	if err := check.result(); err != nil {
		return SignedIn{}, err
	}
	stored, err := s.hash(ctx, u.ID, password)
	if err != nil {
		return SignedIn{}, err
	}
	var out SignedIn
	err = s.DB.Update(ctx, func(tx *db.Tx) error {
		if err := tx.LockInstall(); err != nil { // as invitationsOn
			return err
		}
		row, err := find(tx)
		if err != nil {
			return err
		}
		if err := tx.TakeInvitation(hash); err != nil {
			return err
		}
		u := u
		u.Role = row.Role
		if u, err = insertUser(tx, u, stored); err != nil {
			return err
		}
		detail := userDetail(u, "invitation")
		detail["invitation"], detail["invited_by"] = row.ID, row.InvitedBy
		if err := tx.InsertEvent(event(by(u, from), "user.created", u.ID, detail)); err != nil {
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
	if errors.Is(err, coffer.ErrNotFound) || coffer.KindOf(err) == coffer.Conflict { // used, or the address joined in another way
		return SignedIn{}, errInvitationEnded()
	}
	return out, err
}
