// Package suggest says what to write in place of a name that nobody knows. It
// knows no names itself: those to choose from are given.
package suggest
