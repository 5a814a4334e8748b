// Package replay has Go programs built with a runtime that takes its turns the
// same way each time, so that what runs in a bubble of testing/synctest, on one
// processor and without the collector, can be played again to the letter.
//
// Go's runtime leaves some things to chance (the order in which a select tries its
// cases, and in which a map is gone through, and which of two timers of one moment
// fires first), and some to the machine (a goroutine that has run for ten
// milliseconds makes way, one that has waited for a lock for a millisecond gets
// it). The edits of this package take both away. They are made to copies of the
// toolchain's own files, which the go command reads in place of those where it is
// given -overlay: the toolchain stays as it is.
package replay
