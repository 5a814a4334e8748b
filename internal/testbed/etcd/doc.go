// Package etcd runs a real etcd on loopback that wants to know its users. What
// keys do there is asked in test/acceptance, not here.
package etcd
