// Package mail writes the product's letters and hands them to a mail server or
// to a folder. It knows wording, MIME and SMTP; it must not know users, the
// database, when a letter is due or whether it was ever asked for.
//
// Letters are transactional: one purpose, at most one button, the address
// written out, why it came and when it ends, as plain text and light HTML.
package mail
