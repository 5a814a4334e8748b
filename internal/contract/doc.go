// Package contract holds a provider's definition against what the provider says
// about itself, without the provider: Hold takes keys through their lives at a
// server that is made from its OpenAPI document, and Replay makes the requests of
// an exchange that is taken from its documentation. Files of cases and exchanges
// are described in docs/definition-tests.md.
//
// Both go to the addresses that the definition itself names; only the connection
// is dialled elsewhere (Internet). Keys' lives at real servers are the business of
// test/acceptance, and those at live accounts that of cmd/apikeys try.
package contract
