package main

import (
	"fmt"
	"path"
	"strings"

	"coffer"
	"coffer/internal/client"
	"coffer/internal/cmdline"
	"coffer/internal/wire"
)

// A spot is a place on the server as people write it: a path from the top of
// their own files, of a team's ("Team name:/a"), or of what others gave them
// ("Shared:/a").
type spot struct {
	in   string // name or id of a team space, shared, or "" for the own files
	path string // clean, from /
}

// shared is the space that holds what others gave.
const shared = "Shared"

// remote reads a spot: "/Docs/a.txt", "Docs/a.txt", "/", "Team name:/a.txt".
func remote(s string) (spot, error) {
	out := spot{path: s}
	if in, rest, ok := strings.Cut(s, ":/"); ok && in != "" && !strings.Contains(in, "/") {
		out = spot{in, rest}
	}
	for part := range strings.SplitSeq(out.path, "/") {
		if part == "." || part == ".." {
			return spot{}, cmdline.Misuse("%q: a remote path is written without . and ..", s)
		}
	}
	out.path = path.Clean("/" + out.path)
	return out, nil
}

func (s spot) String() string {
	if s.in == "" {
		return s.path
	}
	return s.in + ":" + s.path
}

func (s spot) dir() spot    { return spot{s.in, path.Dir(s.path)} }
func (s spot) base() string { return path.Base(s.path) }

// isShared reports whether the spot is in what others gave.
func (s spot) isShared() bool { return strings.EqualFold(s.in, shared) }

// sharedList reports whether the spot is the list itself of what others gave,
// which is no folder.
func (s spot) sharedList() bool { return s.isShared() && s.path == "/" }

// top returns the folder that the spot's path begins in, and the path in it.
func (s spot) top(a *app, cl *client.Client) (wire.Node, string, error) {
	switch {
	case s.in == "":
		n, err := cl.Resolve(a.ctx, "/")
		return n, s.path, err
	case s.sharedList():
		return wire.Node{}, "", cmdline.Misuse("%s:/ is a list of what others gave you, not a folder: name one of it", s.in)
	case s.isShared():
		name, rest, _ := strings.Cut(s.path[1:], "/")
		n, err := given(a, cl, name)
		return n, "/" + rest, err
	}
	root, err := team(a, cl, s.in)
	if err != nil {
		return wire.Node{}, "", err
	}
	n, err := cl.Stat(a.ctx, root.RootID)
	return n, s.path, err
}

// given finds something that others gave, by name or id.
func given(a *app, cl *client.Client, name string) (wire.Node, error) {
	all, err := cl.Shared(a.ctx)
	if err != nil {
		return wire.Node{}, err
	}
	var hits []wire.Node
	for _, s := range all {
		if string(coffer.NameKey(s.Node.Name)) == string(coffer.NameKey(name)) || s.Node.ID.String() == name {
			hits = append(hits, s.Node)
		}
	}
	return single(hits, name, func(n wire.Node) coffer.ID { return n.ID })
}

// team finds a team space by name or id.
func team(a *app, cl *client.Client, name string) (wire.Space, error) {
	all, err := cl.Spaces(a.ctx)
	if err != nil {
		return wire.Space{}, err
	}
	var hits []wire.Space
	for _, s := range all {
		if s.Kind == string(coffer.Team) && (string(coffer.NameKey(s.Name)) == string(coffer.NameKey(name)) || s.ID.String() == name) {
			hits = append(hits, s)
		}
	}
	return single(hits, name, func(s wire.Space) coffer.ID { return s.ID })
}

// single is the one hit of a name.
func single[T any](hits []T, name string, id func(T) coffer.ID) (T, error) {
	var none T
	switch len(hits) {
	case 0:
		return none, coffer.ErrNotFound
	case 1:
		return hits[0], nil
	}
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = id(h).String()
	}
	return none, cmdline.Misuse("%d have the name %q: write the id in its place, one of %s", len(hits), name, strings.Join(ids, ", "))
}

// resolve returns the node at a spot.
func (s spot) resolve(a *app, cl *client.Client) (wire.Node, error) {
	if s.in == "" {
		return cl.Resolve(a.ctx, s.path)
	}
	n, rest, err := s.top(a, cl)
	if err != nil || rest == "/" {
		return n, err
	}
	return cl.ResolveUnder(a.ctx, n.ID, rest)
}

// find returns the node at a remote path.
func find(a *app, cl *client.Client, p string) (wire.Node, error) {
	s, err := remote(p)
	if err != nil {
		return wire.Node{}, err
	}
	n, err := s.resolve(a, cl)
	return n, at(s.String(), err)
}

// find is the client and the node at a remote path.
func (a *app) find(p string) (*client.Client, wire.Node, error) {
	cl, err := a.client()
	if err != nil {
		return nil, wire.Node{}, err
	}
	n, err := find(a, cl, p)
	return cl, n, err
}

// makeAll makes a folder and what is missing above it.
func makeAll(a *app, cl *client.Client, s spot) (wire.Node, error) {
	n, rest, err := s.top(a, cl)
	for part := range strings.SplitSeq(strings.Trim(rest, "/"), "/") {
		if err != nil || part == "" {
			break
		}
		n, err = cl.Mkdir(a.ctx, n.ID, part, coffer.Merge)
	}
	return n, err
}

// at puts the thing that an error is about before it.
func at(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
