package api

import (
	"encoding/csv"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestTable: no cell begins as a formula does, whoever chose what is in it, and
// nothing else of it is changed.
func TestTable(t *testing.T) {
	hostile := []string{`=cmd|' /C calc'!A0`, "+1", "-1+2", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "\u3000+1", "|x", "%0A=1", "＝1", "＋1", "－1", "＠x"}
	harmless := []string{"", " ", "a=1", "Maria", "1-2", `"=1"`, "{\"role\":\"view\"}", "2026-11-23T12:00:00.000Z", "é"}
	w := httptest.NewRecorder()
	row := slices.Concat(hostile, harmless)
	if err := newTable(w, "x.csv").write([][]string{slices.Clone(row), {"=second row"}}); err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(w.Body)
	r.FieldsPerRecord = -1
	got, err := r.ReadAll()
	if err != nil || len(got) != 2 || got[1][0] != "'=second row" {
		t.Fatalf("%q, %v", got, err)
	}
	for i, cell := range got[0] {
		want := row[i]
		if i < len(hostile) {
			want = "'" + want
		}
		if cell != strings.ReplaceAll(want, "\r", "") { // which no name holds
			t.Errorf("%q is written as %q", row[i], cell)
		}
	}
	if h := w.Header(); h.Get("Content-Type") != "text/csv; charset=utf-8; header=present" || h.Get("Content-Disposition") != `attachment; filename="x.csv"` {
		t.Errorf("headers %v", h)
	}
}
