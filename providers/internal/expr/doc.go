// Package expr computes the expressions of a definition: the values, the names in
// scope, the functions, what is absent, and what a computation may cost. It marks
// what is secret, and takes it out of texts (Secrets).
//
// It is not for what an expression is written in: a block, and which names mean
// something there, is package definition's. Nor does it know what a field may
// hold, which is package field's. Everything that is evaluated passes through
// evaluate.go, which bounds it; nothing here waits, sends or stores.
package expr
