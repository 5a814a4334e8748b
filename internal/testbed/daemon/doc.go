// Package daemon runs server programs on loopback until they are no longer
// needed, with what they say in a file. It is the part that all servers share;
// package child below it knows only processes, and package build beside it finds
// the programs that are run.
package daemon
