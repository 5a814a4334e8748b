package backend

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"
)

// mount reads the mount's identity, making it at the first call.
func (e *Engine) mount(ctx context.Context, s logical.Storage) (*mount, error) {
	e.identity.mu.Lock()
	defer e.identity.mu.Unlock()
	if e.identity.mount != nil {
		return e.identity.mount, nil
	}
	found, err := openMount(ctx, s)
	if err == nil {
		e.identity.mount = found
	}
	return found, err
}
