// Package coffer holds the words and the pure rules of Coffer, a self-hosted
// system for sharing files that are encrypted before they are stored. It knows
// no storage, no protocol and no cryptography; everything else in the module
// stands on it.
//
// # The system in a page
//
// A User owns a personal Space; a team owns one together. A Space is the unit of
// ownership and of encryption: it has a tree of Nodes, a quota and a chain of
// space keys. A Grant gives a person or a Group access to a Node and all below. A Node
// is a file or a folder; a file has Versions, and a Version's bytes lie as
// numbered sealed parts in one blob under a random id. Keys form a chain: the
// operator's master key wraps a few key-encryption keys, these seal space keys,
// a space key seals one record per version that holds the file's own key, its
// exact size and its SHA-256. Moving or rotating touches small records, never
// content.
//
// Requests come in through thin protocols (package api: REST; the web UI and
// the command line speak REST too). Package gate turns a request into a
// Principal. There is one door behind it: files.As(principal) gives a View
// whose every method first reaches its node, which means to load it and to
// decide (Decide, Permit: pure functions here), and changes the tree only in a
// transaction that decides again and writes the Event. Package accounts does
// the same for people, sessions and tokens. No other package decides anything.
//
// A write is acknowledged when its bytes are durable and its row is committed,
// in that order; a delete takes the row first and the bytes after a grace
// period. A crash leaves orphans that are listed, never a row without bytes.
//
// Names in this package carry no promise to other modules.
package coffer
