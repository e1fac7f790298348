package pages

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/gate"
)

const (
	// maxField is how long a text field of the form may be, in bytes.
	maxField = 2000
	// maxSent is how many files one form may bring.
	maxSent = 1000
)

// requests puts the addresses of file requests into the table.
func (p *Pages) requests() {
	at := gate.RequestPrefix + "{request}"
	p.mux.HandleFunc("GET "+at, p.calling(p.ask))
	p.mux.HandleFunc("POST "+at, p.calling(p.take))
	p.mux.HandleFunc("POST "+at+"/open", p.unlockRequest)
	p.mux.HandleFunc("GET "+at+"/received/{delivery}", p.calling(p.received))
	p.mux.HandleFunc("POST "+at+"/received/{delivery}", p.calling(p.received))
	p.mux.HandleFunc("GET "+at+"/report", p.calling(p.reportRequest))
	p.mux.HandleFunc("POST "+at+"/report", p.calling(p.reportRequest))
	if p.o.Uploads != nil {
		p.mux.HandleFunc(at+"/uploads", p.resume)
		p.mux.HandleFunc(at+"/uploads/{upload}", p.resume)
	}
	p.mux.HandleFunc(gate.RequestPrefix, func(w http.ResponseWriter, r *http.Request) { p.over(w, r, coffer.ErrNotFound) })
}

// caller is one request of somebody for whom a file request is open.
type caller struct {
	who  coffer.Principal
	view *files.View
	base string // of the request's addresses
}

// calling finds the file request of the address, and asks for its password where
// it is locked: no handler sees it before that.
func (p *Pages) calling(h func(http.ResponseWriter, *http.Request, caller)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := p.o.Files.Call(r.Context(), r.PathValue("request"), from(r))
		switch {
		case err != nil:
			p.over(w, r, err)
		case c.Locked:
			p.lockRequest(w, r, http.StatusOK, "")
		default:
			ctx := r.Context()
			h(w, r, caller{c.Who, p.o.Files.As(c.Who).CutBy(func() { gate.Cut(ctx) }), gate.RequestPrefix + r.PathValue("request")})
		}
	}
}

// over is the one answer to whatever takes no files, for all reasons; but where
// the server itself failed.
func (p *Pages) over(w http.ResponseWriter, r *http.Request, why error) {
	switch coffer.KindOf(why) {
	case coffer.NotFound, coffer.Forbidden, coffer.Unauthenticated, coffer.Gone, coffer.Conflict:
	default:
		p.fail(w, r, why)
		return
	}
	gate.Note(r.Context(), why)
	p.show(w, r, http.StatusNotFound, "notice", "This request has ended", "", notice{
		Head: "This request has ended.",
		Text: "It may be over, have been turned off, or its address been copied incompletely. Ask who sent it to you for a new one."})
}

func (p *Pages) lockRequest(w http.ResponseWriter, r *http.Request, status int, wrong string) {
	title := "A request for files"
	if wrong != "" {
		title = "Error: " + title
	}
	p.show(w, r, status, "lock", title, gate.RequestPrefix+r.PathValue("request"), lockPage{"A request for files", wrong, r.URL.Query().Get("show") == "1"})
}

func (p *Pages) unlockRequest(w http.ResponseWriter, r *http.Request) {
	if !p.form(w, r) {
		return
	}
	request := r.PathValue("request")
	cookie, err := p.o.Files.UnlockRequest(r.Context(), request, r.PostForm.Get("password"), from(r))
	if kind := coffer.KindOf(err); err != nil && (kind == coffer.Forbidden || kind == coffer.Limited || kind == coffer.Busy) {
		gate.Note(r.Context(), err)
		gate.SetErrorHeaders(w.Header(), err)
		problem := gate.Problem(r.Context(), err)
		p.lockRequest(w, r, problem.Status, problem.Detail)
		return
	}
	if err != nil {
		p.over(w, r, err)
		return
	}
	if cookie != "" {
		setCookie(w.Header(), gate.RequestPrefix+request, cookie, visitLife)
	}
	see(w, gate.RequestPrefix+request)
}

// askPage asks for files.
type askPage struct {
	files.Asked
	Name, Email string   // as they were typed
	Wrong       []fault  // what to put right
	Sent        int      // files of this form that have arrived all the same
	Types       string   // in words; "" for all
	Accept      string   // of the field for files
	Bad         []string // fields of Wrong
}

