// Package chaos kills Vaults, hangs and stops providers, and counts the keys
// that outlive their leases: none may. It holds tests alone. Files with the
// build tag chaos take minutes and are those of `make chaos`; those with !chaos
// are the short ones, of `make test`. What a key does at real servers is asked in
// package acceptance; what an engine does in every order of events, without a
// Vault, in package simulation.
package chaos
