package client

import (
	"context"
	"net/http"
	"net/url"

	"coffer"
	"coffer/internal/wire"
)

// Grants tells who a node is given to.
func (c *Client) Grants(ctx context.Context, node coffer.ID) (wire.Sharing, error) {
	var out wire.Sharing
	err := c.call(ctx, http.MethodGet, "/nodes/"+node.String()+"/grants", nil, nil, &out, true)
	return out, err
}

// Access answers who can open a node.
func (c *Client) Access(ctx context.Context, node coffer.ID) (wire.Answer, error) {
	var out wire.Answer
	err := c.call(ctx, http.MethodGet, "/nodes/"+node.String()+"/access", nil, nil, &out, true)
	return out, err
}

// Grant gives access to a node.
func (c *Client) Grant(ctx context.Context, node coffer.ID, n wire.NewGrant) (wire.Grant, error) {
	var out wire.Grant
	err := c.call(ctx, http.MethodPost, "/nodes/"+node.String()+"/grants", nil, n, &out, false)
	return out, err
}

// Ask asks those who manage a node for more rights to it.
func (c *Client) Ask(ctx context.Context, node coffer.ID, message string) error {
	return c.call(ctx, http.MethodPost, "/nodes/"+node.String()+"/ask", nil, wire.Ask{Message: message}, nil, false)
}

// ChangeGrant changes access that was given.
func (c *Client) ChangeGrant(ctx context.Context, node, grant coffer.ID, p wire.GrantPatch) (wire.Grant, error) {
	var out wire.Grant
	err := c.call(ctx, http.MethodPatch, "/nodes/"+node.String()+"/grants/"+grant.String(), nil, p, &out, true)
	return out, err
}

// Ungrant takes access away.
func (c *Client) Ungrant(ctx context.Context, node, grant coffer.ID) error {
	return c.call(ctx, http.MethodDelete, "/nodes/"+node.String()+"/grants/"+grant.String(), nil, nil, nil, false)
}

// Shared lists what others gave to the person.
func (c *Client) Shared(ctx context.Context) ([]wire.SharedItem, error) {
	var out wire.List[wire.SharedItem]
	err := c.call(ctx, http.MethodGet, "/shared", nil, nil, &out, true)
	return out.Items, err
}

// Leave gives up what others gave.
func (c *Client) Leave(ctx context.Context, node coffer.ID) error {
	return c.call(ctx, http.MethodDelete, "/shared/"+node.String(), nil, nil, nil, false)
}

// Groups lists all groups by name.
func (c *Client) Groups(ctx context.Context) ([]wire.Group, error) {
	var out wire.List[wire.Group]
	err := c.call(ctx, http.MethodGet, "/groups", nil, nil, &out, true)
	return out.Items, err
}

// MakeGroup makes an empty group.
func (c *Client) MakeGroup(ctx context.Context, name string) (wire.Group, error) {
	var out wire.Group
	err := c.call(ctx, http.MethodPost, "/groups", nil, wire.GroupName{Name: name}, &out, false)
	return out, err
}

// RenameGroup gives a group another name.
func (c *Client) RenameGroup(ctx context.Context, id coffer.ID, name string) (wire.Group, error) {
	var out wire.Group
	err := c.call(ctx, http.MethodPatch, "/groups/"+id.String(), nil, wire.GroupName{Name: name}, &out, true)
	return out, err
}

// DeleteGroup removes a group and all access that was given to it.
func (c *Client) DeleteGroup(ctx context.Context, id coffer.ID) error {
	return c.call(ctx, http.MethodDelete, "/groups/"+id.String(), nil, nil, nil, false)
}

// Members lists the people of a group.
func (c *Client) Members(ctx context.Context, id coffer.ID) ([]wire.Member, error) {
	var out wire.List[wire.Member]
	err := c.call(ctx, http.MethodGet, "/groups/"+id.String()+"/members", nil, nil, &out, true)
	return out.Items, err
}

// AddMember puts a person, named by id or address, into a group.
func (c *Client) AddMember(ctx context.Context, id coffer.ID, who string) error {
	return c.call(ctx, http.MethodPut, "/groups/"+id.String()+"/members/"+url.PathEscape(who), nil, nil, nil, true)
}

// RemoveMember takes a person out of a group.
func (c *Client) RemoveMember(ctx context.Context, id coffer.ID, who string) error {
	return c.call(ctx, http.MethodDelete, "/groups/"+id.String()+"/members/"+url.PathEscape(who), nil, nil, nil, false)
}
