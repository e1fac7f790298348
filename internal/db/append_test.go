package db_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// TestEventsAreAppended: nothing in the program changes a row of the record, or
// removes one but for its age.
func TestEventsAreAppended(t *testing.T) {
	t.Parallel()
	changes := regexp.MustCompile(`(?i)(UPDATE|DELETE\s+FROM|REPLACE\s+INTO|TRUNCATE(\s+TABLE)?)\s+event\b`)
	var found []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "node_modules" {
			return fs.SkipDir
		}
		if ext := filepath.Ext(path); ext != ".go" && ext != ".sql" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, hit := range changes.FindAllString(string(text), -1) {
			found = append(found, filepath.ToSlash(path)+": "+hit)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0] != "../../internal/db/event.go: DELETE FROM event" {
		t.Errorf("what changes the record: %q", found)
	}
}

// TestEventBytes: the bytes of an event are JSON with sorted keys, written once,
// that say all that the columns say; reading them and writing them again gives
// the same.
func TestEventBytes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, open func() *db.DB) {
		d := open()
		e := coffer.Event{ActorKind: "user", ActorID: coffer.NewID(), Action: "grant.changed", SpaceID: coffer.NewID(), NodeID: coffer.NewID(), TargetID: coffer.NewID(),
			Detail: map[string]any{"to": "Zoë <z@example.org> \u2028", "before": map[string]any{"until": int64(1_800_000_000_000), "role": "view"}, "after": map[string]any{"role": "edit"}, "address": "192.0.2.1"}}
		look := func() (record string) {
			err := d.View(t.Context(), func(tx *db.Tx) error { return tx.Scan(`SELECT record FROM event`, nil, &record) })
			if err != nil {
				t.Fatal(err)
			}
			return record
		}
		err := d.Update(t.Context(), func(tx *db.Tx) error { return tx.InsertEvent(e) })
		if err != nil {
			t.Fatal(err)
		}
		record := look()
		var again map[string]any
		if err := json.Unmarshal([]byte(record), &again); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]string{"actor_id": e.ActorID.String(), "space_id": e.SpaceID.String(), "node_id": e.NodeID.String(), "target_id": e.TargetID.String(),
			"action": e.Action, "actor_kind": "user", "address": "192.0.2.1"} {
			if again[key] != want {
				t.Errorf("%s is %v in the bytes, want %s", key, again[key], want)
			}
		}
		b, err := json.Marshal(again)
		if err != nil || string(b) != record {
			t.Errorf("written again: %s, %v\nwant %s", b, err, record)
		}
		if err := d.Update(t.Context(), func(tx *db.Tx) error { _, err := tx.PurgeEvents(tx.Now-60_000, 10); return err }); err != nil {
			t.Fatal(err)
		}
		if look() != record {
			t.Error("the bytes are others after a purge that they are too young for")
		}
	})
}
