// Package ledger is the record of every living key, without its secret, in storage
// alone: nothing of it is cached. It is not for keys that may exist, for which package
// marks and package queue leave traces, and it neither makes nor ends a key.
package ledger
