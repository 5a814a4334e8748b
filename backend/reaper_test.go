package backend

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/usererror"
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

// TestDamagedRecordIsGivenUp: a record that shows nothing of its key keeps the engine
// from removing what nobody holds, and a connection from going, until an operator
// gives it up; whatever waits for it goes too. One that can be read stays.
func TestDamagedRecordIsGivenUp(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	lease := w.mustMint("app")
	held := w.recordOf(lease)
	lost, damaged := w.mustMint("app"), w.mustMint("app")
	orphan, broken := w.dataOf(lost).KeyName, w.dataOf(damaged).RecordID
	w.dropRecordOf(lost)
	w.damageRecordOf(damaged, func(string) string { return "{" })
	w.advance(2 * listLag)
	w.must(w.process.books.queue.Add(ctx, w.storage, queue.Entry{ID: broken, Kind: queue.Revoke, Connection: "box"}, false))
	revoke := func() *ReconcileReport {
		report, err := w.process.Reconcile(ctx, w.storage, "box", ReconcileOptions{Delete: true})
		w.must(err)
		return report
	}
	if revoke(); !w.alive()[orphan] {
		t.Fatal("an orphan was revoked that may be the key of the damaged record")
	}
	var mend *usererror.Error
	if err := w.process.DeleteConnection(ctx, w.storage, "box", SaveOptions{}); !errors.As(err, &mend) || !strings.Contains(err.Error(), broken) || !strings.Contains(err.Error(), "give-up") {
		t.Errorf("deleting the connection: %v", err)
	}
	for id, refused := range map[string]bool{"no id": true, held.ID: true, "cd" + held.ID[2:]: true, broken: false} {
		if err := w.process.GiveUpDamaged(ctx, w.request(logical.UpdateOperation, "keys"), id, false); errors.As(err, &mend) != refused || err != nil && !refused {
			t.Errorf("giving up %q: %v", id, err)
		}
	}
	if w.process.QueueEntry(broken) != nil || w.recordOf(lease) == nil {
		t.Error("what waits for the damaged record stays, or another record went")
	}
	if revoke(); w.alive()[orphan] {
		t.Error("the orphan is alive after the damaged record was given up")
	}
	w.must(w.revoke(lease))
}

// TestRecordOfALaterVersion is no damaged one: it holds its key, whether or not this
// version can decode it, and goes only where an operator says that he means that.
func TestRecordOfALaterVersion(t *testing.T) {
	ctx := context.Background()
	for name, write := range map[string]func(text string) string{
		"that can be decoded":    func(text string) string { return `{"format":1,` + text[1:] },
		"that cannot be decoded": func(string) string { return `{"format":1,"role":["app"]}` },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			lease := w.mustMint("app")
			id := w.dataOf(lease).RecordID
			before := w.stored(ledger.Prefix)
			w.damageRecordOf(lease, write)
			w.turn()
			if err := w.renew(lease, time.Hour); err == nil {
				t.Error("it is written anew, without what the later version has noted")
			}
			request := w.request(logical.UpdateOperation, "keys/"+id+"/give-up")
			var mend *usererror.Error
			if err := w.process.GiveUpDamaged(ctx, request, id, false); !errors.As(err, &mend) || !strings.Contains(err.Error(), "force=true") {
				t.Errorf("giving it up: %v", err)
			}
			w.must(w.process.books.queue.Add(ctx, w.storage, queue.Entry{ID: id, Kind: queue.Revoke, Connection: "box", KeyName: w.dataOf(lease).KeyName}, false))
			if err := w.process.GiveUp(ctx, request, id); !errors.As(err, &mend) || !strings.Contains(err.Error(), "force=true") {
				t.Errorf("giving up its revocation: %v", err)
			}
			if left := w.stored(ledger.Prefix); !slices.Equal(left, before) {
				t.Fatalf("in the ledger are %v", left)
			}
			w.must(w.process.GiveUpDamaged(ctx, request, id, true))
			if left := w.stored(ledger.Prefix); len(left) > 0 {
				t.Errorf("in the ledger are %v", left)
			}
		})
	}
}
