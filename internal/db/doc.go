// Package db holds all SQL of the product: one schema and one set of queries
// for two engines, SQLite and PostgreSQL.
//
// It knows rows: how to open a database, how to bring its schema up to date,
// how to run a function in a transaction, and, one file per noun, the queries
// as methods of [Tx]. It must not know who is asking: no rights are decided
// here, nothing is hashed, sealed or sent, and no HTTP.
//
// Rules of the queries: PostgreSQL's dialect as far as both engines read it;
// $n placeholders; times are BIGINT milliseconds from [Tx.Now]; ids, secrets
// and sort keys are BYTEA; no now(), JSON, arrays or FOR UPDATE; a parameter
// whose type PostgreSQL cannot tell is CAST; columns are named in every SELECT;
// texts are constants, so that prepared statements can be kept.
//
// Transactions behave alike on both engines: a function given to [DB.Update]
// is all or nothing, and a statement that fails spoils its function.
package db
