package client

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"coffer"
	"coffer/internal/wire"
)

// Download writes the content of a file to w and verifies its SHA-256. When
// the connection breaks it goes on where it was. progress, if not nil, is told
// how many bytes more arrived. After an error w holds a part of the content at
// most; only after nil is it whole and right.
func (c *Client) Download(ctx context.Context, node wire.Node, w io.Writer, progress func(n int64)) error {
	d := &download{client: c, node: node, w: w, progress: progress, sum: sha256.New()}
	for {
		before := d.done
		err := c.retry(ctx, func() (bool, error) {
			at := d.done
			again, err := d.try(ctx)
			if err != nil && d.done > at {
				return false, err // it moved: a fresh row of tries follows
			}
			return again, err
		})
		if err == nil {
			return d.verify(ctx)
		}
		if d.final || d.done == before || ctx.Err() != nil {
			return err
		}
	}
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

type download struct {
	client   *Client
	node     wire.Node
	w        io.Writer
	progress func(int64)
	sum      hash.Hash
	etag     string
	digest   string // hex SHA-256 that the server told, or ""
	size     int64
	done     int64 // bytes written to w
	final    bool  // trying again is no use
}

// try gets what is missing, once.
func (d *download) try(ctx context.Context) (again bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(d.client.stall, func() { cancel(errStalled) })
	defer stalled.Stop()

	req, err := d.client.request(ctx, http.MethodGet, "/nodes/"+d.node.ID.String()+"/content", nil, nil)
	if err != nil {
		d.final = true
		return false, err
	}
	if d.done > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.done))
		req.Header.Set("If-Range", d.etag)
	}
	resp, err := d.client.http.Do(req)
	if err != nil {
		return true, d.client.unreachable(cause(ctx, err))
	}
	defer resp.Body.Close()
	if err := d.accept(resp); err != nil {
		e, ok := errors.AsType[*Error](err)
		again := ok && (declined(e) || e.Refusal.Kind == coffer.Busy)
		d.final = !again
		return again, err
	}
	buf := make([]byte, 256<<10)
	for d.done < d.size {
		n, err := resp.Body.Read(buf[:min(int64(len(buf)), d.size-d.done)])
		if n > 0 {
			stalled.Reset(d.client.stall)
			d.sum.Write(buf[:n])
			if _, err := d.w.Write(buf[:n]); err != nil {
				d.final = true
				return false, err
			}
			d.done += int64(n)
			if d.progress != nil {
				d.progress(int64(n))
			}
		}
		if err != nil && d.done < d.size {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return true, d.client.unreachable(cause(ctx, err))
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

// accept looks at the head of an answer: is it the content, or the rest of the
// same content?
func (d *download) accept(resp *http.Response) error {
	switch {
	case d.done == 0 && resp.StatusCode == http.StatusOK:
		if resp.ContentLength < 0 {
			return &Error{Status: resp.StatusCode, Refusal: coffer.E(coffer.Internal, "unexpected", "The server did not say how long the file is.")}
		}
		d.size, d.etag, d.digest = resp.ContentLength, resp.Header.Get("ETag"), reprDigest(resp.Header.Get("Repr-Digest"))
		return nil
	case d.done > 0 && resp.StatusCode == http.StatusPartialContent:
		start, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
		start, _, _ = strings.Cut(start, "-")
		if n, err := strconv.ParseInt(start, 10, 64); !ok || err != nil || n != d.done || resp.Header.Get("ETag") != d.etag {
			return &Error{Status: resp.StatusCode, Refusal: coffer.E(coffer.Internal, "unexpected", "The server sent another range than was asked for.")}
		}
		return nil
	case d.done > 0 && (resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusRequestedRangeNotSatisfiable):
		return &Error{Status: resp.StatusCode, Refusal: coffer.E(coffer.Stale, "stale", "The file changed while it was being downloaded. Get it again.")}
	}
	return refusal(resp)
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

// verify compares the SHA-256 of what was written with the server's record.
func (d *download) verify(ctx context.Context) error {
	want := d.digest
	if want == "" {
		n, err := d.client.Stat(ctx, d.node.ID)
		if err != nil {
			return fmt.Errorf("asking for the SHA-256: %w", err)
		}
		if d.etag != `"`+n.VersionID.String()+`"` || n.SHA256 == "" {
			return &coffer.Error{Kind: coffer.Stale, Code: "stale", Msg: "The file changed while it was being downloaded. Get it again."}
		}
		want = n.SHA256
	}
	if got := hex.EncodeToString(d.sum.Sum(nil)); got != want {
		return &coffer.Error{Kind: coffer.Corrupt, Code: "sum_mismatch", Msg: fmt.Sprintf("What arrived has the SHA-256 %s, but the server stored %s. It was not kept.", got, want)}
	}
	return nil
}
