package files

import (
	"context"
	"encoding/binary"
	"errors"

	"coffer"
	"coffer/internal/db"
)

// VersionItem is one content that a file has or had.
type VersionItem struct {
	coffer.Version
	CreatedBy Person
	SHA256    string // 64 hex digits; "" when unknown
	Current   bool
}

// Versions lists the contents of a file, newest first. limit is as in
// ListOptions.
func (v *View) Versions(ctx context.Context, id coffer.ID, limit int, cursor string) (page Page[VersionItem], err error) {
	if limit, err = limitOf(limit); err != nil {
		return page, err
	}
	err = v.look(ctx, id, coffer.Read, func(tx *db.Tx, p pass) error {
		page, err = v.versions(tx, p, limit, cursor)
		return err
	})
	return page, err
}

func (v *View) versions(tx *db.Tx, p pass, limit int, text string) (page Page[VersionItem], err error) {
	if p.node.Kind != coffer.File {
		return page, errNotAFile()
	}
	mac := newCursor(v, "versions", p.node.ID[:])
	below := int64(0)
	if text != "" {
		raw, err := mac.Open(text)
		if err != nil {
			return page, err
		}
		if len(raw) != 8 {
			return page, badCursor()
		}
		below = int64(binary.BigEndian.Uint64(raw))
	}
	all, err := tx.VersionsBelow(p.node.ID, below, limit+1)
	if err != nil {
		return page, err
	}
	if len(all) > limit {
		all = all[:limit]
		if page.Next, err = mac.Seal(binary.BigEndian.AppendUint64(nil, uint64(all[limit-1].Number))); err != nil {
			return page, err
		}
	}
	who := v.people(tx)
	page.Items = make([]VersionItem, len(all))
	for i, ver := range all {
		if page.Items[i], err = v.versionItem(tx, p, who, ver); err != nil {
			return page, err
		}
	}
	page.Total, err = tx.CountVersions(p.node.ID)
	return page, err
}

func (v *View) versionItem(tx *db.Tx, p pass, who people, ver db.Version) (i VersionItem, err error) {
	i = VersionItem{Version: ver.Version, Current: ver.ID == p.node.VersionID}
	if i.CreatedBy, err = who.person(ver.CreatedBy); err != nil {
		return i, err
	}
	dek, err := v.s.openKey(tx, p, ver)
	if coffer.KindOf(err) == coffer.Corrupt {
		return i, nil // listed all the same: the others can still be restored
	}
	if err != nil {
		return i, err
	}
	defer dek.Key.Clear()
	i.SHA256 = hexSum(dek)
	return i, nil
}

func errNotAFile() error {
	return coffer.E(coffer.Conflict, "not_a_file", "This is a folder: it has no content.")
}

func errCurrent() error {
	return coffer.E(coffer.Conflict, "version_current", "This is the file's present content. Nothing was changed.")
}

// older loads an older version of the file of a pass.
func older(tx *db.Tx, p pass, version coffer.ID) (db.Version, error) {
	if p.node.Kind != coffer.File {
		return db.Version{}, errNotAFile()
	}
	if version == p.node.VersionID {
		return db.Version{}, errCurrent()
	}
	return tx.Version(p.node.ID, version)
}

// RestoreVersion makes an older content the present one again, as a new
// version: nothing is removed. The bytes are shared, and count once more.
func (v *View) RestoreVersion(ctx context.Context, id, version coffer.ID) (d Detail, err error) {
	p, err := v.reach(ctx, id, coffer.Write)
	if err != nil {
		return d, err
	}
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p := ps[0]
		ver, err := older(tx, p, version)
		if err != nil {
			return nil, err
		}
		dek, err := v.s.openKey(tx, p, ver)
		if err != nil {
			return nil, err
		}
		defer dek.Key.Clear()
		if err := v.s.takeQuota(tx, p, ver.Size, 0); err != nil {
			return nil, err
		}
		fresh, err := v.addVersion(tx, p, stored{blob: ver.BlobID, dek: dek, mediaType: ver.MediaType})
		if err != nil {
			return nil, err
		}
		d, err = v.detailOf(tx, p, id)
		return []act{{action: "version.restored", node: id, target: fresh.VersionID,
			detail: map[string]any{"name": p.node.Name, "from": ver.Number, "version": fresh.Number}}}, err
	}, p)
	return d, err
}

