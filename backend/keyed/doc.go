// Package keyed has a lock for each of many things, held for as long as a provider
// is asked, and counts of those of which something is under way. It is not for memory
// that a mutex guards for a moment.
package keyed
