package api

import (
	"context"
	"strconv"
	"strings"

	"coffer"
	"coffer/internal/accounts"
	"coffer/internal/files"
	"coffer/internal/gate"
)

type ctx = context.Context

// call is one request: its context and who makes it.
type call struct {
	ctx
	who coffer.Principal
}

func (c *call) from() accounts.From { return From(gate.From(c.ctx)) }

// From gives the origin of a request the shape that accounts wants.
func From(o gate.Origin) accounts.From {
	return accounts.From{Address: o.Address, UserAgent: o.UserAgent, RequestID: o.RequestID, Replaces: o.Session}
}

// view is the files as the caller sees them. A transfer of it that may not go
// on cuts the request.
func (a *API) view(c *call) *files.View {
	return a.Files.As(c.who).CutBy(func() { gate.Cut(c.ctx) })
}

// parseRev reads an If-Match header of metadata: `"r5"` is 5, none and `*` are
// 0 (any). What can match nothing is stale.
func parseRev(ifMatch string) (int64, error) {
	if ifMatch == "" || ifMatch == "*" {
		return 0, nil
	}
	digits, ok := strings.CutPrefix(ifMatch, `"r`)
	digits, ok2 := strings.CutSuffix(digits, `"`)
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || !ok2 || err != nil || n < 1 {
		return 0, coffer.E(coffer.Stale, "stale", "This has changed since you looked. Load it again.")
	}
	return n, nil
}

func metadataETag(rev int64) string { return `"r` + strconv.FormatInt(rev, 10) + `"` }
