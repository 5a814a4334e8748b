package acceptance

import (
	"context"
	"io"
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

// started gets a server for all tests of this binary: it is found, started with a
// folder of its own, and ended after the last test.
func started[S interface{ Close() }](name string, find func(context.Context, io.Writer) (string, error), start func(path, dir string) (S, error)) (S, error) {
	var none S
	path, err := find(context.Background(), os.Stderr)
	if err != nil {
		return none, err
	}
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		return none, err
	}
	doAtTheEnd(func() { os.RemoveAll(dir) })
	server, err := start(path, dir)
	if err != nil {
		return none, err
	}
	doAtTheEnd(server.Close)
	return server, nil
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, stop := range slices.Backward(atTheEnd) {
		stop()
	}
	os.Exit(code)
}
