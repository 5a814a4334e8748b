// Package bench measures what the engine costs, in time and as its ledger grows.
// Nothing of it is a part of the engine, or runs in its tests: `make bench` alone
// builds it, with the tag bench.
//
//   - driver starts a real Vault, loads it in rounds that take turns, and writes
//     docs/benchmarks. The stand-ins for providers run in its process.
//   - handwritten is what the engine is held against: a plugin for one provider,
//     which makes one request and one write to storage for each key.
//   - engine is the engine as Vault runs it, and beside it an endpoint that fills
//     the ledger and the queue faster than keys can be minted.
//
// What is measured on a machine that does other work too says little by itself.
// The ratios within one run count.
package bench
