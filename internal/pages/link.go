package pages

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/gate"
	"coffer/internal/preview"
)

// visitLife is the cookie's: longer than what it opens, which the server ends.
const visitLife = 36 * time.Hour

// bigZip is from where on one file after the other is the better advice.
const bigZip = 1_000_000_000

// links puts the addresses of links into the table.
func (p *Pages) links() {
	at := gate.LinkPrefix + "{link}"
	p.mux.HandleFunc("GET "+at, p.visiting(p.front))
	p.mux.HandleFunc("GET "+at+"/in/{node}", p.visiting(p.front))
	p.mux.HandleFunc("POST "+at+"/code", p.askCode)
	p.mux.HandleFunc("POST "+at+"/prove", p.prove)
	p.mux.HandleFunc("POST "+at+"/open", p.unlock)
	p.mux.HandleFunc("GET "+at+"/see/{node}", p.visiting(p.see))
	p.mux.HandleFunc("GET "+at+"/picture/{node}", p.visiting(p.picture))
	p.mux.HandleFunc("GET "+at+"/sums", p.visiting(p.sums))
	p.mux.HandleFunc("GET "+at+"/sums/{node}", p.visiting(p.sums))
	p.mux.HandleFunc("GET "+at+"/report", p.visiting(p.reportLink))
	p.mux.HandleFunc("POST "+at+"/report", p.visiting(p.reportLink))
	p.mux.HandleFunc("POST "+at+"/get", p.visiting(p.claim))
	p.mux.HandleFunc("GET "+at+"/file/{claim}/{name}", p.visiting(p.deliver))
	p.mux.HandleFunc("POST "+at+"/add/{node}", p.visiting(p.add))
}

// visitor is one request of somebody for whom the link is open.
type visitor struct {
	who  coffer.Principal
	view *files.View
	base string // of the link's addresses
}

// visiting finds what the address opens, and asks for its password where it is
// locked: no handler sees a link before that.
func (p *Pages) visiting(h func(http.ResponseWriter, *http.Request, visitor)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := p.o.Files.Arrive(r.Context(), r.PathValue("link"), from(r))
		switch {
		case err != nil:
			p.fail(w, r, err)
		case a.Named:
			p.named(w, r, http.StatusOK, a.Kind, namedPage{})
		case a.Locked:
			p.lock(w, r, http.StatusOK, a.Kind, "")
		default:
			ctx := r.Context()
			h(w, r, visitor{a.Who, p.o.Files.As(a.Who).CutBy(func() { gate.Cut(ctx) }), gate.LinkPrefix + r.PathValue("link")})
		}
	}
}

// lockPage asks for a password. It names nothing that is behind it.
type lockPage struct {
	Head, Wrong string
	Show        bool
}

func (p *Pages) lock(w http.ResponseWriter, r *http.Request, status int, kind coffer.NodeKind, wrong string) {
	head := "A file"
	if kind == coffer.Folder {
		head = "Files"
	}
	title := head
	if wrong != "" {
		title = "Error: " + head
	}
	p.show(w, r, status, "lock", title, gate.LinkPrefix+r.PathValue("link"), lockPage{head, wrong, r.URL.Query().Get("show") == "1"})
}

