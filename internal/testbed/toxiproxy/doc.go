// Package toxiproxy puts a real Toxiproxy between two programs, to spoil what
// passes between them. It is no provider, and knows none; the sandbox misbehaves
// by itself and needs none of it.
package toxiproxy
