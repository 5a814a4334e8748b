//go:build race

package vaulttest

// race says whether the test was built with the race detector.
const race = true
