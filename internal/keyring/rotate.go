package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/seal"
)

const (
	resealBatch = 500 // records sealed again in one transaction
	mailBatch   = 8   // of up to 1 MiB each

	// kekKept is how long a KEK stays after it was replaced: longer than the
	// tickets and cursors that its MAC keys made, and than any transaction.
	kekKept = 10 * time.Minute
	// addedKept is how long an added KEK is left to whoever added it.
	addedKept = 2 * memberLife
	// spaceKeyKept is the same for the key of a space: longer than an upload
	// may take that began under it.
	spaceKeyKept = 8 * 24 * time.Hour
)

// The kinds of rotations that have a story (db.Rotation).
const (
	RotationKEK    = "kek"
	RotationSpaces = "spaces"
)

// Rewrap wraps every KEK with the active master key of a provider and stores
// that in one transaction, each wrap opened once before. What is sealed under
// the KEKs stays as it is.
func (k *Keyring) Rewrap(ctx context.Context, p Provider) (int, error) {
	if err := k.Refresh(ctx); err != nil {
		return 0, err
	}
	r := k.now.Load()
	wraps := map[uint32]Wrapped{}
	for version, kek := range r.keks {
		aad := seal.KEK(k.install, version).Bytes()
		w, err := p.Wrap(ctx, kek.Bytes(), aad)
		if err != nil {
			return 0, err
		}
		back, err := p.Unwrap(ctx, w, aad)
		if err != nil {
			return 0, err
		}
		same := bytes.Equal(back, kek.Bytes())
		clear(back)
		if !same {
			return 0, fmt.Errorf("keyring: the provider gave back another key than it was given")
		}
		wraps[version] = w
	}
	err := k.db.Update(ctx, func(tx *db.Tx) error {
		rows, err := tx.KEKs()
		if err != nil {
			return err
		}
		for _, row := range rows {
			w, ok := wraps[row.Version]
			if !ok {
				return coffer.E(coffer.Busy, "keys_changing", "Another process has added a key meanwhile. Try again.")
			}
			if err := tx.SetWrap(row.Version, w.Provider, w.KeyRef, w.Blob); err != nil {
				return err
			}
		}
		return nil
	})
	return len(wraps), err
}

// AddKEK stores a new KEK, not active yet, so that all servers can take it over
// before anything is sealed under it. One that was added before and never
// became active is used.
func (k *Keyring) AddKEK(ctx context.Context) (version uint32, err error) {
	rows, err := load(ctx, k.db)
	if err != nil {
		return 0, err
	}
	last := rows[len(rows)-1]
	if !last.Active && last.InactiveSince == 0 {
		return last.Version, nil
	}
	version = last.Version + 1
	kek := seal.NewKey()
	defer kek.Clear()
	w, err := k.provider.Wrap(ctx, kek.Bytes(), seal.KEK(k.install, version).Bytes())
	if err != nil {
		return 0, err
	}
	row := db.KEK{Version: version, Provider: w.Provider, KeyRef: w.KeyRef, Wrapped: w.Blob, Check: seal.Seal(kek, seal.KEKCheck(k.install, version), nil)}
	if err := k.db.Update(ctx, func(tx *db.Tx) error { return tx.InsertKEK(row) }); errors.Is(err, db.ErrTaken) {
		return 0, coffer.E(coffer.Busy, "keys_changing", "Another process rotates the keys right now. Try again.")
	} else if err != nil {
		return 0, err
	}
	return version, nil
}

// ActivateKEK makes an added KEK the one that records are sealed under, and
// begins the story of the rotation. A living server that has not opened it keeps
// that from happening (see Await).
func (k *Keyring) ActivateKEK(ctx context.Context, version uint32) error {
	err := k.db.Update(ctx, func(tx *db.Tx) error {
		if slow, err := behind(tx, version, false); err != nil {
			return err
		} else if len(slow) > 0 {
			return errBehind(slow, version)
		}
		if err := tx.ActivateKEK(version); err != nil {
			return err
		}
		total := int64(0)
		for _, c := range kekColumns() {
			for v := range k.now.Load().keks {
				if v < version {
					n, err := tx.CountSealed(c, coffer.ID{}, v)
					if err != nil {
						return err
					}
					total += n
				}
			}
		}
		return tx.StartRotation(RotationKEK, version, total)
	})
	if err != nil {
		return err
	}
	return k.Refresh(ctx)
}

func kekColumns() []db.SealedColumn   { return columns(false) }
func spaceColumns() []db.SealedColumn { return columns(true) }

func columns(space bool) (out []db.SealedColumn) {
	for _, c := range db.SealedColumns() {
		if c.Space == space {
			out = append(out, c)
		}
	}
	return out
}

