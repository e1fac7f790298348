package files

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"coffer"
	"coffer/internal/db"
)

// maxReport is how long the reason of a report may be, in letters.
const maxReport = 2000

// Reported is what a visitor says that something is wrong with.
type Reported struct {
	Request       bool // a file request; else a link
	ID            coffer.ID
	Maker         string // who made it
	Reason, Email string
}

// Report records that a visitor says that something is wrong with the link or
// the file request that they came by.
//
// Errors: Invalid with a field, Limited.
func (v *View) Report(ctx context.Context, reason, email string) (Reported, error) {
	told := Reported{ID: v.p.Link.ID, Maker: v.p.Maker.Name, Reason: strings.TrimSpace(reason), Email: strings.TrimSpace(email)}
	if told.Reason == "" || utf8.RuneCountInString(told.Reason) > maxReport {
		return told, wrong("reason", "reason_invalid", "Say in up to 2,000 letters what is wrong.")
	}
	if utf8.RuneCountInString(told.Email) > 254 || told.Email != "" && !strings.Contains(told.Email, "@") {
		return told, wrong("email", "email_invalid", "Type an e-mail address like name@example.com, or leave it empty.")
	}
	a := act{action: "link.reported", target: told.ID, detail: map[string]any{"reason": told.Reason, "email": told.Email}}
	node, right := v.p.Link.NodeID, coffer.Read
	if v.p.Kind == coffer.RequestKind {
		told.Request, right = true, coffer.Drop
		err := v.entrance(ctx, func(tx *db.Tx, p pass, r coffer.FileRequest) (err error) {
			node, told.ID = p.node.ID, r.ID
			a.action, a.target, a.detail["title"] = "request.reported", r.ID, r.Title
			told.Maker, err = tx.PersonName(r.MadeBy)
			return err
		})
		if err != nil {
			return told, err
		}
	}
	p, err := v.reach(ctx, node, right)
	if err != nil {
		return told, err
	}
	return told, v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		until, err := tx.CountTry("report "+coffer.Network(v.p.Address), reports())
		if err != nil {
			return nil, err
		}
		if until > 0 {
			return nil, coffer.E(coffer.Limited, "limited", tooManyTries(until-tx.Now))
		}
		a.node, a.detail["node"] = ps[0].node.ID, ps[0].node.Name
		return []act{a}, nil
	}, p)
}

// reports is how often a network may report.
func reports() db.TryLimit { return db.TryLimit{Tries: 5, Window: time.Hour.Milliseconds()} }
