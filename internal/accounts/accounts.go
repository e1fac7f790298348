package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"coffer"
	"coffer/internal/cred"
	"coffer/internal/db"
	"coffer/internal/jobs"
	"coffer/internal/keyring"
	"coffer/internal/mail"
)

// Options is what a Service stands on. All fields but Leaving are needed.
type Options struct {
	DB      *db.DB
	Keys    *keyring.Keyring
	Hasher  *cred.Hasher
	Policy  *cred.Policy
	Sender  mail.Sender
	BaseURL string // "https://files.example.com", without a slash at the end
	Log     *slog.Logger

	// Leaving gives up what a user owns elsewhere, in the transaction that
	// deletes the account. Without erase it refuses where that loses anything.
	Leaving func(tx *db.Tx, by coffer.Principal, user coffer.ID, erase bool) error
	// Noticed has the notices of a person mailed at a time (ms), once tx is
	// committed. Without it they are not mailed.
	Noticed func(tx *db.Tx, user coffer.ID, at int64) error
}

// Service holds the verbs. It keeps nothing of people in memory. Safe for
// concurrent use.
type Service struct {
	Options
	running  sync.WaitGroup
	touching sync.Map // coffer.ID of sessions and tokens whose last use is being written
}

// New returns a Service.
func New(o Options) *Service { return &Service{Options: o} }

// Close waits for what runs behind the answers.
func (s *Service) Close() { s.running.Wait() }

// From says where a request came from.
type From struct {
	Address   string // IP address without port
	UserAgent string
	RequestID string
	Replaces  string // session token that came with the request: that session ends when a new one begins here
}

// Lifetimes. The session's are also those of its cookie.
const (
	SessionIdle = 24 * time.Hour
	SessionLife = 30 * 24 * time.Hour
	SignupLife  = 24 * time.Hour

	codeLife   = 30 * time.Minute
	resetLife  = 30 * time.Minute
	resendWait = time.Minute
	tokenDays  = 90
	maxDays    = 365
	touchEvery = 5 * time.Minute
	knownFor   = 90 * 24 * time.Hour
	mailLife   = 7 * 24 * time.Hour
	inviteLife = 7 * 24 * time.Hour
	endedFor   = 30 * 24 * time.Hour // ended invitations are shown so long

	seenBy = 10 * time.Minute // every server has seen a revocation by then

	codeTries = 5
	// maxOpen bounds the sessions, and the tokens, of one person; the one used
	// longest ago goes.
	maxOpen = 100
)

// MailJob is the kind of the job whose handler is SendMail.
const MailJob = "mail"

// behind runs fn after the answer, detached from the request.
func (s *Service) behind(ctx context.Context, what string, fn func(context.Context) error) {
	ctx = context.WithoutCancel(ctx)
	s.running.Go(func() {
		if err := fn(ctx); err != nil {
			s.Log.ErrorContext(ctx, "work behind an answer failed", "what", what, "err", err)
		}
	})
}

// A letter is a mail that is sealed and ready to be stored, made before the
// transaction that decides whether it is sent.
type letter struct{ row db.Mail }

func (s *Service) letter(m mail.Message) letter {
	id := coffer.NewID()
	m.ID = id.String()
	body, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and a number
	}
	sealed, kek := s.Keys.SealMail(id, body)
	return letter{db.Mail{ID: id, Sealed: sealed, KEKVer: kek}}
}

// post stores the letter and the job that sends it.
func (l letter) post(tx *db.Tx) error {
	if err := tx.InsertMail(l.row); err != nil {
		return err
	}
	return jobs.Insert(tx, MailJob, l.row.ID)
}

// SendMail sends a stored letter and forgets it. It is a job: it may run again,
// and a letter that is gone is done.
func (s *Service) SendMail(ctx context.Context, id coffer.ID) error {
	var row db.Mail
	err := s.DB.View(ctx, func(tx *db.Tx) (err error) { row, err = tx.Mail(id); return err })
	if errors.Is(err, coffer.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	body, err := s.Keys.OpenMail(id, row.KEKVer, row.Sealed)
	if err != nil {
		return err
	}
	var m mail.Message
	if err := json.Unmarshal(body, &m); err != nil {
		return err
	}
	if err := s.Sender.Send(ctx, m); mail.Permanent(err) {
		s.Log.WarnContext(ctx, "a letter was refused for good", "mail", id, "subject", m.Subject, "err", err)
	} else if err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *db.Tx) error { return tx.DeleteMail(id) })
}

