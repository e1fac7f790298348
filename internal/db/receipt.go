package db

import "coffer"

// EventsBy returns what some actors did, before an event of a number, at most
// limit, the last first.
func (tx *Tx) EventsBy(actors []coffer.ID, before int64, limit int) ([]coffer.Event, error) {
	args := []any{before, limit}
	for _, id := range actors {
		args = append(args, id)
	}
	return collect(tx, scanEvent, `SELECT num, at, actor_kind, actor_id, action, space_id, node_id, target_id, record
		FROM event WHERE num < $1 AND actor_id IN (`+placeholders(3, len(actors))+`) ORDER BY num DESC LIMIT CAST($2 AS BIGINT)`, args...)
}

// Claims returns the downloads with some ids that are downloads at all, whoever
// has begun them.
func (tx *Tx) Claims(ids []coffer.ID) (map[coffer.ID]Claim, error) {
	all := map[coffer.ID]Claim{}
	if len(ids) == 0 {
		return all, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	return all, tx.each(`SELECT `+claimColumns+` FROM claim WHERE id IN (`+placeholders(1, len(ids))+`)`, args, func(scan scan) error {
		c, err := scanClaim(scan)
		all[c.ID] = c
		return err
	})
}
