//go:build integration

package acceptance

import (
	"errors"
	"os"
	"strings"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
)

// needs ends the test when a server cannot be had: on a machine that lacks a
// program it is skipped, unless that is one of those that must run every test.
func needs(t *testing.T, server string, err error) {
	t.Helper()
	var missing *build.Missing
	switch {
	case err == nil:
	case errors.As(err, &missing) && os.Getenv("CI") != "true":
		t.Skip(missing)
	default:
		t.Fatalf("starting %s: %v", server, err)
	}
}

// ownNames tells the keys of one test from those of others, at a server that
// keeps all in one place: the test's name begins the names of its keys. The
// engine's own names begin with that of their role already.
type ownNames string

// at is a key's name at the server.
func (o ownNames) at(name string) string {
	if strings.HasPrefix(name, string(o)+"-") {
		return name
	}
	return string(o) + "_" + name
}

// of is a key's name for the test, if it is the test's own.
func (o ownNames) of(name string) (string, bool) {
	if strings.HasPrefix(name, string(o)+"-") {
		return name, true
	}
	return strings.CutPrefix(name, string(o)+"_")
}

// rotates replaces the connection's credential twice. Each time the first one
// must have ended, and the new one must make keys; keys from before live on and
// can be revoked.
func (u *tenant) rotates(firstWorks func() bool) {
	u.t.Helper()
	before := u.mustMint()
	for range 2 {
		u.mustWrite("rotate-root/" + u.name)
		if firstWorks() {
			u.t.Error("the first credential still works")
		}
		u.mustMint()
	}
	u.mustRevoke(before)
	u.isDead(before)
}

// rotatesUnlessHeld replaces a credential with which keys end: not while one is held,
// unless that is meant.
func (u *tenant) rotatesUnlessHeld(firstWorks func() bool) {
	u.t.Helper()
	held := u.mustMint()
	err := u.write("rotate-root/" + u.name)
	if err == nil || !strings.Contains(err.Error(), "1 live key") {
		u.t.Errorf("while a key is held the rotation is answered %v, want it refused for that", err)
	}
	if !firstWorks() || !u.site.alive(u.t, held.token) {
		u.t.Error("a rotation that was refused ended the credential, or the key")
	}
	u.mustWrite("rotate-root/"+u.name, settings{"force": true})
	if firstWorks() {
		u.t.Error("the first credential still works")
	}
	u.isDead(held)
	u.mustRevoke(held)
	u.mustRevoke(u.mustMint())
	u.mustWrite("rotate-root/" + u.name)
	u.mustMint()
}
