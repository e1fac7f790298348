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

func scanEvent(scan scan) (e coffer.Event, err error) {
	var record []byte
	if err = scan(&e.Num, &e.At, &e.ActorKind, &e.ActorID, &e.Action, &e.SpaceID, &e.NodeID, &e.TargetID, &record); err != nil {
		return e, err
	}
	return e, json.Unmarshal(record, &e.Detail)
}
