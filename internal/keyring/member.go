package keyring

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"coffer"
	"coffer/internal/db"
)

const (
	followEvery = time.Second     // how often a server looks at the stored keyring
	beatEvery   = 5 * time.Second // how often it says that it lives
	// memberLife is how long a silent server counts as one that lives: the
	// clocks of hosts may differ by a few seconds.
	memberLife = 20 * time.Second
)

// Member is a server that counts in rotations: no KEK becomes active before it
// has opened it.
type Member struct {
	k    *Keyring
	self db.Server
}

// Join makes a server count from now on, under a name for people. It fails when
// the server cannot open all keys.
func (k *Keyring) Join(ctx context.Context, host string) (*Member, error) {
	m := &Member{k, db.Server{ID: coffer.RandomID(), Host: host}}
	err := k.db.Update(ctx, func(tx *db.Tx) error {
		before := tx.Now - 10*memberLife.Milliseconds()
		if k.db.Engine() == db.SQLite { // this process has the folder to itself
			before = tx.Now + 1
		}
		if err := tx.DeleteServers(before); err != nil {
			return err
		}
		return tx.SetServer(m.self)
	})
	if err != nil {
		return nil, err
	}
	// Behind the row: what was added before is seen here, what comes later waits.
	if err := k.Refresh(ctx); err != nil {
		return nil, err
	}
	return m, m.beat(ctx)
}

// beat says that the server lives, and which keys it has taken over.
func (m *Member) beat(ctx context.Context) error {
	r := m.k.now.Load()
	m.self.Newest, m.self.Active = r.newest, r.active
	return m.k.db.Update(ctx, func(tx *db.Tx) error { return tx.SetServer(m.self) })
}

// Follow takes over what changes in the stored keyring, every second, and at
// once when a record names a key that is not there yet, until ctx ends.
func (m *Member) Follow(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	failing, last := false, time.Now()
	for {
		select {
		case <-ctx.Done():
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), beatEvery)
			defer cancel()
			if err := m.k.db.Update(ending, func(tx *db.Tx) error { return tx.DeleteServer(m.self.ID) }); err != nil {
				log.Warn("the end of this server could not be told; rotations of keys wait for it a while", "err", err)
			}
			return
		case <-tick.C:
		case <-m.k.missed:
		}
		err := m.k.Refresh(ctx)
		r := m.k.now.Load()
		if ctx.Err() == nil && (m.self.Newest != r.newest || m.self.Active != r.active || time.Since(last) >= beatEvery) {
			last = time.Now()
			if beat := m.beat(ctx); err == nil {
				err = beat
			}
		}
		if err != nil && !failing && ctx.Err() == nil {
			log.Error("the keyring could not be read again; keys that were added meanwhile are not known here", "err", err)
		}
		failing = err != nil
	}
}

// Await waits until every server that lives has opened the KEK of a version,
// and, with active, seals under it or a newer one. A server that cannot is
// named in the error, a coffer.Busy "server_behind".
func (k *Keyring) Await(ctx context.Context, version uint32, active bool) error {
	tick := time.NewTicker(followEvery / 10)
	defer tick.Stop()
	for end := time.Now().Add(memberLife + followEvery); ; {
		var slow []db.Server
		err := k.db.View(ctx, func(tx *db.Tx) (err error) { slow, err = behind(tx, version, active); return err })
		if err != nil || len(slow) == 0 {
			return err
		}
		if time.Now().After(end) {
			return errBehind(slow, version)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// behind returns the living servers that have not taken a key over.
func behind(tx *db.Tx, version uint32, active bool) (slow []db.Server, err error) {
	all, err := tx.Servers(tx.Now - memberLife.Milliseconds())
	for _, s := range all {
		if s.Newest < version || active && s.Active < version {
			slow = append(slow, s)
		}
	}
	return slow, err
}

func errBehind(slow []db.Server, version uint32) error {
	hosts := make([]string, len(slow))
	for i, s := range slow {
		hosts[i] = s.Host
	}
	return coffer.E(coffer.Busy, "server_behind", fmt.Sprintf(
		"KEK %d waits: the server on %s has not opened it. Does it use the same master key? Restart it with the right one, then say this again.", version, strings.Join(hosts, ", ")))
}
