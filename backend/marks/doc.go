// Package marks leaves a trace on disk before a provider is asked for a key, for as long
// as one may come to be that the ledger does not show. What the next leader does about
// a trace is the engine's (recovery.go). Where a provider cannot list its keys, the
// trace is an intent in package queue.
package marks
