package queue

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/stored"
)

// lists counts how often storage was listed.
type lists struct {
	logical.Storage
	n int
}

func (l *lists) List(ctx context.Context, prefix string) ([]string, error) {
	l.n++
	return l.Storage.List(ctx, prefix)
}

// TestDefinitionsInUse: entries on disk count too until the memory has all of them for
// certain; then the disk is not gone through.
func TestDefinitionsInUse(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		happens func(l *line, s logical.Storage) error
		want    map[string]bool
		listed  bool
		fails   bool
	}{
		"before it was listed once more": {happens: func(l *line, s logical.Storage) error {
			return stored.Write(ctx, s, Prefix+"late", Entry{Kind: CleanUp, Connection: "box", Provider: "sandbox", Definition: "late"})
		}, want: map[string]bool{"one": true, "late": true}, listed: true},
		"after that": {happens: func(l *line, s logical.Storage) error {
			err := l.Load(ctx, s)
			l.Settle()
			return err
		}, want: map[string]bool{"one": true}},
		"after that, an entry being unreadable": {happens: func(l *line, s logical.Storage) error {
			err := s.Put(ctx, &logical.StorageEntry{Key: Prefix + "broken", Value: []byte("{")})
			_ = l.Load(ctx, s) // which tells of it
			l.Settle()
			return err
		}, want: map[string]bool{}, listed: true, fails: true},
		"after that, while it is being read": {happens: func(l *line, s logical.Storage) error {
			for n := range readAtStart + 10 {
				if err := stored.Write(ctx, s, Prefix+fmt.Sprint("more-", n), Entry{Kind: CleanUp, Connection: "box", Provider: "sandbox", Definition: "more"}); err != nil {
					return err
				}
			}
			err := l.Load(ctx, s)
			l.Settle()
			return err
		}, want: map[string]bool{"one": true, "more": true}, listed: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			l.add(Entry{ID: "one", Kind: CleanUp, Connection: "box", Provider: "sandbox", Definition: "one"})
			s := &lists{Storage: l.storage}
			if err := test.happens(l, s); err != nil {
				t.Fatal(err)
			}
			s.n = 0
			got := map[string]bool{}
			err := l.DefinitionsInUse(ctx, s, got, "sandbox")
			if (err != nil) != test.fails || !maps.Equal(got, test.want) || (s.n > 0) != test.listed {
				t.Errorf("%v are in use (%v), listed %d times; want %v, listed: %t, failing: %t", got, err, s.n, test.want, test.listed, test.fails)
			}
		})
	}
}
