package api

import (
	"fmt"
	"image/color"
	"net/http"
	"strconv"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/danielgtaylor/huma/v2"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/gate"
	"coffer/internal/wire"
)

// LinkPrefix begins the public addresses of links (package pages).
const LinkPrefix = gate.LinkPrefix

func (a *API) link(l files.LinkItem) wire.Link {
	w := wire.Link{ID: l.ID, Node: wire.LinkNode{ID: l.Node.ID, Name: l.Node.Name, Kind: l.Kind.String()}, Name: l.Name, Message: l.Message, May: string(l.May),
		CreatedAt: l.MadeAt, CreatedBy: person(l.By), EndsAt: orNull(l.EndsAt), HasPassword: l.HasPassword,
		Downloads: wire.LinkDownloads{Max: orNull(l.DownloadsMax), Used: l.Taken}, Opened: wire.LinkOpened{Count: l.Opened, LastAt: orNull(l.OpenedAt), Networks: l.Networks},
		Notify: l.Notify, State: string(l.State), MayChange: l.Manage, Named: l.Named, Recipients: mapped(l.Recipients, recipient), Warnings: filled(l.Warnings)}
	if l.Address != "" {
		w.URL = a.BaseURL.String() + LinkPrefix + l.Address
	}
	return w
}

func recipient(r files.Recipient) wire.LinkRecipient {
	state := "live"
	if r.OffAt != 0 {
		state = "off"
	}
	return wire.LinkRecipient{ID: r.ID, Email: r.Email, State: state}
}

func (a *API) addRecipients(c *call, in *struct {
	ByID
	Body wire.NewRecipients
}) (*bodyOf[wire.Link], error) {
	l, err := a.view(c).AddRecipients(c, in.ID, in.Body.Emails)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Link]{a.link(l)}, nil
}

// ByRecipient is exported for the reason of ByID.
type ByRecipient struct {
	ByID
	Recipient coffer.ID `path:"recipient" doc:"26 characters of base32"`
}

func (a *API) dropRecipient(c *call, in *ByRecipient) (*done, error) {
	return nil, a.view(c).DropRecipient(c, in.ID, in.Recipient)
}

// orNull is a number whose 0 stands for nothing.
func orNull(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

func (a *API) makeLink(c *call, in *struct {
	ByID
	Body wire.NewLink
}) (*bodyOf[wire.Link], error) {
	b := in.Body
	n := files.NewLink{Name: b.Name, Message: b.Message, May: coffer.LinkMay(b.May), EndsAt: b.EndsAt.Or(0), Password: b.Password.Or(""), Notify: b.Notify, Recipients: b.Recipients}
	if most := b.DownloadsMax.Or(0); most != nil {
		n.DownloadsMax = *most
	}
	l, password, err := a.view(c).MakeLink(c, in.ID, n)
	if err != nil {
		return nil, err
	}
	w := a.link(l)
	w.Password = password
	return &bodyOf[wire.Link]{w}, nil
}

func (a *API) listNodeLinks(c *call, in *ByID) (*bodyOf[wire.List[wire.Link]], error) {
	all, err := a.view(c).LinksOf(c, in.ID)
	if err != nil {
		return nil, err
	}
	return listOf(all, a.link), nil
}

func (a *API) listLinks(c *call, in *struct {
	State  string `query:"state" enum:"live,ending,over,off,ended,used_up" doc:"ending: live, and ends within a week; over: all that are not live"`
	All    bool   `query:"all" doc:"Of everybody, without their addresses: for administrators and auditors"`
	Limit  int    `query:"limit" minimum:"1" maximum:"10000" doc:"Default 200"`
	Cursor string `query:"cursor" maxLength:"4096" doc:"next of the page before"`
}) (*bodyOf[wire.Part[wire.Link]], error) {
	p, err := a.view(c).Links(c, files.LinkQuery{All: in.All, State: in.State, Cursor: in.Cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return partOf(p, a.link), nil
}

func (a *API) getLink(c *call, in *ByID) (*bodyOf[wire.Link], error) {
	l, err := a.view(c).Link(c, in.ID)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Link]{a.link(l)}, nil
}

func (a *API) changeLink(c *call, in *struct {
	ByID
	Body wire.LinkPatch
}) (*bodyOf[wire.Link], error) {
	b := in.Body
	p := files.LinkPatch{Name: b.Name, Message: b.Message, EndsAt: b.EndsAt.Or(0), Password: b.Password.Or(""), DownloadsMax: b.DownloadsMax.Or(0), Notify: b.Notify, Off: b.Off}
	if b.May != "" {
		may := coffer.LinkMay(b.May)
		p.May = &may
	}
	l, err := a.view(c).ChangeLink(c, in.ID, p)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Link]{a.link(l)}, nil
}

func (a *API) deleteLink(c *call, in *ByID) (*done, error) {
	return nil, a.view(c).DeleteLink(c, in.ID)
}

func (a *API) changeLinks(c *call, in *bodyOf[wire.LinkBatch]) (*bodyOf[wire.LinkResults], error) {
	results, err := a.view(c).ChangeLinks(c, in.Body.IDs, files.LinkPatch{Off: in.Body.Off, EndsAt: in.Body.EndsAt.Or(0)})
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.LinkResults]{wire.LinkResults{Results: mapped(results, func(r files.Changed[files.LinkItem]) wire.LinkResult {
		w := wire.LinkResult{ID: r.ID}
		if r.Err != nil {
			gate.Note(c, r.Err)
			p := gate.Problem(c, r.Err)
			w.Problem = &p
		} else {
			l := a.link(r.Item)
			w.Link = &l
		}
		return w
	})}}, nil
}

// qrBorder is the white around a QR code, in its squares (ISO/IEC 18004).
const qrBorder = 4

// getLinkQR draws the address of a link, black on white in every theme: cameras
// want it so.
func (a *API) getLinkQR(w http.ResponseWriter, r *http.Request) error {
	c := a.caller(r)
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if _, err := query(r); err != nil {
		return err
	}
	l, err := a.view(c).Link(c, id)
	if err != nil {
		return err
	}
	if l.Address == "" {
		return coffer.E(coffer.Forbidden, "forbidden", "Only those who manage what a link opens see its address.")
	}
	code, err := qr.Encode(a.BaseURL.String()+LinkPrefix+l.Address, qr.M, qr.Auto)
	if err != nil {
		return err
	}
	side := code.Bounds().Dx()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %[1]d" shape-rendering="crispEdges"><rect width="100%%" height="100%%" fill="#fff"/><path d="`, side+2*qrBorder)
	for y := range side {
		for x := range side {
			if code.At(x, y) == color.Black {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+qrBorder, y+qrBorder)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	h := w.Header()
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	_, err = w.Write([]byte(b.String()))
	return err
}

func describeQR(_ huma.API, op *huma.Operation) {
	idParam(op)
	op.Responses["200"] = &huma.Response{Description: "A picture of any size", Content: bytesOf("image/svg+xml")}
}
