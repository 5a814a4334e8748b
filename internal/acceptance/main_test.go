// Package acceptance takes keys through their whole life in a real Vault, at
// real servers that were not written for these tests.
package acceptance

import (
	"flag"
	"os"
	"slices"
	"sync"
	"testing"
)

// atTheEnd stops the servers that outlive the test that started them, the last
// one first.
var (
	atTheEndLock sync.Mutex
	atTheEnd     []func()
)

func doAtTheEnd(stop func()) {
	atTheEndLock.Lock()
	defer atTheEndLock.Unlock()
	atTheEnd = append(atTheEnd, stop)
}

func TestMain(m *testing.M) {
	flag.Parse()
	// These tests wait for servers more than they compute.
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		parallel.Value.Set("6")
	}
	code := m.Run()
	for _, stop := range slices.Backward(atTheEnd) {
		stop()
	}
	os.Exit(code)
}
