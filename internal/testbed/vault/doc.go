// Package vault runs real Vault processes on loopback with the plugin registered
// and mounted: one, or a Raft cluster of them. The demo stands on it; tests use
// package vaulttest, which ends a test where this one answers an error.
package vault
