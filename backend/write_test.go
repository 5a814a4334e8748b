package backend

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"
)

// SaveConnection writes a whole connection, credential and all.
func (e *Engine) SaveConnection(ctx context.Context, s logical.Storage, name string, c *Connection, o SaveOptions) error {
	o.Credential = true
	return e.ChangeConnection(ctx, s, name, func(stored *Connection) (SaveOptions, error) {
		*stored = *c
		return o, nil
	})
}

// SaveRole writes a whole role.
func (e *Engine) SaveRole(ctx context.Context, s logical.Storage, name string, r *Role) error {
	return e.ChangeRole(ctx, s, name, func(stored *Role) error {
		*stored = *r
		return nil
	})
}

// SaveStaticRole writes a whole static role.
func (e *Engine) SaveStaticRole(ctx context.Context, s logical.Storage, name string, r *StaticRole) error {
	return e.ChangeStaticRole(ctx, s, name, func(stored *StaticRole) error {
		*stored = *r
		return nil
	})
}
