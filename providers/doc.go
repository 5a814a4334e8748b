// Package providers holds provider definitions: the built-in catalog, and the
// client that carries a definition's requests out for one connection. It knows
// nothing of Vault, of storage, or of leases: those are package backend's.
//
// It is a façade. What it says of a definition, a field or a failure is made in
// the rooms behind it, each a package of its own under internal, and named here in
// aliases.go. They import each other one way:
//
//	suggest, expr ← field
//	expr, transport ← auth
//	expr, field, transport, auth ← definition
//	all of them ← providers
//
// What stays here is the client: a file for each block that it carries out
// (issue.go, revoke.go, list.go, rotate.go …), request.go, which writes a request,
// and answer.go, which judges what came back.
package providers
