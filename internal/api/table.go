package api

import (
	"encoding/csv"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A table is an answer as CSV (RFC 4180), for spreadsheets: names in it come
// from anybody, so every cell of it is made inert.
type table struct{ out *csv.Writer }

func newTable(w http.ResponseWriter, name string) table {
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	t := table{csv.NewWriter(w)}
	t.out.UseCRLF = true
	return t
}

func (t table) write(rows [][]string) error {
	for _, row := range rows {
		for i, cell := range row {
			row[i] = inert(cell)
		}
	}
	return t.out.WriteAll(rows)
}

// formulas is what a spreadsheet may take for the beginning of one; the last four
// are wide forms of the first.
const formulas = "=+-@\t\r\n|%＝＋－＠"

// inert keeps a spreadsheet from taking a cell for a formula. An apostrophe
// before it is what spreadsheets themselves write.
func inert(cell string) string {
	start, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(cell, func(r rune) bool { return unicode.IsSpace(r) && !strings.ContainsRune(formulas, r) }))
	if cell != "" && strings.ContainsRune(formulas, start) {
		return "'" + cell
	}
	return cell
}
