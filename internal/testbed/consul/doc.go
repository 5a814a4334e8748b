// Package consul runs a real Consul on loopback, one server that denies what no token
// allows. What keys do there is asked in test/acceptance, not here.
package consul
