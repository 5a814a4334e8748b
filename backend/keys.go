package backend

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
)

// longestPage bounds how many keys one answer lists.
const longestPage = 1000

// Keys lists at most limit records (1000 when it is 0 or more) in order of id,
// beginning with the first id that comes after a text, which need be no id: those of a
// connection, or all where none is named.
func (e *Engine) Keys(ctx context.Context, s logical.Storage, after, connection string, limit int) ([]*ledger.Record, error) {
	if limit <= 0 || limit > longestPage {
		limit = longestPage
	}
	return e.books.ledger.Page(ctx, s, after, connection, limit)
}

// Key reads one record; nil when no such key is alive.
func (e *Engine) Key(ctx context.Context, s logical.Storage, id string) (*ledger.Record, error) {
	return ledger.Get(ctx, s, id)
}
