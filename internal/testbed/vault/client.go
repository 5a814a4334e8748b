package vault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-cleanhttp"
	"github.com/hashicorp/vault/api"
)

// Client returns a client with the token, to the active node: when another
// node takes over, the client's next request goes there. No request is sent
// twice, so that a caller sees every failure.
func (c *Cluster) Client(token string) (*api.Client, error) {
	return newClient(c.Nodes[0].Addr, token, &followActive{cluster: c, base: cleanhttp.DefaultPooledTransport()})
}

// Client returns a client with the token to this node alone.
func (n *Node) Client(token string) (*api.Client, error) {
	return newClient(n.Addr, token, nil)
}

// newClient makes a client that neither retries nor takes settings from the
// environment.
func newClient(addr, token string, transport http.RoundTripper) (*api.Client, error) {
	config := api.DefaultConfig()
	if config.Error != nil {
		return nil, fmt.Errorf("the VAULT_ variables of the environment: %w", config.Error)
	}
	config.Address = addr
	config.MaxRetries = 0
	if transport != nil {
		config.HttpClient.Transport = transport
	}
	client, err := api.NewClient(config)
	if err != nil {
		return nil, err
	}
	client.ClearNamespace()
	client.SetToken(token)
	return client, nil
}

// followActive sends each request to the node that was last known to be
// active, and looks for it anew after a failure.
type followActive struct {
	cluster *Cluster
	base    http.RoundTripper

	mu   sync.Mutex
	addr string // host and port; "" when not known
}

func (f *followActive) RoundTrip(req *http.Request) (*http.Response, error) {
	addr, err := f.active(req.Context())
	if err != nil {
		return nil, err
	}
	there := req.Clone(req.Context())
	there.URL.Host, there.Host = addr, addr
	resp, err := f.base.RoundTrip(there)
	if err != nil || resp.StatusCode >= http.StatusInternalServerError {
		f.forget(addr)
	}
	return resp, err
}

func (f *followActive) active(ctx context.Context) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.addr != "" {
		return f.addr, nil
	}
	node := f.cluster.active(ctx)
	if node == nil {
		return "", errors.New("no node is active")
	}
	f.addr = host(node.Addr)
	return f.addr, nil
}

func (f *followActive) forget(addr string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.addr == addr {
		f.addr = ""
	}
}

const (
	// patience bounds every wait for a node; a loaded machine with two cores
	// needs a few seconds for most.
	patience = 90 * time.Second
	// pause is between two looks at a condition.
	pause = 50 * time.Millisecond
)

// until calls try until it returns nil, and fails with its last error when
// ctx or patience ends, or at once when the error is a final one.
func until(ctx context.Context, what string, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		if stop := (finalError{}); errors.As(err, &stop) {
			return stop.error
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, err)
		case <-time.After(pause):
		}
	}
}

// finalError is one that waiting cannot mend.
type finalError struct{ error }

func final(err error) error { return finalError{err} }
