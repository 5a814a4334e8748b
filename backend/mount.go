package backend

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
)

// mount reads the mount's identity, making it at the first call.
func (e *Engine) mount(ctx context.Context, s logical.Storage) (*ledger.Mount, error) {
	e.books.identity.mu.Lock()
	defer e.books.identity.mu.Unlock()
	if e.books.identity.mount != nil {
		return e.books.identity.mount, nil
	}
	found, err := ledger.OpenMount(ctx, s)
	if err == nil {
		e.books.identity.mount = found
	}
	return found, err
}
