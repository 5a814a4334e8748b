package backend

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/providers"
)

// lastUsedPatience bounds how long somebody who looks a key up waits for its provider.
const lastUsedPatience = 10 * time.Second

// LastUsed asks the provider when a key was last used. The time is zero where it says that
// it never was; told is false where it says neither, or does not list the key. An error
// means that it could not be asked.
func (e *Engine) LastUsed(ctx context.Context, s logical.Storage, r *ledger.Record) (at time.Time, told bool, err error) {
	bound, release, err := e.boundFor(ctx, s, r.Origin())
	if err != nil {
		return time.Time{}, false, err
	}
	defer release()
	if !bound.definition.Capabilities.LastUsed {
		return time.Time{}, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lastUsedPatience)
	defer cancel()
	found, err := bound.client.Find(ctx, r.HandleScope(bound.definition), providers.Look{Name: r.Handle.Name, ID: r.Handle.ID, Once: true})
	if err != nil {
		return time.Time{}, false, fmt.Errorf("asking %s when key %s was last used: %w", bound.definition.Title, r.Handle.Name, err)
	}
	for _, listed := range found.Keys {
		if listed.Handle.ID == r.Handle.ID {
			return listed.LastUsedAt, listed.TellsUse(), nil
		}
	}
	return time.Time{}, false, nil
}