// Reseal seals again, under the active KEK, every record that an older one has
// sealed. It may be cut off and repeated at any time, and run in two processes.
func (k *Keyring) Reseal(ctx context.Context) error {
	if err := k.Refresh(ctx); err != nil {
		return err
	}
	active := k.Active()
	for _, c := range kekColumns() {
		_, err := k.resealColumn(ctx, c, coffer.ID{}, active, RotationKEK, func(r db.SealedRecord) ([]byte, error) {
			if r.Erased() { // of a space that is being removed
				return r.Sealed, nil
			}
			plain, err := k.open(k.place(c, r), r.Version, r.Sealed)
			if err != nil {
				return nil, err
			}
			defer clear(plain)
			return seal.Seal(k.now.Load().keks[active], k.place(c, r)(active), plain), nil
		})
		if err != nil {
			return err
		}
	}
	return k.db.Update(ctx, func(tx *db.Tx) error { return tx.EndRotation(RotationKEK) })
}

// place is the context of a record under a KEK, by the version of that.
func (k *Keyring) place(c db.SealedColumn, r db.SealedRecord) func(kek uint32) seal.Context {
	return func(kek uint32) seal.Context {
		switch c.Table {
		case "mail":
			return seal.Mail(k.install, r.IDs[0], kek)
		case "space_key":
			return seal.SpaceKey(r.SpaceID, r.SKVer, kek)
		case "user_account", "signup": // a sign-up's id becomes the person's
			return seal.PasswordHash(r.IDs[0], kek)
		case "link":
			return seal.LinkPassword(r.IDs[0], kek)
		case "file_request":
			return seal.RequestPassword(r.IDs[0], kek)
		}
		panic("keyring: no context for " + c.Name())
	}
}

// spacePlace is the context of a record under a space key.
func spacePlace(c db.SealedColumn, r db.SealedRecord, sk uint32) seal.Context {
	switch c.Table {
	case "link":
		return seal.LinkToken(r.SpaceID, r.IDs[0], sk)
	case "version":
		return seal.FileKey(r.SpaceID, r.IDs[1], r.IDs[0], r.IDs[2], sk)
	case "thumbnail":
		return seal.Thumbnail(r.SpaceID, r.IDs[1], r.IDs[0], sk)
	case "upload":
		return seal.Upload(r.SpaceID, r.IDs[0], r.IDs[1], sk)
	case "file_request":
		return seal.RequestToken(r.SpaceID, r.IDs[0], sk)
	}
	panic("keyring: no context for " + c.Name())
}

// resealColumn works through one column in small transactions and returns how
// many records it has sealed again.
func (k *Keyring) resealColumn(ctx context.Context, c db.SealedColumn, space coffer.ID, target uint32, story string, again func(db.SealedRecord) ([]byte, error)) (all int64, err error) {
	limit := resealBatch
	if c.Table == "mail" {
		limit = mailBatch
	}
	for {
		var old []db.SealedRecord
		if err := k.db.View(ctx, func(tx *db.Tx) (err error) { old, err = tx.SealedBelow(c, space, target, limit); return err }); err != nil || len(old) == 0 {
			return all, err
		}
		fresh := make([][]byte, len(old))
		for i, r := range old {
			if fresh[i], err = again(r); err != nil {
				return all, fmt.Errorf("keyring: %s of %v under key %d: %w", c.Name(), r.IDs[0], r.Version, err)
			}
		}
		var n int64
		err := k.db.Update(ctx, func(tx *db.Tx) error {
			n = 0
			for i, r := range old {
				done, err := tx.Reseal(c, r, target, fresh[i])
				if err != nil {
					return err
				}
				if done {
					n++
				}
			}
			return tx.RotationDone(story, n)
		})
		if err != nil {
			return all, err
		}
		all += n
		if err := ctx.Err(); err != nil {
			return all, err
		}
	}
}

// RotateSpace gives a space a new key, under which new records are sealed from
// now on. The older ones follow with ResealSpace.
func (k *Keyring) RotateSpace(ctx context.Context, space coffer.ID) (version uint32, err error) {
	err = k.db.Update(ctx, func(tx *db.Tx) (err error) { version, err = k.rotateSpace(tx, space); return err })
	return version, busyKeys(err)
}

func (k *Keyring) rotateSpace(tx *db.Tx, space coffer.ID) (uint32, error) {
	current, err := tx.CurrentSpaceKey(space)
	if errors.Is(err, coffer.ErrNotFound) {
		return 0, coffer.E(coffer.NotFound, "not_found", "There is no space with this id, or it has no key: it was given up.")
	}
	if err != nil {
		return 0, err
	}
	version := current.Version + 1
	if err := tx.InsertSpaceKey(k.newSpaceKey(space, version)); err != nil {
		return 0, err
	}
	return version, tx.ActivateSpaceKey(space, version)
}

