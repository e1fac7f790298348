package web

import (
	"net/http"
	"path"
	"strings"
)

// appPolicy is the content policy of the pages: only our own files run, nothing
// inline, no other host, no frame around us.
const appPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; " +
	"font-src 'self'; connect-src 'self'; worker-src 'self'; frame-src 'self'; manifest-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// hashWorkerPolicy governs the worker that computes SHA-256 while a file is
// sent: the only place where compiled WebAssembly of ours runs. A worker obeys
// the policy of its own answer, not that of the page.
const hashWorkerPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// viewerPolicy is that of the frame that draws PDF files. "sandbox" takes its
// origin away, so what a file could smuggle into it reaches no cookie, no
// storage and no host; it gets the bytes from the page around it.
const viewerPolicy = "sandbox allow-scripts; default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
	"img-src 'self' blob: data:; font-src 'self' blob: data:; worker-src 'self' blob:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

// setPolicy writes the security headers of the answer for a file of the build
// ("" when there is none).
func setPolicy(h http.Header, name string) {
	viewer := strings.HasPrefix(name, "viewer/")
	policy := appPolicy
	switch {
	case viewer:
		policy = viewerPolicy
	case strings.HasPrefix(path.Base(name), "hash-worker"):
		policy = hashWorkerPolicy
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), "+
		"gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if viewer || strings.HasPrefix(name, "assets/") {
		// The viewer has no origin, so to the browser its own files come from
		// elsewhere. They are the same public code for everybody.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
}
