// Package chaos kills Vaults, hangs and stops providers, and counts the keys
// that outlive their leases: none may. It holds tests alone; those that take
// minutes have the build tag chaos.
package chaos