func (p *Pages) unlock(w http.ResponseWriter, r *http.Request) {
	if !p.form(w, r) {
		return
	}
	link := r.PathValue("link")
	cookie, err := p.o.Files.Unlock(r.Context(), link, r.PostForm.Get("password"), from(r))
	if kind := coffer.KindOf(err); kind == coffer.Forbidden || kind == coffer.Limited || kind == coffer.Busy {
		a, gone := p.o.Files.Arrive(r.Context(), link, from(r))
		if gone != nil {
			p.fail(w, r, gone)
			return
		}
		gate.Note(r.Context(), err)
		gate.SetErrorHeaders(w.Header(), err)
		problem := gate.Problem(r.Context(), err)
		p.lock(w, r, problem.Status, a.Kind, problem.Detail)
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if cookie != "" {
		setCookie(w.Header(), gate.LinkPrefix+link, cookie, visitLife)
	}
	see(w, gate.LinkPrefix+link)
}

// see sends the browser on to a page, after a form.
func see(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// frontPage is a folder, or the one file.
type frontPage struct {
	files.Front
	Top     string // name of what the link opens
	Below   string // id of the folder; "" for the top
	Items   []frontItem
	One     bool // it is a file
	Offers  bool // downloads
	Uploads bool
	Big     bool
	Whole   *files.Running // of all as a ZIP, or of the one file
	Done    string         // what was just sent
}

type frontItem struct {
	files.Entry
	Folder  bool
	Running *files.Running
}

func (p *Pages) front(w http.ResponseWriter, r *http.Request, v visitor) {
	id, err := nodeOf(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	f, err := v.view.Front(r.Context(), id, r.URL.Query().Get("after"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	one := f.Node.Kind == coffer.File
	page := frontPage{Front: f, One: one, Top: "Files", Below: r.PathValue("node"), Uploads: f.May == coffer.LinkUpload && !one, Big: !one && f.Bytes >= bigZip}
	if len(f.Path) > 0 && f.Path[0].Name != "" {
		page.Top = f.Path[0].Name
	}
	page.Offers = f.May != coffer.LinkView && (f.Max == 0 || f.Left > 0)
	entries := f.Entries
	if one {
		entries = []files.Entry{f.Node}
	}
	for _, e := range entries {
		page.Items = append(page.Items, frontItem{Entry: e, Folder: e.Kind == coffer.Folder, Running: runningOf(f, e.ID)})
	}
	if !one {
		page.Whole = runningOf(f, f.Node.ID)
	}
	if n, err := strconv.ParseInt(r.URL.Query().Get("sent"), 10, 32); err == nil && n > 0 && page.Uploads {
		page.Done = "Received. " + count(n, "file", "files") + "."
	}
	p.show(w, r, http.StatusOK, "front", f.Node.Name, v.base, page)
}

func runningOf(f files.Front, node coffer.ID) *files.Running {
	for i, run := range f.Running {
		if run.Node == node {
			return &f.Running[i]
		}
	}
	return nil
}

// nodeOf reads {node}: zero where the address has none.
func nodeOf(r *http.Request) (coffer.ID, error) {
	text := r.PathValue("node")
	if text == "" {
		return coffer.ID{}, nil
	}
	id, err := coffer.ParseID(text)
	if err != nil {
		err = coffer.ErrNotFound
	}
	return id, err
}

// seePage is a preview.
type seePage struct {
	Entry   files.Entry
	Back    string // id of the folder; "" for the top
	Picture bool
	IsText  bool
	Text    string
	Cut     bool
	Offers  bool
}

func (p *Pages) see(w http.ResponseWriter, r *http.Request, v visitor) {
	id, err := nodeOf(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	f, err := v.view.Front(r.Context(), id, "")
	if err == nil && f.Node.Kind != coffer.File {
		err = coffer.ErrNotFound
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	page := seePage{Entry: f.Node, Picture: f.Node.Picture, Offers: f.May != coffer.LinkView && (f.Max == 0 || f.Left > 0)}
	if len(f.Path) > 1 {
		page.Back = f.Path[len(f.Path)-1].ID.String()
	}
	if !page.Picture && shows(f.Node) {
		_, b, err := v.view.Peek(r.Context(), id, preview.TextLimit)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		page.Cut = f.Node.Size > preview.TextLimit
		page.IsText, page.Text = true, string(preview.ToUTF8(b, page.Cut))
	}
	p.show(w, r, http.StatusOK, "see", f.Node.Name, v.base, page)
}

// picture answers with a JPEG of ours, never with bytes of the file.
func (p *Pages) picture(w http.ResponseWriter, r *http.Request, v visitor) {
	id, err := nodeOf(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	done, err := p.o.Gate.Glance(r.Context(), lane(v.who))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	defer done()
	t, err := v.view.Thumbnail(r.Context(), id, coffer.ID{}, files.PreviewEdge)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	defer t.Close()
	b, err := t.JPEG(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Type", "image/jpeg")
	h.Set("Content-Disposition", "inline")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b) //nolint:gosec // G705: a JPEG that we have encoded; a caller who is gone needs no answer
}

// lane is the queue that a visitor's transfers wait in.
func lane(who coffer.Principal) coffer.ID {
	if who.Visit.IsZero() {
		return coffer.RandomID()
	}
	return who.Visit
}

func (p *Pages) sums(w http.ResponseWriter, r *http.Request, v visitor) {
	id, err := nodeOf(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	all, err := v.view.Sums(r.Context(), id)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "sums", "Check a file", v.base, struct {
		Below string
		Sums  []files.Sum
	}{r.PathValue("node"), all})
}

// claim begins a download, and sends the browser on to it.
func (p *Pages) claim(w http.ResponseWriter, r *http.Request, v visitor) {
	if !p.form(w, r) {
		return
	}
	id, err := coffer.ParseID(r.PostForm.Get("node"))
	if err != nil {
		p.fail(w, r, coffer.ErrNotFound)
		return
	}
	c, err := v.view.Claim(r.Context(), id)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if c.Cookie != "" {
		setCookie(w.Header(), v.base, c.Cookie, visitLife)
	}
	see(w, v.base+"/file/"+c.ID.String()+"/"+url.PathEscape(c.Name))
}

// deliver sends what a download is of, to the browser that began it. To all
// others its address is no more than the way to the link's page.
func (p *Pages) deliver(w http.ResponseWriter, r *http.Request, v visitor) {
	id, err := coffer.ParseID(r.PathValue("claim"))
	if err != nil {
		p.fail(w, r, coffer.ErrNotFound)
		return
	}
	ctx := r.Context()
	if r.Method != http.MethodHead {
		done, err := p.o.Gate.Turn(ctx, lane(v.who))
		if err != nil {
			p.fail(w, r, err)
			return
		}
		defer done()
	}
	d, err := v.view.Deliver(ctx, id)
	if errors.Is(err, coffer.ErrNotFound) {
		see(w, v.base)
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	defer d.Close()
	out := gate.Content{Name: d.Name, Size: d.Size, SHA256: d.SHA256, Ranges: !d.Version.IsZero(), WriteRange: func(w http.ResponseWriter, off, n int64) error { return d.WriteRange(ctx, w, off, n) }}
	if out.Ranges {
		out.ETag = `"` + d.Version.String() + `"`
	}
	if err := p.o.Gate.SendContent(w, r, out); err != nil {
		if gate.Begun(w) {
			gate.Abort(w, r, err)
		}
		w.Header().Del("Content-Length")
		w.Header().Del("Content-Disposition")
		setHeaders(w.Header())
		p.fail(w, r, err)
	}
}

// add stores the files of a form in a folder. Names that are taken get a number:
// nothing is replaced.
func (p *Pages) add(w http.ResponseWriter, r *http.Request, v visitor) {
	if !p.own(w, r) {
		return
	}
	id, err := nodeOf(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	parts, err := r.MultipartReader()
	if err != nil {
		p.fail(w, r, coffer.E(coffer.Malformed, "malformed", "The form cannot be read. Go back and try again."))
		return
	}
	done, err := p.o.Gate.Turn(r.Context(), lane(v.who))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	defer done()
	sent := 0
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			p.fail(w, r, coffer.E(coffer.Malformed, "body_cut", fmt.Sprintf("The line broke off. %s arrived.", count(int64(sent), "file", "files"))))
			return
		}
		if part.FormName() != "files" || part.FileName() == "" {
			continue
		}
		if _, _, err := v.view.Upload(r.Context(), id, fileName(part.FileName()), coffer.KeepBoth, files.Body{Reader: part, Size: -1}); err != nil {
			p.fail(w, r, err)
			return
		}
		sent++
	}
	to := v.base + "/in/" + id.String()
	if id == v.who.Link.NodeID {
		to = v.base
	}
	see(w, to+"?sent="+strconv.Itoa(sent))
}

// fileName is the name that a browser gave to a file, without its folders and
// made to be one that can be stored.
func fileName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if err := coffer.CheckName(name); err != nil {
		var e *coffer.Error
		if errors.As(err, &e) && e.Suggestion != "" {
			return e.Suggestion
		}
	}
	return name
}
