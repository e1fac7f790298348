package db

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"

	"coffer"
)

// InsertEvent adds a line to the record of what happened. Its time and salt
// are made here; the stored bytes hold every field, keys sorted, so that they
// can be hashed as they are.
func (tx *Tx) InsertEvent(e coffer.Event) error {
	record := map[string]any{"at": tx.Now, "actor_kind": e.ActorKind, "action": e.Action}
	for key, id := range map[string]coffer.ID{"actor_id": e.ActorID, "space_id": e.SpaceID, "node_id": e.NodeID, "target_id": e.TargetID} {
		if !id.IsZero() {
			record[key] = id
		}
	}
	maps.Copy(record, e.Detail)
	b, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("db: event %s: %w", e.Action, err)
	}
	salt := make([]byte, 16)
	rand.Read(salt) // never fails (crypto/rand)
	_, err = tx.exec(`INSERT INTO event (at, actor_kind, actor_id, action, space_id, node_id, target_id, record, salt)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		tx.Now, e.ActorKind, e.ActorID, e.Action, e.SpaceID, e.NodeID, e.TargetID, string(b), salt)
	return err
}

// OpenedSince reports whether an actor's file.opened event of a version is
// there since the time.
func (tx *Tx) OpenedSince(version, actor coffer.ID, since int64) (yes bool, err error) {
	err = tx.row(`SELECT EXISTS (SELECT 1 FROM event WHERE target_id = $1 AND actor_id = $2 AND at >= $3 AND action = 'file.opened')`,
		version, actor, since).Scan(&yes)
	return yes, err
}

// Events returns the newest events of a space, at most limit, newest first.
func (tx *Tx) Events(space coffer.ID, limit int) ([]coffer.Event, error) {
	return collect(tx, scanEvent, `SELECT num, at, actor_kind, actor_id, action, space_id, node_id, target_id, record
		FROM event WHERE space_id = $1 ORDER BY num DESC LIMIT CAST($2 AS BIGINT)`, space, limit)
}

// EventsOf returns the newest events whose target is an object, at most limit,
// newest first.
func (tx *Tx) EventsOf(target coffer.ID, limit int) ([]coffer.Event, error) {
	return collect(tx, scanEvent, `SELECT num, at, actor_kind, actor_id, action, space_id, node_id, target_id, record
		FROM event WHERE target_id = $1 ORDER BY num DESC LIMIT CAST($2 AS BIGINT)`, target, limit)
}

// An EventQuery asks for events that are all of it. A zero field asks nothing.
type EventQuery struct {
	Space, Node, Actor coffer.ID
	Actions            []string // one of them
	Outside            bool     // by somebody without an account, or on what lets such people in
	Before             int64    // with a lower number
	Limit              int      // at most so many; needed
}

// Query returns events, newest first.
func (tx *Tx) Query(q EventQuery) ([]coffer.Event, error) {
	where, args := `TRUE`, []any{q.Limit}
	and := func(condition string, values ...any) {
		where += ` AND ` + condition + placeholders(len(args)+1, len(values))
		args = append(args, values...)
	}
	for _, same := range []struct {
		column string
		id     coffer.ID
	}{{"space_id", q.Space}, {"node_id", q.Node}, {"actor_id", q.Actor}} {
		if !same.id.IsZero() {
			and(same.column+` = `, same.id)
		}
	}
	if q.Before > 0 {
		and(`num < `, q.Before)
	}
	if len(q.Actions) > 0 {
		values := make([]any, len(q.Actions))
		for i, a := range q.Actions {
			values[i] = a
		}
		and(`action IN (`, values...)
		where += `)`
	}
	if q.Outside {
		where += ` AND (actor_kind NOT IN ('user', 'system') OR action LIKE 'link.%' OR action LIKE 'request.%')`
	}
	return collect(tx, scanEvent, `SELECT num, at, actor_kind, actor_id, action, space_id, node_id, target_id, record
		FROM event WHERE `+where+` ORDER BY num DESC LIMIT CAST($1 AS BIGINT)`, args...)
}

// AccessSince returns since when a person has something by a grant, to them or to
// a group that they are in, on a node or on a folder above it; 0 = by none.
func (tx *Tx) AccessSince(node, user coffer.ID) (at int64, err error) {
	err = tx.row(`WITH RECURSIVE up (id, parent_id, depth) AS (
			SELECT id, parent_id, 0 FROM node WHERE id = $3
			UNION ALL
			SELECT n.id, n.parent_id, up.depth + 1 FROM up JOIN node AS n ON n.id = up.parent_id WHERE up.depth < `+tooDeep+`
		)
		SELECT COALESCE(MIN(CASE WHEN m.added_at > g.since THEN m.added_at ELSE g.since END), 0)
		FROM up JOIN grants AS g ON g.node_id = up.id LEFT JOIN group_member AS m ON m.group_id = g.group_id AND m.user_id = $2
		WHERE `+grantLives+` AND `+grantNames, tx.Now, user, node).Scan(&at)
	return at, err
}

// PurgeEvents removes up to limit of the oldest events, as far as they are from
// before a time: the end of how long the record is kept. It tells how many.
func (tx *Tx) PurgeEvents(before int64, limit int) (gone int64, err error) {
	return tx.exec(`DELETE FROM event WHERE at < $1 AND num IN (SELECT num FROM event ORDER BY num LIMIT CAST($2 AS BIGINT))`, before, limit)
}

func scanEvent(scan scan) (e coffer.Event, err error) {
	var record []byte
	if err = scan(&e.Num, &e.At, &e.ActorKind, &e.ActorID, &e.Action, &e.SpaceID, &e.NodeID, &e.TargetID, &record); err != nil {
		return e, err
	}
	return e, json.Unmarshal(record, &e.Detail)
}