// fault is one thing that is wrong with a form: the field that it is about, and
// a sentence.
type fault struct{ Field, Text string }

func (p *Pages) ask(w http.ResponseWriter, r *http.Request, c caller) {
	p.asking(w, r, c, askPage{}, http.StatusOK)
}

func (p *Pages) asking(w http.ResponseWriter, r *http.Request, c caller, page askPage, status int) {
	var err error
	if page.Asked, err = c.view.Asked(r.Context()); err != nil {
		p.over(w, r, err)
		return
	}
	page.Types = page.TypesText("or")
	accept := page.Extensions()
	for _, t := range [][2]string{{"pictures", "image/*"}, {"video", "video/*"}, {"audio", "audio/*"}} {
		if slices.Contains(page.FileRequest.Types, t[0]) {
			accept = append(accept, t[1]) // so that a phone offers its camera
		}
	}
	page.Accept = strings.Join(accept, ",")
	title := page.Title
	for _, f := range page.Wrong {
		page.Bad = append(page.Bad, f.Field)
	}
	if len(page.Wrong) > 0 {
		title = "Error: " + title
	}
	p.show(w, r, status, "ask", title, c.base, page)
}

// take stores the files of a form, as they come: none of them is ever whole in
// memory, and none on a disk that is not sealed. What is refused does not keep
// the others out.
func (p *Pages) take(w http.ResponseWriter, r *http.Request, c caller) {
	if !p.own(w, r) {
		return
	}
	parts, err := r.MultipartReader()
	if err != nil {
		p.fail(w, r, coffer.E(coffer.Malformed, "malformed", "The form cannot be read. Go back and try again."))
		return
	}
	done, err := p.o.Gate.Turn(r.Context(), c.who.Lane())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	defer done()
	f := form{pages: p, caller: c, most: r.ContentLength}
	if err := f.read(r, parts); err != nil {
		gate.Note(r.Context(), err)
		p.fail(w, r, err)
		return
	}
	if f.count == 0 && len(f.page.Wrong) == 0 {
		f.wrong("files", "Choose at least one file.")
	}
	if !f.delivery.IsZero() {
		if _, err := c.view.EndDelivery(r.Context(), f.delivery); err != nil {
			p.fail(w, r, err)
			return
		}
	}
	if len(f.page.Wrong) == 0 {
		see(w, c.base+"/received/"+f.delivery.String())
		return
	}
	status := http.StatusUnprocessableEntity
	if f.full && f.page.Sent > 0 { // the page of a full request is no more: what has arrived still has its own
		see(w, c.base+"/received/"+f.delivery.String()+"?missed=1")
		return
	}
	p.asking(w, r, c, f.page, status)
}

// form is one form with files, while it is read.
type form struct {
	pages    *Pages
	caller   caller
	page     askPage
	most     int64 // bytes of the whole form; -1 = unknown
	count    int   // files that came
	delivery coffer.ID
	hopeless bool // nothing more of it can be stored
	full     bool
}

func (f *form) wrong(field, text string) {
	f.page.Wrong = append(f.page.Wrong, fault{field, text})
}

// read reads the form to its end. The error is about the whole of it.
func (f *form) read(r *http.Request, parts *multipart.Reader) error {
	for {
		part, err := parts.NextPart() // reads over what is left of the part before
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return f.cut(err)
		}
		switch name := part.FormName(); {
		case name == "name" || name == "email":
			text, err := io.ReadAll(io.LimitReader(part, maxField))
			if err != nil {
				return f.cut(err)
			}
			if name == "name" {
				f.page.Name = strings.ToValidUTF8(string(text), "")
			} else {
				f.page.Email = strings.ToValidUTF8(string(text), "")
			}
		case name == "files" && part.FileName() != "":
			if f.count++; f.hopeless {
				continue
			}
			if f.count > maxSent {
				f.hopeless = true
				f.wrong("files", fmt.Sprintf("Send at most %d files at a time.", maxSent))
				continue
			}
			if err := f.file(r, part); err != nil {
				return err
			}
		}
	}
}

// cut is what a sender reads whose form ended early.
func (f *form) cut(err error) error {
	text := "The line broke off before anything arrived. Go back and send it again."
	if f.page.Sent > 0 {
		text = fmt.Sprintf("The line broke off. %s arrived; go back and send the others.", count(int64(f.page.Sent), "file", "files"))
	}
	return &coffer.Error{Kind: coffer.Malformed, Code: "body_cut", Msg: text, Err: err}
}

