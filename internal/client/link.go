package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"coffer"
	"coffer/internal/wire"
)

// MakeLink makes a link to a node. A password that the server made is told this
// once.
func (c *Client) MakeLink(ctx context.Context, node coffer.ID, n wire.NewLink) (wire.Link, error) {
	var out wire.Link
	err := c.call(ctx, http.MethodPost, "/nodes/"+node.String()+"/links", nil, n, &out, false)
	return out, err
}

// Link tells about one link.
func (c *Client) Link(ctx context.Context, id coffer.ID) (wire.Link, error) {
	var out wire.Link
	err := c.call(ctx, http.MethodGet, "/links/"+id.String(), nil, nil, &out, true)
	return out, err
}

// LinksOf lists the links that open a node.
func (c *Client) LinksOf(ctx context.Context, node coffer.ID) ([]wire.Link, error) {
	var out wire.List[wire.Link]
	err := c.call(ctx, http.MethodGet, "/nodes/"+node.String()+"/links", nil, nil, &out, true)
	return out.Items, err
}

// Links calls fn with each link that the person has made, or with all; state
// narrows them, see GET /links.
func (c *Client) Links(ctx context.Context, all bool, state string, fn func(wire.Link) error) error {
	q := url.Values{}
	if all {
		q.Set("all", strconv.FormatBool(all))
	}
	if state != "" {
		q.Set("state", state)
	}
	for {
		var page wire.Part[wire.Link]
		if err := c.call(ctx, http.MethodGet, "/links", q, nil, &page, true); err != nil {
			return err
		}
		for _, l := range page.Items {
			if err := fn(l); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Set("cursor", page.Next)
	}
}

// ChangeLink changes a link.
func (c *Client) ChangeLink(ctx context.Context, id coffer.ID, p wire.LinkPatch) (wire.Link, error) {
	var out wire.Link
	err := c.call(ctx, http.MethodPatch, "/links/"+id.String(), nil, p, &out, true)
	return out, err
}

// DeleteLink removes a link.
func (c *Client) DeleteLink(ctx context.Context, id coffer.ID) error {
	return c.call(ctx, http.MethodDelete, "/links/"+id.String(), nil, nil, nil, false)
}

// AddRecipients lets more addresses open a link, and nobody else.
func (c *Client) AddRecipients(ctx context.Context, id coffer.ID, emails []string) (wire.Link, error) {
	var out wire.Link
	err := c.call(ctx, http.MethodPost, "/links/"+id.String()+"/recipients", nil, wire.NewRecipients{Emails: emails}, &out, true)
	return out, err
}

// DropRecipient closes a link to one of its recipients.
func (c *Client) DropRecipient(ctx context.Context, id, recipient coffer.ID) error {
	return c.call(ctx, http.MethodDelete, "/links/"+id.String()+"/recipients/"+recipient.String(), nil, nil, nil, false)
}

// Receipts returns what was done by a link, the last first.
func (c *Client) Receipts(ctx context.Context, id coffer.ID) iter.Seq2[wire.Receipt, error] {
	return parts[wire.Receipt](ctx, c, "/links/"+id.String()+"/receipts", url.Values{})
}

// ReceiptsTable writes the same as a table (CSV).
func (c *Client) ReceiptsTable(ctx context.Context, id coffer.ID, to io.Writer) error {
	return c.table(ctx, "/links/"+id.String()+"/receipts", url.Values{}, to)
}
