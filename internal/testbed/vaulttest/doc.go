// Package vaulttest runs the plugin's real process under a real Vault for a
// test, and leaves nothing behind. It is for tests alone; what runs the Vault is
// package vault.
package vaulttest