// DeleteVersion deletes an older content for ever. final is as of Delete.
func (v *View) DeleteVersion(ctx context.Context, id, version coffer.ID) (final int64, err error) {
	p, err := v.reach(ctx, id, coffer.Delete)
	if err != nil {
		return 0, err
	}
	return final, v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p := ps[0]
		ver, err := older(tx, p, version)
		if err != nil {
			return nil, err
		}
		final = v.s.erased(tx)
		return v.s.dropVersion(tx, p.space.ID, ver, false, map[string]any{"name": p.node.Name, "version": ver.Number})
	}, p)
}

// dropVersion deletes a version: its key record goes at once, its bytes when no
// backup may need them.
func (s *Service) dropVersion(tx *db.Tx, space coffer.ID, ver db.Version, unlessKept bool, detail map[string]any) ([]act, error) {
	bytes, err := tx.DeleteVersion(ver.NodeID, ver.ID, unlessKept)
	if err != nil {
		return nil, err
	}
	_, err = tx.TakeQuota(space, -bytes, 0)
	return []act{{action: "version.deleted", node: ver.NodeID, target: ver.ID, detail: detail}}, err
}

// KeepVersion says whether a version is kept for ever, whatever the rule says.
func (v *View) KeepVersion(ctx context.Context, id, version coffer.ID, keep bool) (i VersionItem, err error) {
	p, err := v.reach(ctx, id, coffer.Write)
	if err != nil {
		return i, err
	}
	err = v.commit(ctx, func(tx *db.Tx, ps []pass) ([]act, error) {
		p := ps[0]
		if p.node.Kind != coffer.File {
			return nil, errNotAFile()
		}
		if err := tx.KeepVersion(p.node.ID, version, keep); err != nil {
			return nil, err
		}
		ver, err := tx.Version(p.node.ID, version)
		if err != nil {
			return nil, err
		}
		i, err = v.versionItem(tx, p, v.people(tx), ver)
		return []act{{action: "version.kept", node: id, target: version, detail: map[string]any{"name": p.node.Name, "version": ver.Number, "keep": keep}}}, err
	}, p)
	return i, err
}

// PurgeVersions deletes older versions that the keeping rule lets go. It may be
// cut off and repeated at any time.
func (s *Service) PurgeVersions(ctx context.Context) error {
	if s.retention.Versions == 0 && s.retention.VersionAge == 0 {
		return nil
	}
	system := s.As(coffer.SystemPrincipal("purge-versions"))
	for {
		var old []db.OldVersion
		err := s.inspect(ctx, func(tx *db.Tx) (err error) {
			before := int64(0)
			if s.retention.VersionAge > 0 {
				before = tx.Now - s.retention.VersionAge.Milliseconds()
			}
			old, err = tx.OldVersions(before, int64(s.retention.Versions), purgeBatch)
			return err
		})
		if err != nil || len(old) == 0 {
			return err
		}
		for _, o := range old {
			err := s.maintain(ctx, o.SpaceID, func(tx *db.Tx) error {
				ver, err := tx.Version(o.NodeID, o.ID)
				if err != nil {
					return err
				}
				acts, err := s.dropVersion(tx, o.SpaceID, ver, true, map[string]any{"version": ver.Number, "rule": true})
				if err != nil {
					return err
				}
				return tx.InsertEvent(system.event(o.SpaceID, acts[0]))
			})
			if err != nil && !errors.Is(err, coffer.ErrNotFound) { // kept, restored or deleted meanwhile
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}
