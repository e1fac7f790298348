package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"

	"coffer/internal/wire"
)

// Activity returns what happened, newest first. The query has the parameters of
// GET /activity.
func (c *Client) Activity(ctx context.Context, query url.Values) iter.Seq2[wire.Event, error] {
	return parts[wire.Event](ctx, c, "/activity", query)
}

// ActivityTable writes the same as a table (CSV).
func (c *Client) ActivityTable(ctx context.Context, query url.Values, to io.Writer) error {
	return c.table(ctx, "/activity", query, to)
}

// table writes a list that the server also has as CSV.
func (c *Client) table(ctx context.Context, path string, query url.Values, to io.Writer) error {
	query.Set("format", "csv")
	req, err := c.request(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return refusal(resp)
	}
	if _, err = io.Copy(to, resp.Body); err != nil {
		return c.unreachable(err)
	}
	return nil
}
