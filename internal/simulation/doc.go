// Package simulation plays whole lives of the engine: a Vault that fails over,
// crashes and loses writes, a provider that can do everything that a real one
// does to us, and operators, all drawn from one seed and played in virtual time.
// The engine is the real one, as paths.Factory makes it; nothing inside it is
// replaced. After every step the promises of promises.go are checked.
//
// A life that breaks one is shrunk to the shortest history that still does, and
// can be played again by its seed: every actor draws from a stream of its own
// (seed, actor, step), so leaving out one event changes no other's chance.
//
// The files, from the bottom: chance.go, traits.go and life.go (what is drawn),
// disk.go (storage), definition.go (the world's own definitions), catalog.go, lessons.go,
// learned.go and dialect.go (those of the catalog: in which words what is said; most is read
// from the exchanges beside the definitions), provider.go (the provider), network.go,
// vault.go (nodes, leases), operator.go, changes.go, nameless.go, given.go and faults.go (what happens), world.go
// (a life being played), promises.go and invariants.go, shrink.go, readable.go.
package simulation
