package client

import (
	"context"
	"net/http"

	"coffer/internal/wire"
)

// Login proves a person by password and keeps the bearer token that the
// server makes for it. name tells the person later what the token is for.
func (c *Client) Login(ctx context.Context, email, password, name string) (wire.TokenCreated, error) {
	var out wire.TokenCreated
	// A token must not be sent with a password: the server would have to choose.
	c.token = ""
	err := c.call(ctx, http.MethodPost, "/tokens", nil, wire.NewToken{Email: email, Password: password, Name: name}, &out, false)
	if err == nil {
		c.token = out.Token
	}
	return out, err
}

// Logout ends the token at the server.
func (c *Client) Logout(ctx context.Context) error {
	err := c.call(ctx, http.MethodDelete, "/session", nil, nil, nil, true)
	if err == nil {
		c.token = ""
	}
	return err
}

// Me tells who is signed in.
func (c *Client) Me(ctx context.Context) (wire.Me, error) {
	var out wire.Me
	err := c.call(ctx, http.MethodGet, "/session", nil, nil, &out, true)
	return out, err
}

// Instance tells what anybody may know of the server.
func (c *Client) Instance(ctx context.Context) (wire.Instance, error) {
	var out wire.Instance
	err := c.call(ctx, http.MethodGet, "/instance", nil, nil, &out, true)
	return out, err
}
