// Package acceptance takes keys through their whole life in a real Vault, at
// real servers that were not written for these tests. It holds tests alone;
// those with the build tag integration want servers that take long to get, and
// are those of `make integration`. The servers are run by internal/testbed. What
// happens when Vault itself dies is asked in package chaos.
package acceptance
