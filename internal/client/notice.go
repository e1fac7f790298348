package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"coffer"
	"coffer/internal/wire"
)

// Notices tells what the person was told, newest first.
func (c *Client) Notices(ctx context.Context) iter.Seq2[wire.Notice, error] {
	return func(yield func(wire.Notice, error) bool) {
		next := ""
		for {
			var page wire.Notices
			q := url.Values{}
			if next != "" {
				q.Set("next", next)
			}
			if err := c.call(ctx, http.MethodGet, "/notices", q, nil, &page, true); err != nil {
				yield(wire.Notice{}, err)
				return
			}
			for _, n := range page.Items {
				if !yield(n, nil) {
					return
				}
			}
			if next = page.Next; next == "" {
				return
			}
		}
	}
}

// ReadNotices marks notices as read; without ids all of them.
func (c *Client) ReadNotices(ctx context.Context, ids ...coffer.ID) error {
	return c.call(ctx, http.MethodPost, "/notices/read", nil, wire.NoticesRead{IDs: ids, All: len(ids) == 0}, nil, true)
}

// NoticeSettings tells which notices come by mail.
func (c *Client) NoticeSettings(ctx context.Context) (out wire.NoticeSettings, err error) {
	err = c.call(ctx, http.MethodGet, "/me/notices", nil, nil, &out, true)
	return out, err
}

// ChangeNoticeSettings chooses which notices come by mail.
func (c *Client) ChangeNoticeSettings(ctx context.Context, p wire.NoticeSettings) (out wire.NoticeSettings, err error) {
	err = c.call(ctx, http.MethodPatch, "/me/notices", nil, p, &out, true)
	return out, err
}
