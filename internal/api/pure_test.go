package api

import (
	"strings"
	"testing"
)

func TestParseRev(t *testing.T) {
	for h, want := range map[string]int64{"": 0, "*": 0, `"r1"`: 1, `"r77"`: 77, `"r0"`: -1, `r1`: -1, `"1"`: -1, `W/"r1"`: -1, `"r-3"`: -1, `"r1", "r2"`: -1, strings.Repeat("9", 30): -1} {
		got, err := parseRev(h)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d %v", h, got, err)
		}
	}
	if rev, err := parseRev(metadataETag(12)); rev != 12 || err != nil {
		t.Error(rev, err)
	}
}
