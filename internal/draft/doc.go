// Package draft writes a first provider definition from a provider's OpenAPI
// document: which operations make, list, extend and delete keys, how they are
// signed in to, and where answers hold the id and the secret. What a document does
// not tell becomes a line that begins with "# TODO", so a draft is a beginning and
// never a proof; whether a finished definition keeps to the document is the
// business of package contract.
package draft
