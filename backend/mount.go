package backend

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"
)

// mountPath is seal-wrapped: the salt would let its holder test key values
// against the ledger.
const mountPath = "mount"

// mount is what this mount was born with.
type mount struct {
	// Tag marks the names of the mount's keys at every provider.
	Tag string `json:"tag"`
	// Salt keys the ledger's ids.
	Salt []byte `json:"salt"`
}

// mount reads the mount's identity, making it at the first call.
func (e *Engine) mount(ctx context.Context, s logical.Storage) (*mount, error) {
	e.identity.mu.Lock()
	defer e.identity.mu.Unlock()
	if e.identity.mount != nil {
		return e.identity.mount, nil
	}
	stored, err := read[mount](ctx, s, mountPath)
	if err != nil {
		return nil, err
	}
	if stored == nil {
		stored = &mount{Tag: randomBase36(tagLength), Salt: make([]byte, 32)}
		if _, err := rand.Read(stored.Salt); err != nil {
			return nil, fmt.Errorf("making the mount's salt: %w", err)
		}
		if err := write(ctx, s, mountPath, stored); err != nil {
			return nil, fmt.Errorf("storing the mount's identity: %w", err)
		}
	}
	e.identity.mount = stored
	return stored, nil
}
