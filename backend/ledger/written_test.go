package ledger

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// reads counts what is read of storage.
type reads struct {
	logical.Storage
	n int
}

func (r *reads) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	r.n++
	return r.Storage.Get(ctx, key)
}

// newWritten is a ledger at a clock that stands, and how to move that.
func newWritten() (l *Ledger, s *reads, pass func(time.Duration)) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	l = New(clock, func(*Record) time.Time { return now.Add(time.Hour) }, func(*Record) []uint32 { return nil })
	return l, &reads{Storage: &logical.InmemStorage{}}, func(d time.Duration) { now = now.Add(d) }
}

func record(n int) *Record {
	return &Record{ID: fmt.Sprintf("%032x", n), Role: "app", Connection: "box", Handle: providers.Handle{Name: fmt.Sprint("key-", n), ID: "id"}}
}

// TestWrittenIsNotRead: which records storage is asked for, after what was written.
func TestWrittenIsNotRead(t *testing.T) {
	ctx := t.Context()
	const first = 1
	for name, test := range map[string]struct {
		happens func(l *Ledger, s logical.Storage, pass func(time.Duration)) error
		asked   bool
	}{
		"written": {happens: func(l *Ledger, s logical.Storage, _ func(time.Duration)) error { return l.Write(ctx, s, record(first)) }},
		"written some time ago, and others since": {happens: func(l *Ledger, s logical.Storage, pass func(time.Duration)) error {
			err := l.Write(ctx, s, record(first))
			pass(time.Hour)
			return errors.Join(err, l.Write(ctx, s, record(2)))
		}},
		"written some time ago": {happens: func(l *Ledger, s logical.Storage, pass func(time.Duration)) error {
			err := l.Write(ctx, s, record(first))
			pass(2 * tookLately)
			return err
		}, asked: true},
		"with a secret": {happens: func(l *Ledger, s logical.Storage, _ func(time.Duration)) error {
			r := record(first)
			r.Handle.Sealed = true
			return l.Write(ctx, s, r)
		}, asked: true},
		"before many others": {happens: func(l *Ledger, s logical.Storage, _ func(time.Duration)) error {
			for n := range mostWritten + 1 {
				if err := l.Write(ctx, s, record(first+n)); err != nil {
					return err
				}
			}
			return nil
		}, asked: true},
		"before many others, and again": {happens: func(l *Ledger, s logical.Storage, _ func(time.Duration)) error {
			err := l.Write(ctx, s, record(first))
			for n := range mostWritten - 1 {
				err = errors.Join(err, l.Write(ctx, s, record(first+1+n)))
			}
			return errors.Join(err, l.Write(ctx, s, record(first)), l.Write(ctx, s, record(first+mostWritten)))
		}},
		"twice at a time": {happens: func(l *Ledger, s logical.Storage, _ func(time.Duration)) error {
			return l.Write(ctx, &during{Storage: s, put: func() error { return l.Write(ctx, s, record(first)) }}, record(first))
		}, asked: true},
		"given up while it was written": {happens: func(l *Ledger, s logical.Storage, _ func(time.Duration)) error {
			return l.Write(ctx, &during{Storage: s, put: func() error { l.Forget(record(first).ID); return nil }}, record(first))
		}, asked: true},
		"found damaged": {happens: func(l *Ledger, s logical.Storage, _ func(time.Duration)) error {
			err := l.Write(ctx, s, record(first))
			l.Damage(record(first).ID)
			return err
		}, asked: true},
		"found gone": {happens: func(l *Ledger, s logical.Storage, _ func(time.Duration)) error {
			err := l.Write(ctx, s, record(first))
			l.DropDue(record(first).ID, time.Time{})
			return err
		}, asked: true},
	} {
		t.Run(name, func(t *testing.T) {
			l, s, pass := newWritten()
			if err := test.happens(l, s, pass); err != nil {
				t.Fatal(err)
			}
			s.n = 0
			r, err := l.Named(ctx, s, record(first).ID, record(first).Handle.Name)
			if err != nil || r == nil {
				t.Fatalf("found %v, %v", r, err)
			}
			if asked := s.n > 0; asked != test.asked {
				t.Errorf("storage was asked: %t, want %t", asked, test.asked)
			}
		})
	}
}

// during does something in the middle of a write, after storage took it.
type during struct {
	logical.Storage
	put func() error
}

func (d *during) Put(ctx context.Context, entry *logical.StorageEntry) error {
	return errors.Join(d.Storage.Put(ctx, entry), d.put())
}

// TestWrittenIsOfTheName: an id that is another key's by now is not this one's record.
func TestWrittenIsOfTheName(t *testing.T) {
	l, s, _ := newWritten()
	if err := l.Write(t.Context(), s, record(1)); err != nil {
		t.Fatal(err)
	}
	if r, err := l.Named(t.Context(), s, record(1).ID, "another"); r != nil || err != nil {
		t.Errorf("found %v, %v under another name", r, err)
	}
}