// PurgeExpired removes what has ended: sign-ups, invitations, resets, counters, sessions,
// tokens, selections of tickets, revocations, letters that nobody took. It is a periodic job.
func (s *Service) PurgeExpired(ctx context.Context) error {
	return s.DB.Update(ctx, func(tx *db.Tx) error {
		return errors.Join(
			tx.PurgeSignups(),
			tx.PurgeInvitations(tx.Now-endedFor.Milliseconds()),
			tx.PurgeResets(),
			tx.PurgeTries(),
			tx.PurgeSessions(tx.Now-SessionIdle.Milliseconds()),
			tx.PurgeTokens(),
			tx.PurgeSelections(),
			tx.PurgeRevocations(tx.Now-seenBy.Milliseconds()),
			tx.PurgeSignIns(tx.Now-knownFor.Milliseconds()),
			tx.PurgeMails(tx.Now-mailLife.Milliseconds()),
		)
	})
}

// need is the check of every verb for people who are signed in: alive, and with
// a session or token that covers scope ("" = any).
func need(p coffer.Principal, scope coffer.Scope) error {
	if p.Kind != coffer.UserKind || p.User.ID.IsZero() || p.User.Disabled {
		return errUnauthenticated()
	}
	if scope != "" && !p.InScope(scope) {
		return coffer.E(coffer.Forbidden, "scope_missing", "This token may not do that. Sign in, or use a token with the scope "+string(scope)+".")
	}
	return nil
}

// needPower is the check of every verb about other people or the installation:
// the server itself, or a person whose role has the power, in scope admin.
func needPower(p coffer.Principal, power coffer.Power) error {
	if p.Kind == coffer.SystemKind {
		return nil
	}
	if err := need(p, coffer.ScopeAdmin); err != nil {
		return err
	}
	if !p.User.Role.Has(power) {
		return coffer.E(coffer.Forbidden, "forbidden", "Your role does not allow this. Ask an administrator.")
	}
	return nil
}

func errUnauthenticated() error {
	return coffer.E(coffer.Unauthenticated, "unauthenticated", "Sign in to go on.")
}

// event is one line of the record, written in the transaction of the act. A
// principal without a person (the server, or somebody not signed in) is "system".
func event(p coffer.Principal, action string, target coffer.ID, detail map[string]any) coffer.Event {
	e := coffer.Event{ActorKind: "system", Action: action, TargetID: target, Detail: map[string]any{}}
	if p.Kind == coffer.UserKind {
		e.ActorKind, e.ActorID = "user", p.User.ID
	}
	for k, v := range detail {
		e.Detail[k] = v
	}
	if p.Address != "" {
		e.Detail["address"] = p.Address
	}
	if p.RequestID != "" {
		e.Detail["request_id"] = p.RequestID
	}
	return e
}

// by is the principal of somebody who just proved to be u.
func by(u coffer.User, from From) coffer.Principal {
	return coffer.Principal{Kind: coffer.UserKind, User: u, Scopes: coffer.AllScopes[:], Address: from.Address, RequestID: from.RequestID}
}

// nobody is the principal of a request without proof.
func nobody(from From) coffer.Principal {
	return coffer.Principal{Address: from.Address, RequestID: from.RequestID}
}

// hash hashes a new password for a person.
func (s *Service) hash(ctx context.Context, user coffer.ID, password string) (db.Password, error) {
	phc, err := s.Hasher.Hash(ctx, password)
	if err != nil {
		return db.Password{}, hashError(err)
	}
	sealed, kek := s.Keys.SealPassword(user, phc)
	return db.Password{Sealed: sealed, KEKVer: kek}, nil
}

func hashError(err error) error {
	if errors.Is(err, cred.ErrBusy) {
		return &coffer.Error{Kind: coffer.Busy, Code: "busy", Msg: "Many people sign in right now. Try again in a moment.", RetryAfter: 5 * time.Second, Err: err}
	}
	return err
}
