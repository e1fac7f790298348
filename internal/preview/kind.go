// Package preview says how the content of a file may be shown by a browser, told
// by its name and its first bytes, and turns text of any encoding into UTF-8. It
// knows bytes and names only.
package preview

import (
	"path"
	"slices"
	"strings"
)

// Kind is how content of one sort may be shown by a browser.
type Kind struct {
	Show   string // image, video, audio, pdf, text; "" = only a download
	Served string // the Content-Type where the browser shows it itself; "" = never
}

// inlineKinds lists what may be shown: the name's extension and the type told by
// the first bytes must both agree. Everything else is a download, HTML and SVG
// too. A PDF is shown by the viewer's own code, from bytes it fetches.
var inlineKinds = []struct {
	extensions []string
	magic      []string
	Kind
}{
	{[]string{".png"}, []string{"image/png", "image/vnd.mozilla.apng"}, Kind{"image", "image/png"}},
	{[]string{".jpg", ".jpeg", ".jpe", ".jfif"}, []string{"image/jpeg"}, Kind{"image", "image/jpeg"}},
	{[]string{".gif"}, []string{"image/gif"}, Kind{"image", "image/gif"}},
	{[]string{".webp"}, []string{"image/webp"}, Kind{"image", "image/webp"}},
	{[]string{".avif"}, []string{"image/avif"}, Kind{"image", "image/avif"}},
	{[]string{".mp4", ".m4v"}, []string{"video/mp4", "video/x-m4v"}, Kind{"video", "video/mp4"}},
	{[]string{".webm"}, []string{"video/webm", "audio/webm"}, Kind{"video", "video/webm"}},
	{[]string{".ogv"}, []string{"video/ogg", "application/ogg"}, Kind{"video", "video/ogg"}},
	{[]string{".ogg", ".oga", ".opus"}, []string{"audio/ogg", "application/ogg"}, Kind{"audio", "audio/ogg"}},
	{[]string{".ogg"}, []string{"video/ogg"}, Kind{"video", "video/ogg"}},
	{[]string{".mp3"}, []string{"audio/mpeg"}, Kind{"audio", "audio/mpeg"}},
	{[]string{".m4a"}, []string{"audio/x-m4a", "audio/mp4", "video/mp4"}, Kind{"audio", "audio/mp4"}},
	{[]string{".wav"}, []string{"audio/wav"}, Kind{"audio", "audio/wav"}},
	{[]string{".flac"}, []string{"audio/flac"}, Kind{"audio", "audio/flac"}},
	{[]string{".pdf"}, []string{"application/pdf"}, Kind{"pdf", ""}},
	{textExtensions, textMagic, Kind{"text", TextType}},
}

// TextType is what all text is served as: never as the language it is in.
const TextType = "text/plain; charset=utf-8"

var textExtensions = []string{"", ".txt", ".text", ".md", ".markdown", ".rst", ".log", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".toml",
	".ini", ".conf", ".cfg", ".env", ".diff", ".patch", ".srt", ".vtt", ".tex", ".bib", ".ics", ".vcf", ".eml", ".sql", ".sh", ".bash", ".zsh", ".fish", ".ps1", ".bat",
	".go", ".py", ".rb", ".pl", ".php", ".java", ".kt", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".rs", ".swift", ".js", ".mjs", ".ts", ".tsx", ".jsx", ".css", ".scss",
	".lua", ".r", ".jl", ".hs", ".ml", ".ex", ".erl", ".scala", ".clj", ".dart", ".vue", ".svelte", ".tf", ".proto", ".graphql", ".mk", ".cmake", ".gradle", ".lock", ".sum", ".mod"}

var textMagic = []string{"text/plain", "text/csv", "text/tab-separated-values", "application/json", "application/x-ndjson", "application/geo+json",
	"text/x-python", "application/x-python", "text/x-perl", "application/x-perl", "text/x-ruby", "text/x-lua", "text/x-tcl", "text/x-sh", "text/x-shellscript", "application/x-sh",
	"text/javascript", "application/javascript", "text/x-php", "text/vtt", "application/x-subrip", "text/x-subrip", "text/calendar", "text/vcard", "message/rfc822"}

// KindOf tells how a file of this name and this media type (told by its first
// bytes) may be shown.
func KindOf(name, mediaType string) Kind {
	ext := strings.ToLower(path.Ext(name))
	if ext == strings.ToLower(name) { // .gitignore has no extension, it is hidden
		ext = ""
	}
	magic, _, _ := strings.Cut(mediaType, ";")
	for _, k := range inlineKinds {
		if slices.Contains(k.extensions, ext) && slices.Contains(k.magic, strings.TrimSpace(magic)) {
			return k.Kind
		}
	}
	return Kind{}
}
