// Package expressgateway runs a real Express Gateway on loopback, before a
// server that answers every request. Its admin API has no login of its own, so
// the gateway itself guards it, as its documentation recommends.
// What keys do there is asked in test/acceptance, not here.
package expressgateway