// file stores one file. What is wrong with it, or with who sends it, is noted;
// the error is one that ends the form.
func (f *form) file(r *http.Request, part *multipart.Part) error {
	ctx := r.Context()
	if f.delivery.IsZero() {
		id, err := f.caller.view.BeginDelivery(ctx, files.Sender{Name: f.page.Name, Email: f.page.Email})
		if e, ok := errors.AsType[*coffer.Error](err); ok && e.Kind == coffer.Invalid {
			f.hopeless = true
			for field, text := range e.Fields {
				f.wrong(field, text)
			}
			return nil
		}
		if err != nil {
			return err
		}
		f.delivery = id
	}
	err := f.caller.view.Send(ctx, f.delivery, part.FileName(), f.most, files.Body{Reader: part, Size: -1})
	if err == nil {
		f.page.Sent++
		return nil
	}
	gate.Note(ctx, err)
	switch e, ok := errors.AsType[*coffer.Error](err); {
	case ok && (e.Kind == coffer.Invalid || e.Kind == coffer.TooLarge || e.Kind == coffer.OverQuota):
		f.wrong("files", e.Msg)
	case ok && e.Code == "request_full":
		f.hopeless, f.full = true, true
		f.wrong("files", "This request has all the files that it takes. What is missing was not stored.")
	case ok && e.Code == "body_cut":
		return f.cut(err)
	default:
		return err
	}
	return nil
}

// receivedPage tells what has arrived.
type receivedPage struct {
	coffer.Delivery
	Missed bool // not all that was sent
	Email  string
	Wrong  string
	Full   bool
}

func (p *Pages) received(w http.ResponseWriter, r *http.Request, c caller) {
	id, err := coffer.ParseID(r.PathValue("delivery"))
	if err != nil {
		p.over(w, r, coffer.ErrNotFound)
		return
	}
	page, status, title := receivedPage{Missed: r.URL.Query().Get("missed") == "1"}, http.StatusOK, "Received"
	if r.Method == http.MethodPost {
		if !p.form(w, r) {
			return
		}
		page.Email = r.PostForm.Get("email")
		switch err := c.view.SendReceipt(r.Context(), id, page.Email); {
		case err == nil:
			see(w, c.base+"/received/"+id.String())
			return
		case coffer.KindOf(err) == coffer.Invalid, coffer.KindOf(err) == coffer.Limited:
			problem := gate.Problem(r.Context(), err)
			page.Wrong, status, title = problem.Detail, problem.Status, "Error: "+title
		case coffer.KindOf(err) != coffer.Conflict: // sent already: the page says so
			p.over(w, r, err)
			return
		}
	}
	if page.Delivery, err = c.view.Delivery(r.Context(), id); err == nil && page.Files == 0 {
		err = coffer.ErrNotFound
	}
	if err != nil {
		p.over(w, r, err)
		return
	}
	if _, err := c.view.Asked(r.Context()); err != nil {
		if coffer.KindOf(err) != coffer.NotFound {
			p.fail(w, r, err)
			return
		}
		page.Full = true
	}
	p.show(w, r, status, "received", title, c.base, page)
}

// resume hands uploads that arrive in several requests to the protocol for them.
func (p *Pages) resume(w http.ResponseWriter, r *http.Request) {
	gate.SetAPIHeaders(w.Header())
	c, err := p.o.Files.Call(r.Context(), r.PathValue("request"), from(r))
	switch {
	case err != nil:
	case p.o.Gate.SameOrigin(r) != nil:
		err = coffer.E(coffer.Forbidden, "cross_origin", "This request came from another site's page.")
	case c.Locked:
		err = coffer.E(coffer.Forbidden, "password_needed", "This request has a password: prove it first, as its page does.")
	default:
		p.o.Uploads(gate.RequestPrefix+r.PathValue("request")+"/uploads", c.Who, w, r)
		return
	}
	p.o.Gate.Fail(w, r, err)
}

// Sent64 is Sent, for count.
func (a askPage) Sent64() int64 { return int64(a.Sent) }

// Is reports whether something is wrong with a field.
func (a askPage) Is(field string) bool { return slices.Contains(a.Bad, field) }
