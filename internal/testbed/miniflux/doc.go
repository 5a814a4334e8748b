// Package miniflux runs a real Miniflux, a reader of feeds, on loopback, on a
// database that package postgres runs. What keys do there is asked in
// test/acceptance, not here.
package miniflux
