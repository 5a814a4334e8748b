// Package definition holds a provider's definition as a tree: it reads the HCL
// (parse*.go), checks it (check*.go), and derives what follows from the blocks
// (capabilities.go, needs of requests about a key that exists). A Definition never
// changes after Parse.
//
// It carries nothing out: the client in package providers does, in the file that
// is named after the block. What an expression computes is package expr's, what a
// field may hold package field's, and what the arguments of an auth block are for
// package auth's.
package definition
