package db

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSealedColumnsAreAll: a rotation must not forget what the schema seals.
func TestSealedColumnsAreAll(t *testing.T) {
	all, err := migrations(SQLite)
	if err != nil {
		t.Fatal(err)
	}
	var listed, found []string
	for _, c := range SealedColumns() {
		listed = append(listed, c.Name())
	}
	table := regexp.MustCompile(`(?i)(?:CREATE|ALTER) TABLE (?:IF NOT EXISTS )?(\w+)`)
	column := regexp.MustCompile(`(?i)^\s*(?:ALTER TABLE \w+ ADD COLUMN )?((?:\w+_)?sealed)\s+BYTEA`)
	now := ""
	for _, m := range all {
		for line := range strings.Lines(m.text) {
			if f := table.FindStringSubmatch(line); f != nil {
				now = f[1]
			}
			if f := column.FindStringSubmatch(line); f != nil {
				found = append(found, now+"."+f[1])
			}
		}
	}
	// The check record of a KEK is sealed by that KEK itself: it stays.
	found = slices.DeleteFunc(found, func(s string) bool { return s == "keyring.check_sealed" })
	slices.Sort(listed)
	slices.Sort(found)
	if len(found) < 6 || !slices.Equal(listed, found) {
		t.Errorf("SealedColumns lists %v,\nthe schema has %v", listed, found)
	}
}
