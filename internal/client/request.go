package client

import (
	"context"
	"net/http"
	"net/url"

	"coffer"
	"coffer/internal/wire"
)

// MakeRequest makes a file request into a folder.
func (c *Client) MakeRequest(ctx context.Context, folder coffer.ID, n wire.NewFileRequest) (wire.FileRequest, error) {
	var out wire.FileRequest
	err := c.call(ctx, http.MethodPost, "/nodes/"+folder.String()+"/requests", nil, n, &out, false)
	return out, err
}

// NodeRequests lists the file requests into a folder.
func (c *Client) NodeRequests(ctx context.Context, folder coffer.ID) ([]wire.FileRequest, error) {
	var out wire.List[wire.FileRequest]
	err := c.call(ctx, http.MethodGet, "/nodes/"+folder.String()+"/requests", nil, nil, &out, true)
	return out.Items, err
}

// Requests lists the own file requests, or all; state may be "".
func (c *Client) Requests(ctx context.Context, state string, all bool) ([]wire.FileRequest, error) {
	q := url.Values{}
	if state != "" {
		q.Set("state", state)
	}
	if all {
		q.Set("all", "true")
	}
	var out wire.List[wire.FileRequest]
	err := c.call(ctx, http.MethodGet, "/requests", q, nil, &out, true)
	return out.Items, err
}

// ChangeRequest changes a file request.
func (c *Client) ChangeRequest(ctx context.Context, id coffer.ID, p wire.FileRequestPatch) (wire.FileRequest, error) {
	var out wire.FileRequest
	err := c.call(ctx, http.MethodPatch, "/requests/"+id.String(), nil, p, &out, true)
	return out, err
}

// RemoveRequest removes a file request.
func (c *Client) RemoveRequest(ctx context.Context, id coffer.ID) error {
	return c.call(ctx, http.MethodDelete, "/requests/"+id.String(), nil, nil, nil, false)
}
