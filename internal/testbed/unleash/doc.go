// Package unleash runs a real Unleash on loopback, on a database that package
// postgres runs. What keys do there is asked in test/acceptance, not here.
package unleash
