package files

import (
	"context"
	"errors"
	"fmt"

	"coffer"
	"coffer/internal/db"
)

// GiveUp takes the own space of a user away from them, in the transaction tx
// that deletes the account: from its commit on nobody reaches anything in it,
// and a job removes what it holds (PurgeSpace). by is who does so. A person
// without a space has nothing to give up.
//
// Errors: Conflict "last_owner" for the one owner of a team space, Conflict
// "has_files" when the space holds something and that is not to be erased.
func (s *Service) GiveUp(tx *db.Tx, by coffer.Principal, user coffer.ID, erase bool) error {
	if err := keepTeams(tx, user); err != nil {
		return err
	}
	space, err := tx.PersonalSpace(user)
	if errors.Is(err, coffer.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if space, err = tx.LockSpace(space.ID); err != nil {
		return err
	}
	if !erase {
		n, err := tx.CountItems(space.ID, space.RootID)
		if err != nil {
			return err
		}
		if n > 0 {
			return coffer.E(coffer.Conflict, "has_files", fmt.Sprintf("This person still has %d files and folders here. Hand them over first, or say that they are to be erased.", n))
		}
	}
	if err := tx.GiveUpSpace(space); err != nil {
		return err
	}
	if err := s.givenUp(tx, space.ID); err != nil {
		return err
	}
	a := act{action: "space.given_up", node: space.RootID, detail: map[string]any{"bytes": space.Used, "owner": user}}
	return tx.InsertEvent(s.As(by).event(space.ID, a))
}

// PurgeSpace removes everything of a space that was given up: uploads, files
// with their key records, folders, keys, and at last the space itself, in small
// transactions; with the zero id, of all such spaces. Blobs become dead. It may
// be cut off and repeated at any time.
func (s *Service) PurgeSpace(ctx context.Context, id coffer.ID) error {
	if !id.IsZero() {
		return s.purgeSpace(ctx, id)
	}
	for {
		var spaces []coffer.ID
		if err := s.inspect(ctx, func(tx *db.Tx) (err error) { spaces, err = tx.GivenUpSpaces(purgeBatch); return err }); err != nil || len(spaces) == 0 {
			return err
		}
		for _, id := range spaces {
			if err := s.purgeSpace(ctx, id); err != nil {
				return err
			}
		}
	}
}

func (s *Service) purgeSpace(ctx context.Context, id coffer.ID) error {
	var space coffer.Space
	err := s.inspect(ctx, func(tx *db.Tx) (err error) { space, err = tx.Space(id); return err })
	if errors.Is(err, coffer.ErrNotFound) || err == nil && !space.GivenUp() {
		return nil
	}
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context, coffer.Space) error{s.purgeUploads, s.purgeTree, s.purgeTrashOf} {
		if err := step(ctx, space); err != nil {
			return err
		}
	}
	err = s.maintain(ctx, id, func(tx *db.Tx) error {
		if err := tx.DeleteSpace(id); err != nil {
			return err
		}
		return tx.InsertEvent(s.As(coffer.SystemPrincipal("purge-space")).event(id, act{action: "space.removed"}))
	})
	if errors.Is(err, coffer.ErrNotFound) {
		return nil // somebody else has removed it
	}
	return err
}

func (s *Service) purgeUploads(ctx context.Context, space coffer.Space) error {
	for {
		var all []db.Upload
		if err := s.inspect(ctx, func(tx *db.Tx) (err error) { all, err = tx.UploadsOf(space.ID, purgeBatch); return err }); err != nil || len(all) == 0 {
			return err
		}
		for _, u := range all {
			if err := errors.Join(ctx.Err(), s.abandon(ctx, space.ID, u.ID)); err != nil {
				return err
			}
		}
	}
}

func (s *Service) purgeTree(ctx context.Context, space coffer.Space) error {
	// The account may be gone without GiveUp: then the root is not doomed yet.
	err := s.maintain(ctx, space.ID, func(tx *db.Tx) error { return tx.GiveUpSpace(space) })
	if err != nil {
		return err
	}
	return s.purgeDoomed(ctx, space.RootID)
}

// purgeTrashOf removes what was in the trash, or hidden, by itself. A folder
// that goes sets free what was put into the trash below it.
func (s *Service) purgeTrashOf(ctx context.Context, space coffer.Space) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var files int64
		var folder coffer.ID
		err := s.maintain(ctx, space.ID, func(tx *db.Tx) (err error) {
			folder = coffer.ID{}
			var bytes int64
			if err := tx.Purging(); err != nil {
				return err
			}
			if files, bytes, err = tx.PurgeTrashedFiles(space.ID, purgeBatch); err != nil {
				return err
			}
			if files > 0 {
				_, err = tx.TakeQuota(space.ID, -bytes, 0)
				return err
			}
			if folder, err = tx.TrashedFolder(space.ID); err != nil {
				return err
			}
			return tx.DoomNode(folder)
		})
		if errors.Is(err, coffer.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if files == 0 {
			if err := s.purgeDoomed(ctx, folder); err != nil {
				return err
			}
		}
	}
}

// CountItems tells how many files and folders the own space of the principal
// holds, what is in the trash included, and without its root.
func (v *View) CountItems(ctx context.Context, root coffer.ID) (n int64, err error) {
	err = v.look(ctx, root, coffer.Read, func(tx *db.Tx, p pass) error {
		n, err = tx.CountItems(p.space.ID, p.space.RootID)
		return err
	})
	return n, err
}
