package client

import (
	"context"
	"net/http"
	"net/url"

	"coffer"
	"coffer/internal/wire"
)

// MakeSpace makes a team space.
func (c *Client) MakeSpace(ctx context.Context, name string) (wire.Space, error) {
	var out wire.Space
	err := c.call(ctx, http.MethodPost, "/spaces", nil, wire.SpaceName{Name: name}, &out, false)
	return out, err
}

// RenameSpace gives a team space another name.
func (c *Client) RenameSpace(ctx context.Context, id coffer.ID, name string) (wire.Space, error) {
	var out wire.Space
	err := c.call(ctx, http.MethodPatch, "/spaces/"+id.String(), nil, wire.SpaceName{Name: name}, &out, true)
	return out, err
}

// RemoveSpace deletes a team space, whose name is said once more, for ever.
func (c *Client) RemoveSpace(ctx context.Context, id coffer.ID, name string) (wire.Erased, error) {
	var out wire.Erased
	err := c.call(ctx, http.MethodDelete, "/spaces/"+id.String(), url.Values{"name": {name}}, nil, &out, false)
	return out, err
}
