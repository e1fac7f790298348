package files

import (
	"context"
	"crypto/sha256"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/seal"
)

// Sum computes the SHA-256 of a blob's content, where an upload that came in
// several requests left that open, and puts it into the key records of the
// versions that have the blob. It is a job, and may be cut off and repeated.
func (s *Service) Sum(ctx context.Context, blob coffer.ID) error {
	var sum *[32]byte
	for {
		var all []db.Version
		var deks []seal.DEK
		err := s.inspect(ctx, func(tx *db.Tx) (err error) {
			if all, err = tx.VersionsWith(blob); err != nil {
				return err
			}
			deks = deks[:0]
			for _, ver := range all {
				dek, err := s.openVersion(tx, ver)
				if err != nil {
					return err
				}
				deks = append(deks, dek)
			}
			return nil
		})
		if err != nil {
			return err
		}
		open := 0
		for i, ver := range all {
			if deks[i].Digest != seal.NoDigest {
				deks[i].Key.Clear()
				continue
			}
			open++
			if sum == nil {
				if sum, err = s.sum(ctx, blob, deks[i]); err != nil {
					return err
				}
			}
			deks[i].Digest, deks[i].Sum = seal.FileSHA256, *sum
			err := s.setSum(ctx, ver, deks[i])
			deks[i].Key.Clear()
			if err != nil {
				return err
			}
		}
		if open == 0 {
			return nil
		}
		// Once more: a copy may have been made, or a key rotated, meanwhile.
	}
}

// sum reads a whole blob.
func (s *Service) sum(ctx context.Context, blob coffer.ID, dek seal.DEK) (*[32]byte, error) {
	r, err := s.openBlob(ctx, blob, dek)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := r.WriteRangeTo(ctx, h, 0, dek.Size); err != nil {
		return nil, err
	}
	return (*[32]byte)(h.Sum(nil)), nil
}

// setSum seals a completed key record in the place of the one that was read.
func (s *Service) setSum(ctx context.Context, ver db.Version, dek seal.DEK) error {
	return s.maintain(ctx, ver.SpaceID, func(tx *db.Tx) error {
		row, err := tx.SpaceKey(ver.SpaceID, ver.SKVer)
		if err != nil {
			return err
		}
		key, err := s.keys.OpenSpaceKey(row)
		if err != nil {
			return err
		}
		defer key.Clear()
		_, err = tx.SetVersionKey(ver, key.SealDEK(ver.NodeID, ver.ID, ver.BlobID, dek))
		return err
	})
}
