package files

import (
	"context"
	"time"

	"coffer"
	"coffer/internal/db"
)

// How often a person asks for more rights: to one node, and in all.
func askedFor() db.TryLimit {
	return db.TryLimit{Tries: 1, Window: (24 * time.Hour).Milliseconds()}
}

func askedInAll() db.TryLimit {
	return db.TryLimit{Tries: 20, Window: (24 * time.Hour).Milliseconds()}
}

// Ask tells those who manage a node that the principal, who can open it, wants to
// do more with it. message is for them; it has at most 1,000 characters.
//
// Errors: ErrNotFound, Invalid "message_long" or "message_invalid", Conflict
// "manages_already", Limited.
func (v *View) Ask(ctx context.Context, id coffer.ID, message string) error {
	p, err := v.reach(ctx, id, coffer.Read)
	if err != nil {
		return err
	}
	if v.p.Kind != coffer.UserKind {
		return coffer.ErrNotFound
	}
	if err := checkMessage(message); err != nil {
		return err
	}
	return v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p := ps[0]
		if p.access >= coffer.CanManage {
			return nil, coffer.E(coffer.Conflict, "manages_already", "You manage this yourself.")
		}
		asker := p.who.User.ID.String()
		for counter, limit := range map[string]db.TryLimit{"ask " + asker + " " + id.String(): askedFor(), "ask " + asker: askedInAll()} {
			until, err := tx.CountTry(counter, limit)
			if err != nil {
				return nil, err
			}
			if until > 0 {
				e := coffer.E(coffer.Limited, "limited", "You have asked today, and they were told. Ask again tomorrow.")
				e.RetryAfter = time.Duration(until-tx.Now) * time.Millisecond
				return nil, e
			}
		}
		has, err := opening(tx, p)
		if err != nil {
			return nil, err
		}
		t := telling{Notice: about(p, coffer.ShareAsked)}
		t.Told.Role, t.Told.Message = p.access.String(), message
		for who, access := range has {
			if access >= coffer.CanManage {
				t.to = append(t.to, who)
			}
		}
		return []act{{action: "grant.asked", node: id, detail: map[string]any{"node": p.node.Name, "role": p.access.String()}, tell: []telling{t}}}, nil
	}, p)
}
