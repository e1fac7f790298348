package pages

import (
	"fmt"
	"strings"
)

// The fonts of the web interface, which are served from its own files.
var fonts = []struct{ family, weight, asset, letters string }{
	{"Atkinson Hyperlegible Next", "200 800", "atkinson-hyperlegible-next-latin-wght-normal", latin},
	{"Atkinson Hyperlegible Next", "200 800", "atkinson-hyperlegible-next-latin-ext-wght-normal", latinExtended},
	{"Newsreader", "500", "newsreader-latin-500-normal", latin},
	{"Newsreader", "500", "newsreader-latin-ext-500-normal", latinExtended},
}

const (
	latin         = "U+0000-00FF, U+0131, U+0152-0153, U+02BB-02BC, U+02C6, U+02DA, U+02DC, U+0304, U+0308, U+0329, U+2000-206F, U+20AC, U+2122, U+2191, U+2193, U+2212, U+2215, U+FEFF, U+FFFD"
	latinExtended = "U+0100-02BA, U+02BD-02C5, U+02C7-02CC, U+02CE-02D7, U+02DD-02FF, U+0304, U+0308, U+0329, U+1D00-1DBF, U+1E00-1E9F, U+1EF2-1EFF, U+2020, U+20A0-20AB, U+20AD-20C0, U+2113, U+2C60-2C7F, U+A720-A7FF"
)

// fontFaces is the style that brings the fonts: none where the program was
// compiled without the web interface.
func fontFaces(asset func(prefix string) string) string {
	var b strings.Builder
	for _, f := range fonts {
		if asset == nil {
			break
		}
		if at := asset(f.asset); at != "" {
			fmt.Fprintf(&b, "@font-face { font-family: %q; font-weight: %s; font-display: swap; src: url(%q) format(\"woff2\"); unicode-range: %s; }\n", f.family, f.weight, at, f.letters)
		}
	}
	return b.String()
}
