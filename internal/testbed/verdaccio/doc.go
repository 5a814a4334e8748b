// Package verdaccio runs a real Verdaccio, a registry of npm packages, on loopback.
// What keys do there is asked in test/acceptance, not here.
package verdaccio
