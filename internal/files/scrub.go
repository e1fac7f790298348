package files

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"coffer"
	"coffer/internal/db"
)

const (
	scrubBatch = 20               // versions between two looks at the database
	scrubBurst = 1 << 20          // bytes that may be read at once
	scrubSave  = 10 * time.Second // how much of a pass is repeated after a crash at most
)

// Scrub reads and authenticates all contents once, slowly, from where the last
// run was cut off, and remembers what is damaged. It does nothing when the last
// whole pass ended less than every ago. On a store without the installation's
// marker it stops before everything looks lost.
func (s *Service) Scrub(ctx context.Context, every time.Duration) error {
	var at db.Scrub
	var now int64
	err := s.inspect(ctx, func(tx *db.Tx) (err error) { now = tx.Now; at, err = tx.Scrub(); return err })
	if err != nil {
		return err
	}
	if at.After.IsZero() {
		if at.EndedAt > 0 && now-at.EndedAt < every.Milliseconds() {
			return nil
		}
		at = db.Scrub{StartedAt: now, EndedAt: at.EndedAt}
	}
	limit := rate.NewLimiter(rate.Limit(s.scrubRate), scrubBurst)
	pace := func(ctx context.Context, n int) error {
		s.scrubbed.Add(int64(n))
		for ; n > scrubBurst; n -= scrubBurst {
			if err := limit.WaitN(ctx, scrubBurst); err != nil {
				return err
			}
		}
		return limit.WaitN(ctx, n)
	}
	saved := time.Now()
	for {
		if err := s.blobs.Marker(ctx, s.install, false); err != nil {
			return fmt.Errorf("files: nothing is scrubbed: %w", err)
		}
		page, err := s.openedVersions(ctx, at.After, scrubBatch)
		if err != nil {
			return err
		}
		for _, v := range page {
			c := check{s: s}
			if err := c.version(ctx, v, true, pace); err != nil {
				return errors.Join(err, s.saveScrub(context.WithoutCancel(ctx), at))
			}
			if err := s.dropDamaged(ctx, &c.Report); err != nil {
				return err
			}
			if err := s.noteDamage(ctx, v, c.Problems); err != nil {
				return err
			}
			at.After = v.ID
			at.Versions++
			at.Bytes += v.Size
			if time.Since(saved) > scrubSave {
				if err := s.saveScrub(ctx, at); err != nil {
					return err
				}
				saved = time.Now()
			}
		}
		if len(page) < scrubBatch {
			break
		}
	}
	at.After = coffer.ID{}
	return s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		at.EndedAt = tx.Now
		return tx.SetScrub(at)
	})
}

func (s *Service) saveScrub(ctx context.Context, at db.Scrub) error {
	return s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error { return tx.SetScrub(at) })
}

// dropDamaged removes small pictures that were found damaged, which is all that
// there is to do about them.
func (s *Service) dropDamaged(ctx context.Context, found *Report) error {
	var rest []Problem
	for _, p := range found.Problems {
		if p.Kind != "thumbnail" {
			rest = append(rest, p)
			continue
		}
		s.log.Error("a small picture is damaged and was removed", "where", p.Where, "detail", p.Text)
		if err := s.dropThumbnail(ctx, p.space, p.blob); err != nil {
			return err
		}
	}
	found.Problems = rest
	return nil
}

// noteDamage remembers what was found about a version, or that it is whole.
func (s *Service) noteDamage(ctx context.Context, v openedVersion, problems []Problem) error {
	known := false
	err := s.inspect(ctx, func(tx *db.Tx) (err error) { known, err = tx.IsDamaged(v.ID); return err })
	if err != nil || known == (len(problems) > 0) {
		return err
	}
	err = s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
		if len(problems) == 0 {
			return tx.ClearDamage(v.ID)
		}
		there, err := tx.HasVersion(v.ID)
		if err != nil || !there { // deleted while it was read: its blob may be gone rightly
			return err
		}
		return tx.SetDamage(v.ID, problems[0].Kind, problems[0].Text)
	})
	if err == nil && len(problems) > 0 {
		s.log.Error("a stored file is damaged", "version", v.ID, "node", v.NodeID, "kind", problems[0].Kind, "detail", problems[0].Text)
	}
	return err
}

// A DamagedFile is what people are told of damage.
type DamagedFile struct {
	ID      coffer.ID // of the file
	Name    string
	Version int64 // its number
	Current bool  // the file's current content; else an older version
	Owner   Person
	Lost    bool  // nothing of it is there; else a part of it cannot be read
	FoundAt int64 // ms
}

// maxDamages is how many damaged files are listed; they are counted in full.
const maxDamages = 100

// Damaged lists what the scrub found: to an administrator everybody's, to
// others their own. It names files and owners, and opens nothing.
func (v *View) Damaged(ctx context.Context) (out []DamagedFile, err error) {
	if v.p.Kind != coffer.UserKind || v.p.User.Disabled {
		return nil, coffer.ErrNotFound
	}
	owner := v.p.User.ID
	if v.p.User.Role.Has(coffer.ReadPeople) && v.p.InScope(coffer.ScopeAdmin) {
		owner = coffer.ID{}
	}
	err = v.s.inspect(ctx, func(tx *db.Tx) error {
		all, err := tx.Damages(owner, maxDamages)
		out = nil
		for _, d := range all {
			out = append(out, DamagedFile{d.NodeID, d.Name, d.Number, d.Current, Person{d.OwnerID, d.Owner}, d.Kind == "lost_blob" || d.Kind == "damaged_key", d.FoundAt})
		}
		return err
	})
	return out, err
}

// Health is how the stored contents are.
type Health struct {
	Damaged     int64 // versions
	Scrubbed    int64 // bytes, by this process since its start
	PassStarted int64 // ms
	PassEnded   int64 // ms; 0: no whole pass yet
	Mended      int64 // spaces whose counters Recount put right, by this process
}

// Health tells how the stored contents are, for metrics.
func (s *Service) Health(ctx context.Context) (h Health, err error) {
	err = s.inspect(ctx, func(tx *db.Tx) error {
		at, err := tx.Scrub()
		if err != nil {
			return err
		}
		h = Health{Scrubbed: s.scrubbed.Load(), PassStarted: at.StartedAt, PassEnded: at.EndedAt, Mended: s.mended.Load()}
		h.Damaged, err = tx.CountDamages()
		return err
	})
	return h, err
}
