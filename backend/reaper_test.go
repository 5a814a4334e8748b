package backend

import (
	"context"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
)

// TestUnreadableRecordHoldsUpNobody: a record that cannot be read, in each part
// of the ledger, is told of; the keys beside it are revoked at their deadline.
func TestUnreadableRecordHoldsUpNobody(t *testing.T) {
	w := newWorld(t)
	const keys = 20
	for range keys {
		w.mustMint("app")
	}
	for shard := range ledger.Shards {
		name := ledger.ShardName(shard)
		for _, prefix := range []string{ledger.Prefix, ledger.SealedPrefix} {
			broken := &logical.StorageEntry{Key: prefix + name + "/" + name + "000000000000000000000000000000", Value: []byte("{broken")}
			w.must(w.storage.Put(context.Background(), broken))
		}
	}
	w.advance(testTTL + w.longestMint("box") + deadlineMargin) // and Vault asks for nothing
	w.turn()
	w.turn()
	if alive := w.alive(); len(alive) != 0 {
		t.Errorf("%d of %d keys are alive after their deadline", len(alive), keys)
	}
	if told := w.process.books.ledger.Unreadable(); len(told) != ledger.Shards {
		t.Errorf("%d of %d records that cannot be read are told of", len(told), ledger.Shards)
	}
}
