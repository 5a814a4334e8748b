// Package acceptance takes keys through their whole life in a real Vault, at
// real servers that were not written for these tests.
package acceptance

import (
	"flag"
	"os"
	"testing"
)

// atTheEnd stops the servers that outlive the test that started them.
var atTheEnd []func()

func TestMain(m *testing.M) {
	flag.Parse()
	// These tests wait for servers more than they compute.
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		parallel.Value.Set("6")
	}
	code := m.Run()
	for _, stop := range atTheEnd {
		stop()
	}
	os.Exit(code)
}
