package backend

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// The ledger is the engine's own record of every key that is alive. Records
// that carry secret values lie under sealedLedgerPrefix, which is seal-wrapped.
const (
	ledgerPrefix       = "ledger/"
	sealedLedgerPrefix = "sealed-ledger/"
	ledgerShards       = 256
	recordIDLength     = 32 // 128 bits in hexadecimal
	// sameValuePrefix holds, under the id that a value gives, the ids of the records
	// of further keys with that value.
	sameValuePrefix = "same-value/"
)

// ledger is the records in storage. The functions that need no more than that
// take the storage alone.
type ledger struct {
	// entering keeps two keys with the same value from one id.
	entering keyedLocks
}

func newLedger() *ledger { return &ledger{entering: newKeyedLocks()} }

// Record is one live key: who holds it, until when, and what revoking it needs.
type Record struct {
	ID string `json:"-"`
	// ValueID is the id that the key's value gives, where another key with that
	// value had it when this one was made; empty where it is the ID.
	ValueID    string `json:"value_id,omitempty"`
	Role       string `json:"role"`
	Connection string `json:"connection"`
	Provider   string `json:"provider"`
	// Definition, BaseURL and Account are the rest of the key's origin; each is
	// empty where an earlier version of the engine did not note it.
	Definition string           `json:"definition,omitempty"`
	BaseURL    string           `json:"base_url,omitempty"`
	Account    string           `json:"account,omitempty"`
	Handle     providers.Handle `json:"handle"`
	Scope      providers.Scope  `json:"scope"`
	IssuedAt   time.Time        `json:"issued_at"`
	// Deadline is the end of the lease as it now stands plus a margin; after it
	// the engine revokes the key, lease or no lease.
	Deadline time.Time `json:"deadline"`
	// DeadlineSet is when the deadline was set by a renewal, by the same clock;
	// zero where it counts from the issue.
	DeadlineSet time.Time `json:"deadline_set,omitzero"`
	// ExpiresAt is the provider's own end of the key; zero where it has none.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// AskedUntil is the latest end to which the provider was ever asked to extend
	// the key, whatever came of that; zero where it was not.
	AskedUntil       time.Time `json:"asked_until,omitzero"`
	VerifyRevocation bool      `json:"verify_revocation,omitempty"`
	// StaticRole holds the key instead of a lease; empty for leased keys.
	StaticRole string `json:"static_role,omitempty"`
	// Kept says that StaticRole was deleted and its key was to live on: nobody but
	// an operator revokes it.
	Kept bool `json:"kept,omitempty"`

	// unrecorded says that this is no record of the ledger: it is made up of what a
	// lease tells, where the ledger has none.
	unrecorded bool

	EntityID    string `json:"entity_id,omitempty"`
	DisplayName string `json:"display_name,omitempty"`
	RequestID   string `json:"request_id,omitempty"`
	RemoteAddr  string `json:"remote_addr,omitempty"`
}

func (r *Record) path() string {
	if r.Handle.Sealed {
		return sealedLedgerPrefix + shardOf(r.ID) + "/" + r.ID
	}
	return ledgerPrefix + shardOf(r.ID) + "/" + r.ID
}

func shardOf(id string) string { return id[:2] }

func shardName(n int) string { return fmt.Sprintf("%02x", n) }

// recordID is made of the key's own value, so that a leaked key is found in one
// read, and with the mount's salt, so that the ledger betrays no value.
//
// Two keys may have one value, as where the first field that a reader gets is a
// user name. The one that comes second gets an id of its own, made of its name
// too, and is noted under the first one's: whoever holds a value is found by one
// read and one listing, which is of nothing but for such keys. An id whose key is
// gone may be another key's later, so what keeps an id keeps the key's name too.
func (m *mount) recordID(keyValue string) string {
	mac := hmac.New(sha256.New, m.Salt)
	mac.Write([]byte(keyValue))
	return hex.EncodeToString(mac.Sum(nil))[:recordIDLength]
}

func isRecordID(id string) bool {
	_, err := hex.DecodeString(id)
	return err == nil && len(id) == recordIDLength
}

// enter writes the record of a new key, with an id that no other has. It is
// the one write that a mint costs.
func (l *ledger) enter(ctx context.Context, s logical.Storage, m *mount, r *Record, keyValue string) error {
	r.ID = m.recordID(keyValue)
	unlock, err := l.entering.lock(ctx, r.ID)
	if err != nil {
		return err
	}
	defer unlock()
	other, err := record(ctx, s, r.ID)
	if err != nil && !errors.Is(err, errUnreadable) {
		return fmt.Errorf("looking for another key with the same value: %w", err)
	}
	if err == nil && other == nil {
		return putRecord(ctx, s, r)
	}
	r.ValueID, r.ID = r.ID, m.recordID(keyValue+"\x00"+r.Handle.Name)
	// The note first, so that no crash leaves a key that its value does not lead to.
	if err := write(ctx, s, r.sameValuePath(), struct{}{}); err != nil {
		return fmt.Errorf("noting a further key with the same value: %w", err)
	}
	return putRecord(ctx, s, r)
}

func (r *Record) sameValuePath() string { return sameValuePrefix + r.ValueID + "/" + r.ID }

