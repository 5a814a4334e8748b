// Package auth signs requests with a connection's credential: a file for each kind
// of auth block, all of them in Kinds. An Authorizer is called anew for each
// attempt, with the exact bytes that are sent; those that keep a token or a
// challenge renew it once where it is refused.
//
// It is not for sending: package transport does, by way of Env. Nor does it read
// blocks, which package definition does with what Kinds tell of their arguments; a
// request that an auth block writes is given to it as a function (Login).
package auth
