package accounts

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"coffer"
	"coffer/internal/db"
)

// How many tries are allowed (decisions.md, "Signing in"). The mail limits keep
// anybody from flooding a mailbox, and bound the guesses of six-digit codes:
// each mail brings five.
func perAccountAndNetwork() db.TryLimit { return limit(5, 15*time.Minute, 5*time.Minute) }
func perNetwork() db.TryLimit           { return limit(100, time.Hour, 0) }
func perAccount() db.TryLimit           { return limit(50, time.Hour, 0) }
func mailsPerNetwork() db.TryLimit      { return limit(5, time.Hour, 0) }
func mailsPerAddress() db.TryLimit      { return limit(20, 24*time.Hour, 0) }

func limit(tries int64, window, wait time.Duration) db.TryLimit {
	return db.TryLimit{Tries: tries, Window: window.Milliseconds(), Wait: wait.Milliseconds()}
}

// counters are the names of the counters that one request moves. What was typed
// as an address is hashed: people type passwords into the wrong field.
type counters struct{ network, account, both, mailNetwork, mailAddress string }

func countersOf(email, address string) counters {
	h := sha256.Sum256([]byte(coffer.EmailKey(email)))
	who, net := coffer.EncodeBase32(h[:16]), coffer.Network(address)
	return counters{
		network:     "network " + net,
		account:     "account " + who,
		both:        "account " + who + " " + net,
		mailNetwork: "mail " + who + " " + net,
		mailAddress: "mail " + who,
	}
}

// A try is a counter with its limit.
type try struct {
	counter string
	limit   db.TryLimit
}

// count counts a try on each counter in turn and stops at the first that
// refuses. It commits before anything is hashed or compared.
func (s *Service) count(ctx context.Context, tries ...try) error {
	var until, now int64
	err := s.DB.Update(ctx, func(tx *db.Tx) (err error) {
		until, now = 0, tx.Now
		for _, t := range tries {
			if until, err = tx.CountTry(t.counter, t.limit); err != nil || until > 0 {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if until > 0 {
		return limited(until - now)
	}
	return nil
}

// countLogin counts a try to prove a password. When the whole account has been
// tried too often, only networks it signed in from lately are let through: a
// stranger cannot lock a person out.
func (s *Service) countLogin(ctx context.Context, email string, from From) error {
	c := countersOf(email, from.Address)
	var until, now int64
	err := s.DB.Update(ctx, func(tx *db.Tx) (err error) {
		now = tx.Now
		for _, t := range []try{{c.network, perNetwork()}, {c.both, perAccountAndNetwork()}} {
			if until, err = tx.CountTry(t.counter, t.limit); err != nil || until > 0 {
				return err
			}
		}
		if until, err = tx.CountTry(c.account, perAccount()); err != nil || until == 0 {
			return err
		}
		if _, plausible := parseEmail(email); !plausible {
			return nil
		}
		known, err := tx.KnownNetwork(email, networkMark(from), tx.Now-knownFor.Milliseconds())
		if known {
			until = 0
		}
		return err
	})
	if err != nil {
		return err
	}
	if until > 0 {
		return limited(until - now)
	}
	return nil
}

// uncountLogin takes back what countLogin counted: the password was right.
func uncountLogin(tx *db.Tx, email string, from From) error {
	c := countersOf(email, from.Address)
	if err := tx.UndoTry(c.network, perNetwork()); err != nil {
		return err
	}
	if err := tx.UndoTry(c.account, perAccount()); err != nil {
		return err
	}
	return tx.ForgetTries(c.both)
}

func limited(wait int64) error {
	minutes := max(1, (wait+59_999)/60_000)
	text := "Too many tries. Wait 1 minute."
	if minutes > 1 {
		text = fmt.Sprintf("Too many tries. Wait %d minutes.", minutes)
	}
	e := coffer.E(coffer.Limited, "limited", text)
	e.RetryAfter = time.Duration(wait) * time.Millisecond
	return e
}
