// Package ledger is the record of every living key, without its secret, in storage,
// and an index in memory of which records there are and when each is due. It is
// not for keys that may exist, for which package marks and package queue leave
// traces, and it neither makes nor ends a key.
package ledger
