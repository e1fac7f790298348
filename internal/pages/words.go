package pages

import (
	"fmt"
	"html/template"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/preview"
)

// words are the functions of the templates.
func (p *Pages) words() template.FuncMap {
	return template.FuncMap{"size": size, "when": p.when, "fromNow": fromNow, "initials": initials, "count": count, "sort": sort, "kind": kindWords, "shows": shows, "isFolder": isFolder}
}

// size writes bytes for people, in units of 1,000.
func size(n int64) string {
	if n < 1000 {
		return count(n, "byte", "bytes")
	}
	f, unit := float64(n)/1000, 0
	units := [...]string{"KB", "MB", "GB", "TB", "PB"}
	for f >= 999.5 && unit < len(units)-1 {
		f, unit = f/1000, unit+1
	}
	if f >= 100 || unit == 0 {
		return fmt.Sprintf("%.0f %s", f, units[unit])
	}
	return fmt.Sprintf("%.1f %s", f, units[unit])
}

// count writes a number with its noun: 1 file, 1,204 files.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s + " " + many
}

// when writes a time with its zone: outsiders may be in another.
func (p *Pages) when(ms int64) string {
	t, year := time.UnixMilli(ms).In(p.o.Zone), ""
	if t.Year() != time.Now().In(p.o.Zone).Year() {
		year = " 2006"
	}
	return t.Format("Monday 2 January" + year + ", 15:04 (MST)")
}

// fromNow says how far away a time is.
func fromNow(ms int64) string {
	left := time.Until(time.UnixMilli(ms))
	switch days := int64(left / (24 * time.Hour)); {
	case days >= 1:
		return count(days, "day from now", "days from now")
	case left >= time.Hour:
		return count(int64(left/time.Hour), "hour from now", "hours from now")
	}
	return "in less than an hour"
}

// initials are the first letters of the first and the last word of a name.
func initials(name string) string {
	words := strings.Fields(name)
	if len(words) == 0 {
		return "?"
	}
	first, _ := utf8.DecodeRuneInString(words[0])
	out := string(first)
	if len(words) > 1 {
		last, _ := utf8.DecodeRuneInString(words[len(words)-1])
		out += string(last)
	}
	return strings.ToUpper(out)
}

func isFolder(e files.Entry) bool { return e.Kind == coffer.Folder }

// sorts are the glyphs of files by their extensions: three letters, a colour,
// and words.
var sorts = []struct {
	class, letters, words string
	extensions            string
}{
	{"pdf", "PDF", "PDF", ".pdf"},
	{"doc", "DOC", "Document", ".doc .docx .odt .rtf .txt .md .pages"},
	{"xls", "XLS", "Spreadsheet", ".xls .xlsx .ods .csv .numbers"},
	{"doc", "PPT", "Presentation", ".ppt .pptx .odp .key"},
	{"img", "IMG", "Picture", ".jpg .jpeg .png .gif .webp .avif .heic .tif .tiff .svg .bmp"},
	{"aud", "AUD", "Sound", ".mp3 .m4a .wav .flac .ogg .opus .aac"},
	{"img", "VID", "Film", ".mp4 .mov .webm .mkv .avi .m4v"},
	{"zip", "ZIP", "Archive", ".zip .tar .gz .7z .rar .xz .bz2 .zst"},
}

// glyph is the picture of a sort of file.
type glyph struct{ Class, Letters string }

func sort(name string) glyph {
	ext := strings.ToLower(path.Ext(name))
	for _, s := range sorts {
		if ext != "" && strings.Contains(s.extensions+" ", ext+" ") {
			return glyph{s.class, s.letters}
		}
	}
	letters := strings.ToUpper(strings.TrimPrefix(ext, "."))
	if len(letters) == 0 || len(letters) > 4 {
		letters = "FILE"
	}
	return glyph{"", letters}
}

func kindWords(name string) string {
	ext := strings.ToLower(path.Ext(name))
	for _, s := range sorts {
		if ext != "" && strings.Contains(s.extensions+" ", ext+" ") {
			return s.words
		}
	}
	return "File"
}

// shows reports whether a preview of a file can be shown without a script and
// without sending the file itself: a small picture of ours, or its first text.
func shows(e files.Entry) bool {
	return e.Kind == coffer.File && (e.Picture || preview.KindOf(e.Name, e.MediaType).Show == "text")
}
