package files

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coffer"
	"coffer/internal/blob"
	"coffer/internal/db"
)

// purgeBatch is how many rows one transaction deletes at most; all other
// changes wait meanwhile.
const purgeBatch = 200

// purge deletes the rows of a doomed node, leaves first, as far as the budget
// goes. path leads from the node to the folder where it goes on; it returns
// the path for the next time, empty when nothing is left.
func purge(tx *db.Tx, root coffer.Node, path []coffer.ID, budget *int) ([]coffer.ID, error) {
	if err := tx.Purging(); err != nil {
		return nil, err
	}
	used := int64(0)
	for len(path) > 0 && *budget > 0 {
		here := path[len(path)-1]
		if here != root.ID || root.Kind == coffer.Folder {
			detached, err := tx.DetachTrash(here, *budget)
			if err != nil {
				return nil, err
			}
			if *budget -= int(detached); *budget <= 0 {
				break
			}
			files, bytes, err := tx.PurgeFiles(here, *budget)
			if err != nil {
				return nil, err
			}
			used += bytes
			if *budget -= int(files); *budget <= 0 {
				break
			}
			sub, err := tx.SubfoldersOf(here, 1)
			if err != nil {
				return nil, err
			}
			if len(sub) > 0 {
				path = append(path, sub[0])
				*budget--
				continue
			}
		}
		bytes, err := tx.PurgeNode(here)
		if err != nil {
			return nil, err
		}
		used += bytes
		*budget--
		path = path[:len(path)-1]
	}
	if used == 0 {
		return path, nil
	}
	_, err := tx.TakeQuota(root.SpaceID, -used, 0)
	return path, err
}

// PurgeDoomed removes the rows of a node that is deleted for ever, in small
// transactions; with the zero id, those of all such nodes. It may be cut off
// and repeated at any time.
func (s *Service) PurgeDoomed(ctx context.Context, id coffer.ID) error {
	if !id.IsZero() {
		return errors.Join(s.purgeDoomed(ctx, id), s.tidyNames(ctx))
	}
	for {
		var nodes []coffer.Node
		if err := s.inspect(ctx, func(tx *db.Tx) (err error) { nodes, err = tx.Doomed(purgeBatch); return err }); err != nil {
			return err
		}
		if len(nodes) == 0 {
			return s.tidyNames(ctx)
		}
		for _, n := range nodes {
			if err := s.purgeDoomed(ctx, n.ID); err != nil {
				return err
			}
		}
	}
}

// tidyNames takes what purges left of names out of the index of names, in
// small transactions.
func (s *Service) tidyNames(ctx context.Context) error {
	for first, more := true, true; more; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) (err error) { more, err = tx.TidyNames(first); return err })
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) purgeDoomed(ctx context.Context, id coffer.ID) error {
	var root coffer.Node
	err := s.inspect(ctx, func(tx *db.Tx) (err error) { root, err = tx.Node(id); return err })
	if errors.Is(err, coffer.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	path := []coffer.ID{id}
	for len(path) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		var left []coffer.ID
		err := s.maintain(ctx, root.SpaceID, func(tx *db.Tx) error {
			due, err := tx.IsDoomed(id)
			if err != nil || !due {
				left = nil
				return err
			}
			budget := purgeBatch
			left, err = purge(tx, root, append([]coffer.ID(nil), path...), &budget)
			return err
		})
		if err != nil {
			return err
		}
		path = left
	}
	return nil
}

// PurgeTrash deletes for ever what is in the trash for long enough.
func (s *Service) PurgeTrash(ctx context.Context) error {
	v := s.As(coffer.SystemPrincipal("purge-trash"))
	for {
		var nodes []coffer.Node
		err := s.inspect(ctx, func(tx *db.Tx) (err error) {
			nodes, err = tx.OldTrash(tx.Now-s.retention.Trash.Milliseconds(), emptyBatch)
			return err
		})
		if err != nil || len(nodes) == 0 {
			return err
		}
		for _, n := range nodes {
			// It may have been restored or deleted meanwhile.
			if _, err := v.Delete(ctx, n.ID); err != nil && !errors.Is(err, coffer.ErrNotFound) {
				return err
			}
		}
	}
}

// CollectUploads ends uploads that expired: their room is free again and their
// bytes go, for nothing ever named these.
func (s *Service) CollectUploads(ctx context.Context) error {
	s.tidy(ctx)
	if err := s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error { return tx.DeleteDonePieces() }); err != nil {
		return err
	}
	for {
		var old []db.Upload
		if err := s.inspect(ctx, func(tx *db.Tx) (err error) { old, err = tx.ExpiredUploads(purgeBatch); return err }); err != nil || len(old) == 0 {
			return err
		}
		for _, u := range old {
			if err := s.abandon(ctx, u.SpaceID, u.ID); err != nil {
				return err
			}
		}
	}
}

// CollectBlobs removes the bytes of blobs that are dead, or have no row, for
// longer than the grace period. It removes nothing from a store that does not
// carry the installation's marker.
func (s *Service) CollectBlobs(ctx context.Context) error {
	if err := s.blobs.Marker(ctx, s.install, false); err != nil {
		return fmt.Errorf("files: nothing is collected: %w", err)
	}
	for {
		var dead []coffer.ID
		err := s.inspect(ctx, func(tx *db.Tx) (err error) {
			dead, err = tx.DeadBlobs(tx.Now-s.grace().Milliseconds(), purgeBatch)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range dead {
			if err := s.blobs.Delete(ctx, id); err != nil {
				return err
			}
		}
		err = s.maintain(ctx, coffer.ID{}, func(tx *db.Tx) error {
			for _, id := range dead {
				if err := tx.DeleteDeadBlob(id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(dead) < purgeBatch {
			break
		}
	}
	orphans, err := s.orphans(ctx, s.grace())
	if err != nil {
		return err
	}
	for _, o := range orphans {
		s.log.Info("blob without a row removed", "blob", o.Blob, "bytes", o.Size)
		if err := s.blobs.Delete(ctx, o.Blob); err != nil {
			return err
		}
	}
	return nil
}

// orphans lists what the store holds and no row knows, if its last change is
// longer ago than age.
func (s *Service) orphans(ctx context.Context, age time.Duration) (orphans []Orphan, err error) {
	var batch []blob.Entry
	flush := func() error {
		err := s.inspect(ctx, func(tx *db.Tx) error {
			for _, e := range batch {
				if tx.Now-e.Changed.UnixMilli() < age.Milliseconds() {
					continue
				}
				known, err := tx.HasBlob(e.ID)
				if err != nil {
					return err
				}
				if !known {
					orphans = append(orphans, Orphan{Blob: e.ID, Staged: e.Staged, Size: e.Size, Changed: e.Changed})
				}
			}
			return nil
		})
		batch = batch[:0]
		return err
	}
	err = s.blobs.List(ctx, "", func(e blob.Entry) error {
		if batch = append(batch, e); len(batch) < purgeBatch {
			return nil
		}
		return flush()
	})
	if err != nil {
		return nil, err
	}
	return orphans, flush()
}
