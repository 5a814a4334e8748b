package ledger

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
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

// TestLongLedgerIsNotListedAsAWhole, and is read to its end all the same, as a short one
// is of which the first shard holds nothing.
func TestLongLedgerIsNotListedAsAWhole(t *testing.T) {
	for name, test := range map[string]struct {
		first string
		whole bool
	}{
		"long":  {"00", false},
		"short": {"a0", true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, s := context.Background(), &listings{Storage: &logical.InmemStorage{}}
			writer := New(func(r *Record) time.Time { return r.Deadline }, func(*Record) uint32 { return 0 })
			for _, shard := range []string{test.first, "a1", "ff"} {
				r := &Record{ID: shard + "0123456789abcdef0123456789abcd", Connection: "box"}
				if err := writer.Write(ctx, s, r); err != nil {
					t.Fatal(err)
				}
			}
			reader := New(func(r *Record) time.Time { return r.Deadline }, func(*Record) uint32 { return 0 })
			if err := reader.Read(ctx, s, 100); err != nil {
				t.Fatal(err)
			}
			if got := reader.ByConnection()["box"]; got != 3 || !reader.IsListed() {
				t.Errorf("%d records are known, want 3", got)
			}
			if whole := slices.Contains(s.prefixes, Prefix); whole != test.whole {
				t.Errorf("the whole was listed: %t", whole)
			}
		})
	}
}
