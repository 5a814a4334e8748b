package memnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// InBubble has a test run beside others and in a time of its own, which leaps ahead
// whenever all there is waits: a request that hangs costs nothing, and a machine that is
// slow does not look like a provider that is.
func InBubble(test func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, test)
	}
}

// Network is a number of addresses at which servers can be reached. The zero value
// has none.
type Network struct {
	mu    sync.Mutex
	hosts map[string]*host // by address
}

// Serve starts a server at an address of its own; its URL says which. Close it
// within the bubble that began it.
func (n *Network) Serve(handler http.Handler) *httptest.Server {
	server := &httptest.Server{Listener: n.listen(), Config: &http.Server{Handler: handler}}
	server.Start()
	return server
}

// Dial connects to a server of the network, and outside a bubble to any other
// address as well. The error of a server that is closed is a refused connection.
func (n *Network) Dial(ctx context.Context, kind, address string) (net.Conn, error) {
	n.mu.Lock()
	h := n.hosts[address]
	n.mu.Unlock()
	if h == nil {
		return dialOutside(ctx, kind, address)
	}
	ours, theirs := net.Pipe()
	select {
	case h.calls <- theirs:
		return ours, nil
	case <-h.closed:
		return nil, &net.OpError{Op: "dial", Net: kind, Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *Network) listen() *host {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts == nil {
		n.hosts = map[string]*host{}
	}
	h := &host{address: fmt.Sprintf("127.0.0.1:%d", 8000+len(n.hosts)), calls: make(chan net.Conn), closed: make(chan struct{})}
	n.hosts[h.address] = h
	return h
}

func dialOutside(ctx context.Context, kind, address string) (net.Conn, error) {
	if time.Now().Year() == 2000 { // as in every bubble
		return nil, errors.New("serve the provider with Network.Serve: in a bubble no time passes while a socket is waited for")
	}
	return new(net.Dialer).DialContext(ctx, kind, address)
}

// host is one server's address, as a net.Listener and a net.Addr.
type host struct {
	address string
	calls   chan net.Conn
	closed  chan struct{}
	close   sync.Once
}

func (h *host) Accept() (net.Conn, error) {
	select {
	case conn := <-h.calls:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *host) Close() error {
	h.close.Do(func() { close(h.closed) })
	return nil
}

func (h *host) Addr() net.Addr  { return h }
func (h *host) Network() string { return "tcp" }
func (h *host) String() string  { return h.address }