// recordsOfValue are the records of the living keys with this value, oldest first.
func recordsOfValue(ctx context.Context, s logical.Storage, m *mount, keyValue string) ([]*Record, error) {
	first := m.recordID(keyValue)
	further, err := s.List(ctx, sameValuePrefix+first+"/")
	if err != nil {
		return nil, fmt.Errorf("listing the keys with the same value: %w", err)
	}
	var found []*Record
	var broken error
	for _, id := range append([]string{first}, further...) {
		r, err := record(ctx, s, id)
		if err := unlessUnreadable(err, &broken); err != nil {
			return nil, err
		}
		if r != nil {
			found = append(found, r)
		}
	}
	if len(found) == 0 && broken != nil {
		return nil, broken
	}
	slices.SortStableFunc(found, func(a, b *Record) int { return a.IssuedAt.Compare(b.IssuedAt) })
	return found, nil
}

// sweepSameValues drops the notes that a crash left of keys that are gone.
func (l *ledger) sweepSameValues(ctx context.Context, s logical.Storage) error {
	values, err := s.List(ctx, sameValuePrefix)
	if err != nil {
		return fmt.Errorf("listing the values that several keys have: %w", err)
	}
	for _, value := range values {
		if err := l.sweepSameValue(ctx, s, strings.TrimSuffix(value, "/")); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) sweepSameValue(ctx context.Context, s logical.Storage, valueID string) error {
	unlock, err := l.entering.lock(ctx, valueID)
	if err != nil {
		return err
	}
	defer unlock()
	ids, err := s.List(ctx, sameValuePrefix+valueID+"/")
	if err != nil {
		return fmt.Errorf("listing the keys with the same value: %w", err)
	}
	for _, id := range ids {
		r, err := record(ctx, s, id)
		if err == nil && r == nil {
			err = s.Delete(ctx, sameValuePrefix+valueID+"/"+id)
		}
		if err != nil && !errors.Is(err, errUnreadable) {
			return fmt.Errorf("forgetting a key with the same value as another: %w", err)
		}
	}
	return nil
}

func putRecord(ctx context.Context, s logical.Storage, r *Record) error {
	if err := write(ctx, s, r.path(), r); err != nil {
		return fmt.Errorf("writing the ledger: %w", err)
	}
	return nil
}

// recordNamed reads the record of the key with this name; nil when there is none,
// or when the id is another key's by now. No name stands for whatever key has it.
func recordNamed(ctx context.Context, s logical.Storage, id, name string) (*Record, error) {
	r, err := record(ctx, s, id)
	if err != nil || r == nil || name != "" && r.Handle.Name != name {
		return nil, err
	}
	return r, nil
}

// record reads one ledger record; nil when there is none.
func record(ctx context.Context, s logical.Storage, id string) (*Record, error) {
	if !isRecordID(id) {
		return nil, nil
	}
	for _, prefix := range []string{ledgerPrefix, sealedLedgerPrefix} {
		r, err := read[Record](ctx, s, prefix+shardOf(id)+"/"+id)
		if err != nil {
			return nil, err
		}
		if r != nil {
			r.ID = id
			return r, nil
		}
	}
	return nil, nil
}

func dropRecord(ctx context.Context, s logical.Storage, r *Record) error {
	if err := s.Delete(ctx, r.path()); err != nil {
		return fmt.Errorf("removing a revoked key from the ledger: %w", err)
	}
	if r.ValueID == "" {
		return nil
	}
	if err := s.Delete(ctx, r.sameValuePath()); err != nil {
		return fmt.Errorf("forgetting a key with the same value as another: %w", err)
	}
	return nil
}

// recordsInShard yields every record of one shard, in order of id. Beside an error
// of reading one record it yields a Record with nothing but its id; nil beside
// any other error.
func recordsInShard(ctx context.Context, s logical.Storage, shard string) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		for _, prefix := range []string{ledgerPrefix, sealedLedgerPrefix} {
			ids, err := s.List(ctx, prefix+shard+"/")
			if err != nil {
				yield(nil, fmt.Errorf("listing the ledger: %w", err))
				return
			}
			for _, id := range ids {
				r, err := read[Record](ctx, s, prefix+shard+"/"+id)
				if err == nil && r == nil {
					continue // revoked since it was listed
				}
				if r == nil {
					r = &Record{} // of one that cannot be read, the id is known
				}
				r.ID = id
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

// records yields the whole ledger. It reads every record: for operators'
// requests and after a crash, never on the way of a mint.
func records(ctx context.Context, s logical.Storage) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		shards, err := shardsInUse(ctx, s)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, shard := range shards {
			for r, err := range recordsInShard(ctx, s, shard) {
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

// shardsInUse lists the shards that hold records, in order.
func shardsInUse(ctx context.Context, s logical.Storage) ([]string, error) {
	var shards []string
	for _, prefix := range []string{ledgerPrefix, sealedLedgerPrefix} {
		folders, err := s.List(ctx, prefix)
		if err != nil {
			return nil, fmt.Errorf("listing the ledger: %w", err)
		}
		for _, folder := range folders {
			shards = append(shards, strings.TrimSuffix(folder, "/"))
		}
	}
	slices.Sort(shards)
	return slices.Compact(shards), nil
}

// liveKeys counts a connection's records in the ledger, those of keys that were
// kept among them: without the connection they could not be revoked either.
func liveKeys(ctx context.Context, s logical.Storage, connection string) (int, error) {
	live := 0
	for r, err := range records(ctx, s) {
		if err != nil {
			return 0, err
		}
		if r.Connection == connection {
			live++
		}
	}
	return live, nil
}
