package accounts

import (
	"strings"
	"unicode"
)

// maxUserAgent is how much of a User-Agent is stored.
const maxUserAgent = 400

// Browser says in words what a User-Agent header stands for: "Firefox on Linux".
// It is for people to recognise their own devices, not for decisions: anybody
// can send any header.
func Browser(userAgent string) string {
	name, system := "", ""
	for _, b := range [...][2]string{ // the first match counts: others imitate those below
		{"coffer/", "Coffer command line"},
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"},
		{"OPR/", "Opera"}, {"OPT/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"YaBrowser/", "Yandex Browser"}, {"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"HeadlessChrome/", "Chrome"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
		{"curl/", "curl"}, {"Wget/", "Wget"}, {"Go-http-client/", "A Go program"}, {"python-requests/", "A Python program"},
	} {
		if strings.Contains(userAgent, b[0]) {
			name = b[1]
			break
		}
	}
	for _, o := range [...][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
		{"Windows", "Windows"}, {"windows", "Windows"}, {"Mac OS X", "macOS"}, {"Macintosh", "macOS"}, {"darwin", "macOS"},
		{"FreeBSD", "FreeBSD"}, {"OpenBSD", "OpenBSD"}, {"Linux", "Linux"}, {"linux", "Linux"},
	} {
		if strings.Contains(userAgent, o[0]) {
			system = o[1]
			break
		}
	}
	switch {
	case name == "" && system == "":
		return "Unknown browser"
	case name == "":
		return "Unknown browser on " + system
	case system == "":
		return name
	}
	return name + " on " + system
}

// cleanUserAgent is what is stored of a header that anybody can fill.
func cleanUserAgent(userAgent string) string {
	if len(userAgent) > maxUserAgent {
		userAgent = userAgent[:maxUserAgent]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, userAgent)
}
