package client

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"coffer"
	"coffer/internal/wire"
)

// Download writes the content of a file, in the version that node tells of, to w
// and verifies its SHA-256. When the connection breaks it goes on where it was.
// progress, if not nil, is told how many bytes more arrived. After an error w
// holds a part of the content at most; only after nil is it whole and right.
func (c *Client) Download(ctx context.Context, node wire.Node, w io.Writer, progress func(n int64)) error {
	sum := sha256.New()
	f := &fetch{client: c, node: node, to: node.Size, sink: func(_ int64, b []byte) error {
		sum.Write(b)
		if _, err := w.Write(b); err != nil {
			return err
		}
		if progress != nil {
			progress(int64(len(b)))
		}
		return nil
	}}
	if err := f.run(ctx); err != nil {
		return err
	}
	return c.verify(ctx, node, f.digest, sum.Sum(nil))
}

// Thumbnail returns a small picture of a file, a JPEG no wider and no higher than
// size, which is 256 or 1024. It is coffer.NotFound, no_thumbnail, where there is
// none.
func (c *Client) Thumbnail(ctx context.Context, node wire.Node, size int) (b []byte, err error) {
	query := url.Values{"size": {strconv.Itoa(size)}}
	err = c.retry(ctx, func() (bool, error) {
		req, err := c.request(ctx, http.MethodGet, "/nodes/"+node.ID.String()+"/thumbnail", query, nil)
		if err != nil {
			return false, err
		}
		resp, err := c.http.Do(req)
		if err != nil {
			return true, c.unreachable(err)
		}
		defer drain(resp.Body)
		if resp.StatusCode != http.StatusOK {
			e := refusal(resp)
			return e.Refusal.Kind == coffer.Busy, e
		}
		if b, err = io.ReadAll(io.LimitReader(resp.Body, maxThumbnail)); err != nil {
			return true, c.unreachable(err)
		}
		return false, nil
	})
	return b, err
}

const maxThumbnail = 8 << 20 // far more than one has

// A fetch gets a stretch of one version's content, over as many connections as
// it takes.
type fetch struct {
	client *Client
	node   wire.Node
	at, to int64                          // what is still to be got
	sink   func(at int64, b []byte) error // takes it, in order
	digest string                         // hex SHA-256 of the whole that the server told, or ""
	final  bool                           // trying again is no use
}

func (f *fetch) run(ctx context.Context) error {
	for f.at < f.to {
		before := f.at
		err := f.client.retry(ctx, func() (bool, error) {
			at := f.at
			again, err := f.try(ctx)
			if err != nil && f.at > at {
				return false, err // it moved: a fresh row of tries follows
			}
			return again, err
		})
		if err != nil && (f.final || f.at == before || ctx.Err() != nil) {
			return err
		}
	}
	return nil
}

// content is a request for the version's content.
func (f *fetch) content(ctx context.Context, method string) (*http.Request, error) {
	return f.client.request(ctx, method, "/nodes/"+f.node.ID.String()+"/content", url.Values{"version": {f.node.VersionID.String()}}, nil)
}

func (f *fetch) etag() string { return `"` + f.node.VersionID.String() + `"` }

// try gets what is missing, once.
func (f *fetch) try(ctx context.Context) (again bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(f.client.stall, func() { cancel(errStalled) })
	defer stalled.Stop()

	req, err := f.content(ctx, http.MethodGet)
	if err != nil {
		f.final = true
		return false, err
	}
	if f.at > 0 || f.to < f.node.Size {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", f.at, f.to-1))
		req.Header.Set("If-Range", f.etag())
	}
	resp, err := f.client.http.Do(req)
	if err != nil {
		return true, f.client.unreachable(cause(ctx, err))
	}
	defer resp.Body.Close()
	if err := f.accept(resp); err != nil {
		e, ok := errors.AsType[*Error](err)
		again := ok && (declined(e) || e.Refusal.Kind == coffer.Busy)
		f.final = !again
		return again, err
	}
	buf := make([]byte, 256<<10)
	for f.at < f.to {
		n, err := resp.Body.Read(buf[:min(int64(len(buf)), f.to-f.at)])
		if n > 0 {
			stalled.Reset(f.client.stall)
			if err := f.sink(f.at, buf[:n]); err != nil {
				f.final = true
				return false, err
			}
			f.at += int64(n)
		}
		if err != nil && f.at < f.to {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return true, f.client.unreachable(cause(ctx, err))
		}
	}
	return false, nil
}

func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); errors.Is(c, errStalled) {
		return c
	}
	return err
}

// accept looks at the head of an answer: is it what was asked for?
func (f *fetch) accept(resp *http.Response) error {
	if resp.StatusCode >= 300 {
		return refusal(resp)
	}
	first := int64(-1)
	switch resp.StatusCode {
	case http.StatusOK:
		if resp.ContentLength == f.node.Size {
			first = 0
		}
	case http.StatusPartialContent:
		start, _ := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
		start, _, _ = strings.Cut(start, "-")
		if n, err := strconv.ParseInt(start, 10, 64); err == nil {
			first = n
		}
	}
	if first != f.at || resp.Header.Get("ETag") != f.etag() {
		return &Error{Status: resp.StatusCode, Refusal: coffer.E(coffer.Internal, "unexpected", "The server sent another content, or another part of it, than was asked for.")}
	}
	f.digest = reprDigest(resp.Header.Get("Repr-Digest"))
	return nil
}

// reprDigest reads the SHA-256 out of a Repr-Digest field (RFC 9530).
func reprDigest(field string) string {
	for part := range strings.SplitSeq(field, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if b, err := base64.StdEncoding.DecodeString(strings.Trim(value, ":")); name == "sha-256" && err == nil && len(b) == sha256.Size {
			return hex.EncodeToString(b)
		}
	}
	return ""
}

// verify compares the SHA-256 of what arrived with what the server told beside
// the content, or tells when it is asked now. A server that is still computing
// it is waited for.
func (c *Client) verify(ctx context.Context, node wire.Node, told string, sum []byte) error {
	if told == "" {
		f := &fetch{client: c, node: node}
		err := c.retry(ctx, func() (bool, error) {
			req, err := f.content(ctx, http.MethodHead)
			if err != nil {
				return false, err
			}
			resp, err := c.http.Do(req)
			if err != nil {
				return true, c.unreachable(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return resp.StatusCode >= 500, refusal(resp)
			}
			told = reprDigest(resp.Header.Get("Repr-Digest"))
			return false, nil
		})
		if err != nil {
			return fmt.Errorf("asking for the SHA-256: %w", err)
		}
		if told == "" {
			n, err := c.stored(ctx, node.ID, Upload{Size: node.Size}, hex.EncodeToString(sum))
			if err != nil && n.VersionID != node.VersionID {
				return &coffer.Error{Kind: coffer.Stale, Code: "stale", Msg: "The file changed while it was being downloaded. Get it again."}
			}
			return err
		}
	}
	if got := hex.EncodeToString(sum); got != told {
		return &coffer.Error{Kind: coffer.Corrupt, Code: "sum_mismatch", Msg: fmt.Sprintf("What arrived has the SHA-256 %s, but the server stored %s. It was not kept.", got, told)}
	}
	return nil
}
