package files

import (
	"context"
	"errors"

	"coffer"
	"coffer/internal/db"
)

// Recount counts the bytes of each space again and puts its counters right
// where they are not: they are changed together with what they count, so that
// is a mistake of ours, which the log and the metrics tell. It is a periodic job.
//
// It looks at counters and rows in one snapshot, beside running uploads and
// without holding them up; only a space that is wrong is locked, and counted
// once more.
func (s *Service) Recount(ctx context.Context) error {
	for after := (coffer.ID{}); ; {
		var spaces []coffer.Space
		if err := s.inspect(ctx, func(tx *db.Tx) (err error) { spaces, err = tx.Spaces(after, checkPage); return err }); err != nil {
			return err
		}
		for _, space := range spaces {
			after = space.ID
			if err := s.recount(ctx, space.ID); err != nil && !errors.Is(err, coffer.ErrNotFound) { // removed meanwhile
				return err
			}
		}
		if len(spaces) < checkPage {
			return nil
		}
	}
}

func (s *Service) recount(ctx context.Context, id coffer.ID) error {
	var was coffer.Space
	var is db.Counts
	err := s.inspect(ctx, func(tx *db.Tx) (err error) {
		if was, err = tx.Space(id); err == nil {
			is, err = tx.CountSpace(id)
		}
		return err
	})
	if err != nil || is == (db.Counts{Used: was.Used, Reserved: was.Reserved}) {
		return err
	}
	if err := s.maintain(ctx, id, func(tx *db.Tx) error { _, err := tx.CountSpaceAgain(id); return err }); err != nil {
		return err
	}
	s.mended.Add(1)
	s.log.Error("the bytes of a space were not counted right; they are now", "space", id,
		"used", was.Used, "used_counted", is.Used, "reserved", was.Reserved, "reserved_counted", is.Reserved)
	return nil
}
