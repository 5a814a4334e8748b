package ledger

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"

	"vault-plugin-secrets-apikeys/backend/stored"
)

// TestAfterAnyText: a list goes on behind whatever it is told, which need be no id, both
// in storage and in the index.
func TestAfterAnyText(t *testing.T) {
	ctx, s := context.Background(), &logical.InmemStorage{}
	i := newIndex(func(*Record) time.Time { return time.Time{} }, eachItsOwn())
	var ids []string
	for n := range 3 * Shards {
		r := &Record{ID: fmt.Sprintf("%02x%030x", n%Shards, n), Connection: "box", Handle: providers.Handle{Name: "key"}}
		if err := stored.Write(ctx, s, r.Path(), r); err != nil {
			t.Fatal(err)
		}
		i.put(r)
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	for _, after := range []string{"", "8", "80", "7f", "800", ids[0], ids[300], ids[len(ids)-1], ids[300] + "-", "!", "x", "ff", "FF", "ä", "7z"} {
		want := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id <= after })
		var stored []string
		for r, err := range After(ctx, s, after) {
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, r.ID)
		}
		var indexed []string
		for n := range Shards {
			for some := i.inShard(n, after, "", 2); len(some) > 0; some = i.inShard(n, some[len(some)-1], "", 2) {
				indexed = append(indexed, some...)
			}
		}
		if !slices.Equal(stored, want) || !slices.Equal(indexed, want) {
			t.Errorf("after %q storage has %d and the index %d, want %d", after, len(stored), len(indexed), len(want))
		}
	}
}
