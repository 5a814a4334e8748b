// Package field holds the parameters of connections and roles: their types and
// bounds, how what an operator wrote becomes a value (Fields.Merge), and how a
// caller may narrow one (Fields.Narrow).
//
// It is not for reading the blocks that declare fields, which package definition
// does, and not for computing with their values, which is package expr's. Its
// errors name a field and what to write, and quote no value.
package field
