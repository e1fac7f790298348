package pages

import (
	"net/http"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/gate"
)

// namedPage asks for the address that a link was made for, then for the code
// that was mailed there. It names nothing that is behind it, and looks the same
// for an address that the link was not made for.
type namedPage struct {
	Head, Email, Wrong string
	Asked              bool
}

func (p *Pages) named(w http.ResponseWriter, r *http.Request, status int, kind coffer.NodeKind, page namedPage) {
	if page.Head = "A file"; kind == coffer.Folder {
		page.Head = "Files"
	}
	title := page.Head
	if page.Wrong != "" {
		title = "Error: " + title
	}
	p.show(w, r, status, "named", title, gate.LinkPrefix+r.PathValue("link"), page)
}

// askCode mails a code to the address that was typed, if the link is for it.
func (p *Pages) askCode(w http.ResponseWriter, r *http.Request) {
	if !p.form(w, r) {
		return
	}
	page := namedPage{Email: r.PostForm.Get("email"), Asked: true}
	err := p.o.Files.AskCode(r.Context(), r.PathValue("link"), page.Email, from(r))
	if coffer.KindOf(err) == coffer.Invalid {
		page.Asked = false
	}
	p.answerNamed(w, r, err, page)
}

// prove opens the link to whoever typed the code.
func (p *Pages) prove(w http.ResponseWriter, r *http.Request) {
	if !p.form(w, r) {
		return
	}
	link := r.PathValue("link")
	page := namedPage{Email: r.PostForm.Get("email"), Asked: true}
	cookie, err := p.o.Files.Prove(r.Context(), link, page.Email, r.PostForm.Get("code"), from(r))
	if err == nil {
		if cookie != "" {
			setCookie(w.Header(), gate.LinkPrefix+link, cookie, files.KnownFor)
		}
		see(w, gate.LinkPrefix+link)
		return
	}
	p.answerNamed(w, r, err, page)
}

// answerNamed shows the page again, with what was wrong if anything was. To who
// is in already it shows the link.
func (p *Pages) answerNamed(w http.ResponseWriter, r *http.Request, err error, page namedPage) {
	switch coffer.KindOf(err) {
	case coffer.Forbidden, coffer.Invalid, coffer.Limited, coffer.Busy:
	default:
		if err != nil {
			p.fail(w, r, err)
			return
		}
	}
	a, gone := p.o.Files.Arrive(r.Context(), r.PathValue("link"), from(r))
	switch {
	case gone != nil:
		p.fail(w, r, gone)
		return
	case !a.Named:
		see(w, gate.LinkPrefix+r.PathValue("link"))
		return
	}
	status := http.StatusOK
	if err != nil {
		gate.Note(r.Context(), err)
		gate.SetErrorHeaders(w.Header(), err)
		problem := gate.Problem(r.Context(), err)
		status, page.Wrong = problem.Status, problem.Detail
	}
	p.named(w, r, status, a.Kind, page)
}
