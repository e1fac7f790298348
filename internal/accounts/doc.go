// Package accounts knows WHO: sign-up and its confirmation, sign-in, sessions,
// bearer tokens, passwords, resets, the people of the installation and its
// settings. What a principal may do with people stands here and nowhere else:
// each verb takes the principal and checks it first. It must not know HTTP,
// files or spaces.
//
// Three rules run through all verbs. Nobody learns from an answer, or from the
// work behind it, whether an address has an account. Tries are counted in the
// database before a password is hashed. Secrets are stored as hashes, MACs or
// sealed records, and each counts once or for a limited time.
package accounts