func busyKeys(err error) error {
	if errors.Is(err, db.ErrTaken) {
		return coffer.E(coffer.Busy, "keys_changing", "Another process rotates the key of this space right now. Try again.")
	}
	return err
}

// RotateSpaces begins to give every space a new key, or goes on where that was
// cut off, until each has one that is younger than the beginning. EndSpaces
// ends the story.
func (k *Keyring) RotateSpaces(ctx context.Context) (int64, error) {
	var since int64
	err := k.db.Update(ctx, func(tx *db.Tx) (err error) {
		if since, err = spacesSince(tx); err != nil || since > 0 {
			return err
		}
		since = tx.Now
		return tx.StartRotation(RotationSpaces, 0, 0)
	})
	if err != nil {
		return 0, err
	}
	return k.rotateSpaces(ctx, since)
}

// spacesSince is when the rotation of all spaces began that goes on; 0: none.
func spacesSince(tx *db.Tx) (int64, error) {
	all, err := tx.Rotations()
	for _, r := range all {
		if r.What == RotationSpaces && r.EndedAt == 0 {
			return r.StartedAt, err
		}
	}
	return 0, err
}

func (k *Keyring) rotateSpaces(ctx context.Context, since int64) (n int64, err error) {
	for after := (coffer.ID{}); ; {
		var ids []coffer.ID
		err := k.db.View(ctx, func(tx *db.Tx) (err error) { ids, err = tx.SpacesKeyedBefore(since, after, resealBatch); return err })
		if err != nil || len(ids) == 0 {
			return n, err
		}
		for _, id := range ids {
			after = id
			made := false
			err := k.db.Update(ctx, func(tx *db.Tx) (err error) {
				// Another process may be at the same work.
				if made, err = tx.IsKeyedBefore(id, since); err != nil || !made {
					return err
				}
				_, err = k.rotateSpace(tx, id)
				return err
			})
			if err = busyKeys(err); err != nil && coffer.KindOf(err) != coffer.NotFound { // it was given up
				return n, err
			}
			if made && err == nil {
				n++
			}
			if err := ctx.Err(); err != nil {
				return n, err
			}
		}
	}
}

// EndSpaces ends the story of RotateSpaces, once its records are sealed again.
func (k *Keyring) EndSpaces(ctx context.Context) error {
	return k.db.Update(ctx, func(tx *db.Tx) error { return tx.EndRotation(RotationSpaces) })
}

// ResealSpaces seals again the file keys of every space that has an older key
// than its active one, and removes older keys that nothing needs and that no
// upload can be using any more.
func (k *Keyring) ResealSpaces(ctx context.Context) error {
	var after db.OldSpaceKey
	for {
		var old []db.OldSpaceKey
		err := k.db.View(ctx, func(tx *db.Tx) (err error) {
			old, err = tx.OldSpaceKeys(after.SpaceID, after.Version, resealBatch)
			return err
		})
		if err != nil {
			return err
		}
		if len(old) == 0 {
			return nil
		}
		for _, o := range old {
			if err := k.resealSpace(ctx, o.SpaceID, o.Active); err != nil {
				return err
			}
			if err := k.dropSpaceKey(ctx, o); err != nil {
				return err
			}
		}
		after = old[len(old)-1]
	}
}

// ResealSpace is ResealSpaces for one space.
func (k *Keyring) ResealSpace(ctx context.Context, space coffer.ID) error {
	var active db.SpaceKey
	if err := k.db.View(ctx, func(tx *db.Tx) (err error) { active, err = tx.CurrentSpaceKey(space); return err }); err != nil {
		return err
	}
	return k.resealSpace(ctx, space, active.Version)
}

