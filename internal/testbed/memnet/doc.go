// Package memnet connects an engine and the providers of a test within memory, so
// that a testing/synctest bubble holds both ends: time cannot leap there while
// something waits for a socket. It serves tests in one process; what runs in a
// process of its own has package daemon.
package memnet
