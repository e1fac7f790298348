// Package web holds the built pages of the browser UI inside the program and
// says what a browser may do with them: types, caching and the content policy.
// The UI is HTML, CSS and JavaScript that speaks only REST, so this package
// knows files and headers; it must not know people, sessions or the API.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed all:dist
var embedded embed.FS

// placeholder is the page that is committed, so that the program compiles
// where the UI was not built.
const placeholder = "placeholder.html"

// types are the only media types that are sent; a file of another kind in the
// build is a mistake that New reports.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".wasm": "application/wasm",
	".json": "application/json", ".txt": "text/plain; charset=utf-8", ".bcmap": "application/octet-stream",
	".pfb": "application/octet-stream", ".ttf": "font/ttf", ".icc": "application/octet-stream", ".png": "image/png",
}

// A UI serves the files of one build. It is safe for concurrent use.
type UI struct {
	files map[string]file // by path without a leading slash
	built bool
}

type file struct {
	fs        fs.FS
	name      string
	mediaType string
	etag      string            // empty for names that carry a hash
	packed    map[string]string // content coding -> name of the packed file
}

// New reads the build that is inside the program.
func New() (*UI, error) {
	dist, err := fs.Sub(embedded, "dist")
	if err != nil {
		return nil, err
	}
	return newUI(dist)
}

// newUI lists a build: index.html at its root, hashed names below assets/,
// file.br and file.gz beside what is worth packing.
func newUI(dist fs.FS) (*UI, error) {
	u := &UI{files: map[string]file{}}
	err := fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir // the bundler's own notes
		case d.IsDir(), name == placeholder, strings.HasSuffix(name, ".gz"), strings.HasSuffix(name, ".br"):
			return nil
		}
		f := file{fs: dist, name: name, mediaType: types[path.Ext(name)], packed: map[string]string{}}
		if f.mediaType == "" {
			return fmt.Errorf("web: %s is of a kind that is not served", name)
		}
		for coding, suffix := range map[string]string{"br": ".br", "gzip": ".gz"} {
			if _, err := fs.Stat(dist, name+suffix); err == nil {
				f.packed[coding] = name + suffix
			}
		}
		if !strings.HasPrefix(name, "assets/") {
			if f.etag, err = hash(dist, name); err != nil {
				return err
			}
		}
		u.files[name] = f
		return nil
	})
	if err != nil {
		return nil, err
	}
	_, u.built = u.files["index.html"]
	if !u.built {
		f := file{fs: dist, name: placeholder, mediaType: types[".html"]}
		if f.etag, err = hash(dist, placeholder); err != nil {
			return nil, err
		}
		u.files["index.html"] = f
	}
	return u, nil
}

// hash names the content of a file, short enough for a header.
func hash(dist fs.FS, name string) (string, error) {
	f, err := dist.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)[:12]), nil
}

// IsPlaceholder tells that the program was compiled without the UI: every page
// then says that it has to be built. A release is refused in this state.
func (u *UI) IsPlaceholder() bool { return !u.built }

// Asset returns the address of the file in assets/ whose name begins so, "" when
// the build has none.
func (u *UI) Asset(prefix string) string {
	for name := range u.files {
		if strings.HasPrefix(name, "assets/"+prefix) {
			return "/" + name
		}
	}
	return ""
}

// ServeHTTP answers GET and HEAD. An address without a file and without an
// extension is a page of the UI, which finds its way in the browser.
func (u *UI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	f, ok := u.files[name]
	if !ok && !strings.HasPrefix(name, "assets/") {
		if f, ok = u.files[path.Join(name, "index.html")]; !ok && path.Ext(name) == "" {
			f, ok = u.files["index.html"]
		}
	}
	h := w.Header()
	setPolicy(h, f.name)
	if !ok {
		h.Set("Cache-Control", "no-store")
		http.Error(w, "not here", http.StatusNotFound)
		return
	}
	f.serve(w, r)
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	name, tag := f.name, f.etag
	if len(f.packed) > 0 {
		h.Add("Vary", "Accept-Encoding")
		if coding := choose(r.Header.Get("Accept-Encoding"), f.packed); coding != "" {
			h.Set("Content-Encoding", coding)
			name, tag = f.packed[coding], tag+"-"+coding
		}
	}
	if f.etag == "" {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", `"`+tag+`"`)
	}
	content, err := f.fs.Open(name)
	if err != nil {
		http.Error(w, "not here", http.StatusNotFound)
		return
	}
	defer content.Close()
	seeker, ok := content.(io.ReadSeeker)
	if !ok {
		http.Error(w, "cannot be read", http.StatusInternalServerError)
		return
	}
	if h.Get("Content-Encoding") != "" {
		// Ranges of a packed file would be ranges of the packing: not offered.
		r = r.Clone(r.Context())
		r.Header.Del("Range")
		// ServeContent leaves the length out beside a Content-Encoding.
		if size, err := seeker.Seek(0, io.SeekEnd); err == nil {
			h.Set("Content-Length", strconv.FormatInt(size, 10))
		}
	}
	http.ServeContent(w, r, "", time.Time{}, seeker)
}

// choose picks the best coding that the client takes and the file has, "" for
// none. A coding with q=0 is refused by the client.
func choose(accept string, packed map[string]string) string {
	taken := map[string]bool{}
	for one := range strings.SplitSeq(accept, ",") {
		coding, params, _ := strings.Cut(strings.TrimSpace(one), ";")
		q := strings.ReplaceAll(strings.TrimSpace(params), " ", "")
		taken[strings.ToLower(strings.TrimSpace(coding))] = q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
	}
	for _, coding := range []string{"br", "gzip"} {
		if packed[coding] != "" && taken[coding] {
			return coding
		}
	}
	return ""
}