func (k *Keyring) resealSpace(ctx context.Context, space coffer.ID, active uint32) error {
	keys := map[uint32]*SpaceKey{}
	defer func() {
		for _, key := range keys {
			key.Clear()
		}
	}()
	key := func(version uint32) (*SpaceKey, error) {
		if k := keys[version]; k != nil {
			return k, nil
		}
		var row db.SpaceKey
		err := k.db.View(ctx, func(tx *db.Tx) (err error) { row, err = tx.SpaceKey(space, version); return err })
		if err != nil {
			return nil, err
		}
		opened, err := k.OpenSpaceKey(row)
		keys[version] = opened
		return opened, err
	}
	for _, c := range spaceColumns() {
		_, err := k.resealColumn(ctx, c, space, active, RotationSpaces, func(r db.SealedRecord) ([]byte, error) {
			from, err := key(r.Version)
			if err != nil {
				return nil, err
			}
			to, err := key(active)
			if err != nil {
				return nil, err
			}
			plain, err := seal.Open(from.key, spacePlace(c, r, r.Version), r.Sealed)
			if err != nil {
				return nil, err
			}
			defer clear(plain)
			return seal.Seal(to.key, spacePlace(c, r, active), plain), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dropSpaceKey removes an old key of a space when that is safe.
func (k *Keyring) dropSpaceKey(ctx context.Context, o db.OldSpaceKey) error {
	return k.db.Update(ctx, func(tx *db.Tx) error {
		if o.InactiveSince == 0 || tx.Now-o.InactiveSince < spaceKeyKept.Milliseconds() {
			return nil
		}
		for _, c := range spaceColumns() {
			if n, err := tx.CountSealed(c, o.SpaceID, o.Version); err != nil || n > 0 {
				return err
			}
		}
		err := tx.DeleteSpaceKey(o.SpaceID, o.Version)
		if errors.Is(err, coffer.ErrNotFound) { // another process was quicker
			return nil
		}
		return err
	})
}

// Finish ends whatever rotation was cut off, and seals again what slipped
// through while one ran. A job does it now and then.
func (k *Keyring) Finish(ctx context.Context) error {
	rows, err := load(ctx, k.db)
	if err != nil {
		return err
	}
	var waiting error // for a server that cannot open the new key: the rest goes on
	if last := rows[len(rows)-1]; !last.Active && last.InactiveSince == 0 {
		var now int64
		if err := k.db.View(ctx, func(tx *db.Tx) error { now = tx.Now; return nil }); err != nil {
			return err
		}
		if now-last.CreatedAt >= addedKept.Milliseconds() { // else its maker is at it
			if waiting = k.ActivateKEK(ctx, last.Version); waiting != nil && coffer.KindOf(waiting) != coffer.Busy {
				return waiting
			}
		}
	}
	return errors.Join(waiting, k.finish(ctx))
}

func (k *Keyring) finish(ctx context.Context) error {
	if err := k.Reseal(ctx); err != nil {
		return err
	}
	var since int64
	if err := k.db.View(ctx, func(tx *db.Tx) (err error) { since, err = spacesSince(tx); return err }); err != nil {
		return err
	}
	if since > 0 {
		if _, err := k.rotateSpaces(ctx, since); err != nil {
			return err
		}
	}
	if err := k.ResealSpaces(ctx); err != nil || since == 0 {
		return err
	}
	return k.EndSpaces(ctx)
}

// Use is a place where records are sealed under a KEK.
type Use struct {
	Column string
	Count  int64
}

// KEKState is one KEK with what needs it.
type KEKState struct {
	db.KEK
	Uses []Use // none: nothing needs it
}

// State returns every KEK and what needs it.
func (k *Keyring) State(ctx context.Context) (all []KEKState, err error) {
	err = k.db.View(ctx, func(tx *db.Tx) error {
		rows, err := tx.KEKs()
		if err != nil {
			return err
		}
		all = nil
		for _, row := range rows {
			uses, err := uses(tx, row.Version)
			if err != nil {
				return err
			}
			all = append(all, KEKState{row, uses})
		}
		return nil
	})
	return all, err
}

func uses(tx *db.Tx, version uint32) (out []Use, err error) {
	for _, c := range kekColumns() {
		n, err := tx.CountSealed(c, coffer.ID{}, version)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			out = append(out, Use{c.Name(), n})
		}
	}
	n, err := tx.CodesUnder(version)
	if n > 0 {
		out = append(out, Use{"signup.code_mac", n})
	}
	return out, err
}

// Retire removes KEKs that are not active, that nothing needs, and that are
// out of use for long enough. It returns the versions that went, and of each
// that stays the sentence why.
func (k *Keyring) Retire(ctx context.Context) (gone []uint32, stay map[uint32]string, err error) {
	err = k.db.Update(ctx, func(tx *db.Tx) error {
		gone, stay = nil, map[uint32]string{}
		rows, err := tx.KEKs()
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Active || row.InactiveSince == 0 {
				continue
			}
			needs, err := uses(tx, row.Version)
			if err != nil {
				return err
			}
			switch left := row.InactiveSince + kekKept.Milliseconds() - tx.Now; {
			case len(needs) > 0:
				stay[row.Version] = "it is still needed by " + needed(needs)
			case left > 0:
				stay[row.Version] = fmt.Sprintf("what it signed for a short time may still be on its way; try again in %v", (time.Duration(left) * time.Millisecond).Round(time.Second))
			default:
				if err := tx.DeleteKEK(row.Version); err != nil {
					return err
				}
				gone = append(gone, row.Version)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return gone, stay, k.Refresh(ctx)
}

func needed(uses []Use) string {
	var b bytes.Buffer
	for i, u := range uses {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d of %s", u.Count, u.Column)
	}
	return b.String()
}
