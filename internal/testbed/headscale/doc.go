// Package headscale runs a real Headscale on loopback, whose network nobody is in but
// what joins it here. What keys do there is asked in test/acceptance, not here.
package headscale
