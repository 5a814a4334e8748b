// Package test holds the suites that need more than one package, each in a
// folder of its own: acceptance takes keys through their lives at real servers,
// chaos kills Vaults and providers. Here itself it is asked only whether every
// test of the project is run by one of the Makefile's targets. What the suites
// run on is in internal/testbed.
package test
