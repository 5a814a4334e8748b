// Package transport carries one connection's requests to its provider: by the
// provider's rate limit, again where that is safe, within bounds of time and
// size, and not at all while the host is down. It says for certain whether a
// request may have arrived (Failure).
//
// It imports nothing of ours, and knows neither blocks nor keys. What a request
// says is written by the client in package providers, what signs it is package
// auth's, and what an answer means is judged by the client. Its errors hold no
// address, no credential and no part of an answer.
package transport
