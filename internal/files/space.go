package files

import (
	"context"
	"errors"

	"coffer"
	"coffer/internal/db"
)

// Space is a space as the principal sees it.
type Space struct {
	coffer.Space
	Access coffer.Access // to its root
}

// Spaces returns the principal's spaces: the own one, which is made the first
// time, and the team spaces that they are a member of.
func (v *View) Spaces(ctx context.Context) (list []Space, err error) {
	own, err := v.own(ctx, coffer.Read)
	if err != nil && !errors.Is(err, coffer.ErrNotFound) {
		return nil, err
	}
	if err == nil {
		list = append(list, Space{own.space, own.access})
	}
	mine := len(list)
	err = v.tops(ctx, func(_ *db.Tx, all []top) error {
		list = list[:mine]
		for _, t := range all {
			if t.node.ID == t.space.RootID {
				list = append(list, Space{t.space, t.access})
			}
		}
		return nil
	})
	return list, err
}
