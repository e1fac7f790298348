package api

import (
	"path"
	"slices"
	"strings"
)

// kind is how content of one sort may be shown by a browser.
type kind struct {
	preview string // of wire.Node; "" = only a download
	served  string // the Content-Type with inline=1; "" = never inline
}

// inlineKinds lists what may be shown: the name's extension and the type told by
// the first bytes must both agree. Everything else is a download, HTML and SVG
// too. A PDF is shown by the viewer's own code, from bytes it fetches.
var inlineKinds = []struct {
	extensions []string
	magic      []string
	kind
}{
	{[]string{".png"}, []string{"image/png", "image/vnd.mozilla.apng"}, kind{"image", "image/png"}},
	{[]string{".jpg", ".jpeg", ".jpe", ".jfif"}, []string{"image/jpeg"}, kind{"image", "image/jpeg"}},
	{[]string{".gif"}, []string{"image/gif"}, kind{"image", "image/gif"}},
	{[]string{".webp"}, []string{"image/webp"}, kind{"image", "image/webp"}},
	{[]string{".avif"}, []string{"image/avif"}, kind{"image", "image/avif"}},
	{[]string{".mp4", ".m4v"}, []string{"video/mp4", "video/x-m4v"}, kind{"video", "video/mp4"}},
	{[]string{".webm"}, []string{"video/webm", "audio/webm"}, kind{"video", "video/webm"}},
	{[]string{".ogv"}, []string{"video/ogg", "application/ogg"}, kind{"video", "video/ogg"}},
	{[]string{".ogg", ".oga", ".opus"}, []string{"audio/ogg", "application/ogg"}, kind{"audio", "audio/ogg"}},
	{[]string{".ogg"}, []string{"video/ogg"}, kind{"video", "video/ogg"}},
	{[]string{".mp3"}, []string{"audio/mpeg"}, kind{"audio", "audio/mpeg"}},
	{[]string{".m4a"}, []string{"audio/x-m4a", "audio/mp4", "video/mp4"}, kind{"audio", "audio/mp4"}},
	{[]string{".wav"}, []string{"audio/wav"}, kind{"audio", "audio/wav"}},
	{[]string{".flac"}, []string{"audio/flac"}, kind{"audio", "audio/flac"}},
	{[]string{".pdf"}, []string{"application/pdf"}, kind{"pdf", ""}},
	{textExtensions, textMagic, kind{"text", textType}},
}

// textType is what all text is served as: never as the language it is in.
const textType = "text/plain; charset=utf-8"

var textExtensions = []string{"", ".txt", ".text", ".md", ".markdown", ".rst", ".log", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".toml",
	".ini", ".conf", ".cfg", ".env", ".diff", ".patch", ".srt", ".vtt", ".tex", ".bib", ".ics", ".vcf", ".eml", ".sql", ".sh", ".bash", ".zsh", ".fish", ".ps1", ".bat",
	".go", ".py", ".rb", ".pl", ".php", ".java", ".kt", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".rs", ".swift", ".js", ".mjs", ".ts", ".tsx", ".jsx", ".css", ".scss",
	".lua", ".r", ".jl", ".hs", ".ml", ".ex", ".erl", ".scala", ".clj", ".dart", ".vue", ".svelte", ".tf", ".proto", ".graphql", ".mk", ".cmake", ".gradle", ".lock", ".sum", ".mod"}

var textMagic = []string{"text/plain", "text/csv", "text/tab-separated-values", "application/json", "application/x-ndjson", "application/geo+json",
	"text/x-python", "application/x-python", "text/x-perl", "application/x-perl", "text/x-ruby", "text/x-lua", "text/x-tcl", "text/x-sh", "text/x-shellscript", "application/x-sh",
	"text/javascript", "application/javascript", "text/x-php", "text/vtt", "application/x-subrip", "text/x-subrip", "text/calendar", "text/vcard", "message/rfc822"}

// kindOf tells how a file of this name and this media type (told by its first
// bytes) may be shown.
func kindOf(name, mediaType string) kind {
	ext := strings.ToLower(path.Ext(name))
	if ext == strings.ToLower(name) { // .gitignore has no extension, it is hidden
		ext = ""
	}
	magic, _, _ := strings.Cut(mediaType, ";")
	for _, k := range inlineKinds {
		if slices.Contains(k.extensions, ext) && slices.Contains(k.magic, strings.TrimSpace(magic)) {
			return k.kind
		}
	}
	return kind{}
}
