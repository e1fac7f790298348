// Package wire is the JSON of the REST API under /api/v1: the shapes that the
// server writes and the client reads, shared so that they cannot drift. It
// knows names of fields and nothing else: no rules, no storage, no HTTP.
//
// Times are milliseconds since 1970-01-01 UTC. Ids are 26 characters of base32
// (coffer.ID). Sizes are bytes. An absent optional field means "none".
package wire
