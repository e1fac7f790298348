package api

import (
	"net/http"
	"net/url"
	"strconv"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/gate"
	"coffer/internal/wire"
)

func (a *API) createTicket(c *call, in *struct {
	ByID
	Body wire.NewTicket
}) (*bodyOf[wire.Ticket], error) {
	n, v, err := a.view(c).Find(c, in.ID, in.Body.Version)
	if err != nil {
		return nil, err
	}
	t, err := a.Accounts.IssueTicket(c, c.who, accounts.Target{Nodes: []coffer.ID{n.ID}, Version: v.ID})
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Ticket]{a.ticket(t, n.Name, in.Body.Inline)}, nil
}

func (a *API) createZip(c *call, in *bodyOf[wire.NewZip]) (*bodyOf[wire.Zip], error) {
	z, err := a.view(c).Zip(c, in.Body.IDs)
	if err != nil {
		return nil, err
	}
	t, err := a.Accounts.IssueTicket(c, c.who, accounts.Target{Nodes: in.Body.IDs})
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Zip]{wire.Zip{Ticket: a.ticket(t, z.Name, false), Size: z.Size}}, nil
}

// ticket is the address that a ticket opens. The name at its end is for people
// and their browsers only.
func (a *API) ticket(t accounts.Ticket, name string, inline bool) wire.Ticket {
	at := a.BaseURL.String() + gate.TicketPrefix + t.Text + "/" + url.PathEscape(name)
	if inline {
		at += "?inline=1"
	}
	return wire.Ticket{URL: at, ExpiresAt: t.ExpiresAt}
}

// openTicket answers GET and HEAD of an address that a ticket opens.
func (a *API) openTicket(w http.ResponseWriter, r *http.Request) error {
	q, err := query(r, "inline")
	if err != nil {
		return err
	}
	who := gate.Caller(r.Context())
	if who.Version.IsZero() {
		return a.sendZip(w, r, who.Nodes)
	}
	return a.sendContent(w, r, who.Nodes[0], who.Version, q["inline"] == "1")
}

func (a *API) sendZip(w http.ResponseWriter, r *http.Request, ids []coffer.ID) error {
	c := a.caller(r)
	done, err := a.Gate.Turn(c, c.who.User.ID)
	if err != nil {
		return err
	}
	defer done()
	z, err := a.view(c).Zip(c, ids)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", gate.Disposition("attachment", z.Name))
	h.Set("Content-Length", strconv.FormatInt(z.Size, 10))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	return z.WriteTo(c, gate.StartWith(w, http.StatusOK))
}
