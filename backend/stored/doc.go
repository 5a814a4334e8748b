// Package stored reads and writes the engine's entries in Vault's storage, and tells
// those that cannot be read from storage that does not answer. It knows nothing of
// what is in them: that is for the books beside it, and for the engine.
package stored
