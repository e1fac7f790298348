package accounts

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"coffer"
	"coffer/internal/db"
)

// Target is what a download ticket is for: one version of one file or, with a
// zero Version, files and folders as a ZIP.
type Target struct {
	Nodes   []coffer.ID
	Version coffer.ID
}

// Ticket is the proof to be put into an address.
type Ticket struct {
	Text      string // a JWT: letters, digits, '-', '_' and '.'
	ExpiresAt int64
}

// The fixed words of a ticket. Nothing else of ours signs with its MAC key, and
// nothing else reads JWTs.
const (
	ticketLife    = 5 * time.Minute
	ticketType    = "coffer-ticket+jwt"
	ticketAim     = "coffer-download"
	ticketPurpose = "ticket" // of the MAC key
)

// claims are what a ticket says, beside aud, exp and sub (the person).
type claims struct {
	jwt.RegisteredClaims
	Proof     string    `json:"proof"` // see proofHash
	Node      coffer.ID `json:"node,omitzero"`
	Version   coffer.ID `json:"version,omitzero"`
	Selection coffer.ID `json:"selection,omitzero"` // row with the nodes of a ZIP, which are too many for an address
}

// proofHash names the session or token that a ticket hangs on, without giving
// its id to whoever sees the address.
func proofHash(id coffer.ID) string {
	h := sha256.Sum256(append([]byte("coffer/v1/ticket-proof\x00"), id[:]...))
	return coffer.EncodeBase32(h[:16])
}

// IssueTicket makes a ticket for the principal, who may read the target: that
// was asked of files, and is asked again when the ticket is used.
func (s *Service) IssueTicket(ctx context.Context, p coffer.Principal, to Target) (t Ticket, err error) {
	if err := need(p, coffer.ScopeFilesRead); err != nil {
		return t, err
	}
	c := claims{Proof: proofHash(p.SessionID), Version: to.Version}
	if p.SessionID.IsZero() {
		c.Proof = proofHash(p.TokenID)
	}
	c.Subject, c.Audience = p.User.ID.String(), jwt.ClaimStrings{ticketAim}
	expire := func(tx *db.Tx) {
		at := time.UnixMilli(tx.Now).Add(ticketLife).Truncate(time.Second)
		c.ExpiresAt, t.ExpiresAt = jwt.NewNumericDate(at), at.UnixMilli()
	}
	if to.Version.IsZero() {
		c.Selection = coffer.RandomID()
		err = s.DB.Update(ctx, func(tx *db.Tx) error {
			expire(tx)
			return tx.InsertSelection(c.Selection, to.Nodes, t.ExpiresAt)
		})
	} else {
		c.Node = to.Nodes[0]
		err = s.DB.View(ctx, func(tx *db.Tx) error { expire(tx); return nil })
	}
	if err != nil {
		return t, err
	}
	version := s.Keys.Active()
	key, err := s.Keys.MACKey(ticketPurpose, version)
	if err != nil {
		return t, err
	}
	text := jwt.NewWithClaims(jwt.SigningMethodHS256, c)
	text.Header["typ"], text.Header["kid"] = ticketType, strconv.FormatUint(uint64(version), 10)
	t.Text, err = text.SignedString(key)
	return t, err
}

// AuthenticateTicket returns who holds a ticket: the person, limited to what it
// names. The session or token that it was made for must live, and the person
// stand, at each use. Error: Unauthenticated.
func (s *Service) AuthenticateTicket(ctx context.Context, text string, from From) (p coffer.Principal, err error) {
	err = s.DB.View(ctx, func(tx *db.Tx) error {
		c, err := s.readTicket(tx, text)
		if err != nil {
			return err
		}
		user, err := coffer.ParseID(c.Subject)
		if err != nil {
			return errTicket()
		}
		if p, err = s.holder(tx, user, c.Proof, from); err != nil {
			return err
		}
		p.Kind, p.Scopes = coffer.TicketKind, []coffer.Scope{coffer.ScopeFilesRead}
		p.Nodes, p.Version = []coffer.ID{c.Node}, c.Version
		if c.Version.IsZero() {
			p.Nodes, err = tx.Selection(c.Selection)
		}
		return err
	})
	if errors.Is(err, coffer.ErrNotFound) {
		err = errTicket()
	}
	if err != nil {
		return coffer.Principal{}, err
	}
	return p, nil
}

// readTicket is what a ticket says, if it is ours and not over.
func (s *Service) readTicket(tx *db.Tx, text string) (c claims, err error) {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithAudience(ticketAim), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(func() time.Time { return time.UnixMilli(tx.Now) }), jwt.WithStrictDecoding())
	_, err = parser.ParseWithClaims(text, &c, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		version, err := strconv.ParseUint(kid, 10, 32)
		if err != nil || t.Header["typ"] != ticketType {
			return nil, errTicket()
		}
		return s.Keys.MACKey(ticketPurpose, uint32(version))
	})
	if err != nil {
		if e, ok := errors.AsType[*coffer.Error](err); ok && e.Kind == coffer.Busy { // a key that is not here yet
			return c, e
		}
		return c, errTicket()
	}
	return c, nil
}

// holder is the person with the living session or token of this hash.
func (s *Service) holder(tx *db.Tx, id coffer.ID, proof string, from From) (p coffer.Principal, err error) {
	user, err := tx.User(id)
	if err != nil {
		return p, err
	}
	if user.Disabled {
		return p, errTicket()
	}
	p = by(user, from)
	sessions, err := tx.Sessions(id, idleSince(tx))
	if err != nil {
		return p, err
	}
	for _, session := range sessions {
		if proofHash(session.ID) == proof {
			p.SessionID = session.ID
			return p, nil
		}
	}
	tokens, err := tx.Tokens(id)
	if err != nil {
		return p, err
	}
	for _, t := range tokens {
		if proofHash(t.ID) == proof {
			p.TokenID = t.ID
			return p, nil
		}
	}
	return p, errTicket()
}

func errTicket() error {
	return coffer.E(coffer.Unauthenticated, "ticket_ended", "This address has ended. Open Coffer and ask for the download again.")
}
