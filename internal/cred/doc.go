// Package cred knows what proves a caller: password hashes, the rules for
// passwords, random tokens and codes, and the form in which each of them may be
// stored. It knows no users, no database, no times and nothing else of ours: it
// turns text into proofs and back.
//
// Everything follows crypto.md 7 and 8 (see docs/format.md): Argon2id (RFC 9106)
// in PHC strings, 256-bit tokens with a checksum, stored as SHA-256 hashes.
package cred
