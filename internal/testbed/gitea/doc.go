// Package gitea runs a real Gitea on loopback, with its data in SQLite. What keys
// do there is asked in test/acceptance, not here.
package gitea
