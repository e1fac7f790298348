package client

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"coffer"
	"coffer/internal/wire"
)

// Spaces lists the spaces that the person can reach.
func (c *Client) Spaces(ctx context.Context) ([]wire.Space, error) {
	var out wire.List[wire.Space]
	err := c.call(ctx, http.MethodGet, "/spaces", nil, nil, &out, true)
	return out.Items, err
}

// Resolve finds a node by its path in the own personal space.
func (c *Client) Resolve(ctx context.Context, path string) (wire.Node, error) {
	var out wire.Node
	err := c.call(ctx, http.MethodGet, "/resolve", url.Values{"path": {path}}, nil, &out, true)
	return out, err
}

// ResolveUnder finds a node by its path in any folder.
func (c *Client) ResolveUnder(ctx context.Context, folder coffer.ID, path string) (wire.Node, error) {
	var out wire.Node
	err := c.call(ctx, http.MethodGet, "/resolve", url.Values{"path": {path}, "under": {folder.String()}}, nil, &out, true)
	return out, err
}

// Stat returns a node with its path and SHA-256.
func (c *Client) Stat(ctx context.Context, id coffer.ID) (wire.Node, error) {
	var out wire.Node
	err := c.call(ctx, http.MethodGet, "/nodes/"+id.String(), nil, nil, &out, true)
	return out, err
}

// Children yields the children of a folder, folders first, by name. After an
// error it yields no more.
func (c *Client) Children(ctx context.Context, id coffer.ID) iter.Seq2[wire.Node, error] {
	return func(yield func(wire.Node, error) bool) {
		query := url.Values{"limit": {strconv.Itoa(c.page)}}
		for {
			var page wire.List[wire.Node]
			if err := c.call(ctx, http.MethodGet, "/nodes/"+id.String()+"/children", query, nil, &page, true); err != nil {
				yield(wire.Node{}, err)
				return
			}
			for _, n := range page.Items {
				if !yield(n, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}

// Search yields what GET /search finds, page by page, for a query as it takes
// them. After an error it yields no more.
func (c *Client) Search(ctx context.Context, query url.Values) iter.Seq2[wire.Node, error] {
	return parts[wire.Node](ctx, c, "/search", query)
}

// Recent yields what was opened and changed last, newest first. After an error
// it yields no more.
func (c *Client) Recent(ctx context.Context) iter.Seq2[wire.Recent, error] {
	return parts[wire.Recent](ctx, c, "/recent", url.Values{})
}

// Pins returns what is pinned, in the order of pinning.
func (c *Client) Pins(ctx context.Context) ([]wire.Node, error) {
	var out wire.List[wire.Node]
	err := c.call(ctx, http.MethodGet, "/pins", nil, nil, &out, true)
	return out.Items, err
}

// Pin pins a node, or does nothing when it is pinned.
func (c *Client) Pin(ctx context.Context, id coffer.ID) error {
	return c.call(ctx, http.MethodPut, "/pins/"+id.String(), nil, nil, nil, true)
}

// Unpin takes a pin away.
func (c *Client) Unpin(ctx context.Context, id coffer.ID) error {
	return c.call(ctx, http.MethodDelete, "/pins/"+id.String(), nil, nil, nil, false)
}

// parts walks a list that comes in pages of type wire.Part.
func parts[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query := maps.Clone(query)
		for {
			var page wire.Part[T]
			if err := c.call(ctx, http.MethodGet, path, query, nil, &page, true); err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}

// Mkdir makes a folder: Fail, KeepBoth or Merge (the existing folder is the
// answer).
func (c *Client) Mkdir(ctx context.Context, parent coffer.ID, name string, exists coffer.IfExists) (wire.Node, error) {
	var out wire.Node
	err := c.call(ctx, http.MethodPost, "/nodes/"+parent.String()+"/folders", url.Values{"if_exists": {string(exists)}},
		wire.NewFolder{Name: name}, &out, exists == coffer.Merge)
	return out, err
}

// Move renames a node, moves it to another folder, or both. It may be
// repeated: the second time nothing is left to do.
func (c *Client) Move(ctx context.Context, id coffer.ID, change wire.NodePatch, exists coffer.IfExists) (wire.Node, error) {
	var out wire.Node
	err := c.call(ctx, http.MethodPatch, "/nodes/"+id.String(), url.Values{"if_exists": {string(exists)}}, change, &out, exists == coffer.Fail)
	return out, err
}

// Versions lists the contents that a file has and had, newest first.
func (c *Client) Versions(ctx context.Context, id coffer.ID) (all []wire.Version, err error) {
	query := url.Values{"limit": {strconv.Itoa(c.page)}}
	for {
		var page wire.List[wire.Version]
		if err := c.call(ctx, http.MethodGet, "/nodes/"+id.String()+"/versions", query, nil, &page, true); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		query.Set("cursor", page.Next)
	}
}

func versionPath(file, version coffer.ID) string {
	return "/nodes/" + file.String() + "/versions/" + version.String()
}

// RestoreVersion makes an older content the present one, as a new version.
func (c *Client) RestoreVersion(ctx context.Context, file, version coffer.ID) (wire.Node, error) {
	var out wire.Node
	err := c.call(ctx, http.MethodPost, versionPath(file, version)+"/restore", nil, nil, &out, false)
	return out, err
}

// KeepVersion says whether a version is kept for ever.
func (c *Client) KeepVersion(ctx context.Context, file, version coffer.ID, keep bool) (wire.Version, error) {
	var out wire.Version
	err := c.call(ctx, http.MethodPatch, versionPath(file, version), nil, wire.VersionPatch{Keep: keep}, &out, true)
	return out, err
}

// DeleteVersion deletes an older version for ever.
func (c *Client) DeleteVersion(ctx context.Context, file, version coffer.ID) (wire.Erased, error) {
	var out wire.Erased
	err := c.call(ctx, http.MethodDelete, versionPath(file, version), nil, nil, &out, false)
	return out, err
}

// Delete deletes something in the trash for ever.
func (c *Client) Delete(ctx context.Context, id coffer.ID) error {
	return c.call(ctx, http.MethodDelete, "/trash/"+id.String(), nil, nil, nil, false)
}

// Trash puts a node into the trash.
func (c *Client) Trash(ctx context.Context, id coffer.ID) error {
	return c.call(ctx, http.MethodDelete, "/nodes/"+id.String(), nil, nil, nil, false)
}

// Batch does one thing to many nodes. The answer has results, or a job.
func (c *Client) Batch(ctx context.Context, b wire.Batch) (wire.BatchResults, error) {
	var out wire.BatchResults
	err := c.call(ctx, http.MethodPost, "/batch", nil, b, &out, false)
	return out, err
}

// Job tells how far a large batch is.
func (c *Client) Job(ctx context.Context, id coffer.ID) (wire.Job, error) {
	var out wire.Job
	err := c.call(ctx, http.MethodGet, "/jobs/"+id.String(), nil, nil, &out, true)
	return out, err
}

// CancelJob ends a large batch. What it answers may be over already.
func (c *Client) CancelJob(ctx context.Context, id coffer.ID) (wire.Job, error) {
	var out wire.Job
	err := c.call(ctx, http.MethodDelete, "/jobs/"+id.String(), nil, nil, &out, true)
	return out, err
}
