package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// listings notes what is listed.
type listings struct {
	logical.Storage
	prefixes []string
}

func (l *listings) List(ctx context.Context, prefix string) ([]string, error) {
	l.prefixes = append(l.prefixes, prefix)
	return l.Storage.List(ctx, prefix)
}

// TestLongLedgerIsNotListedAsAWhole, and is read to its end all the same, as a short one is.
func TestLongLedgerIsNotListedAsAWhole(t *testing.T) {
	for name, test := range map[string]struct {
		inFirst int // records of the first shard
		whole   bool
	}{
		"long":  {longLedger/Shards + 1, false},
		"short": {1, true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, s := context.Background(), &listings{Storage: &logical.InmemStorage{}}
			newLedger := func() *Ledger {
				return New(time.Now, func(r *Record) time.Time { return r.Deadline }, func(*Record) []uint32 { return nil })
			}
			ids := []string{"a1" + strings.Repeat("0", 30), "ff" + strings.Repeat("0", 30)}
			for n := range test.inFirst {
				ids = append(ids, fmt.Sprintf("00%030x", n))
			}
			for _, id := range ids {
				if err := newLedger().Write(ctx, s, &Record{ID: id, Connection: "box", Handle: providers.Handle{Name: "key"}}); err != nil {
					t.Fatal(err)
				}
			}
			reader := newLedger()
			if err := reader.Read(ctx, s, len(ids)+1); err != nil {
				t.Fatal(err)
			}
			if got := reader.ByConnection()["box"]; got != len(ids) || !reader.IsListed() {
				t.Errorf("%d records are known, want %d", got, len(ids))
			}
			if whole := slices.Contains(s.prefixes, Prefix); whole != test.whole {
				t.Errorf("the whole was listed: %t", whole)
			}
		})
	}
}
