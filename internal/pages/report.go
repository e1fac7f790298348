package pages

import (
	"net/http"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/gate"
)

// reportPage is the form that says that something is wrong.
type reportPage struct {
	What, Back           string // "link"; words of the way back
	Reason, Email, Wrong string
	Thanks               bool
}

func (p *Pages) reportLink(w http.ResponseWriter, r *http.Request, v visitor) {
	p.report(w, r, v.view, v.base, reportPage{What: "link", Back: "Back to the files"})
}

func (p *Pages) reportRequest(w http.ResponseWriter, r *http.Request, c caller) {
	p.report(w, r, c.view, c.base, reportPage{What: "request", Back: "Back to the request"})
}

func (p *Pages) report(w http.ResponseWriter, r *http.Request, view *files.View, base string, page reportPage) {
	status, title := http.StatusOK, "Report this "+page.What
	if r.Method == http.MethodPost {
		if !p.form(w, r) {
			return
		}
		page.Reason, page.Email = r.PostForm.Get("reason"), r.PostForm.Get("email")
		told, err := view.Report(r.Context(), page.Reason, page.Email)
		if err == nil {
			err = p.o.Reported(r.Context(), told, from(r).Address)
		}
		switch coffer.KindOf(err) {
		case coffer.Invalid, coffer.Limited:
			problem := gate.Problem(r.Context(), err)
			gate.Note(r.Context(), err)
			page.Wrong, status, title = problem.Detail, problem.Status, "Error: "+title
		default:
			if err != nil {
				p.fail(w, r, err)
				return
			}
			page.Thanks, title = true, "Thank you"
		}
	}
	p.show(w, r, status, "report", title, base, page)
}
