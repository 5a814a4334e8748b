package ledger

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyed"
	"vault-plugin-secrets-apikeys/backend/stored"
)

// The ledger is the engine's own record of every key that is alive. Records
// that carry secret values lie under sealedLedgerPrefix, which is seal-wrapped.
const (
	Prefix       = "ledger/"
	SealedPrefix = "sealed-ledger/"
	Shards       = 256
	IDLength     = 32 // 128 bits in hexadecimal
	// SameValuePrefix holds, under the id that a value gives, the ids of the records
	// of further keys with that value.
	SameValuePrefix = "same-value/"
)

// Ledger is the records in storage. The functions that need no more than that
// take the storage alone.
type Ledger struct {
	// entering keeps two keys with the same value from one id.
	entering keyed.Locks
	// estimate is about how many records lay in storage when that was first asked, and
	// one more; 0 before.
	estimate atomic.Int64
	now      func() time.Time
	*index
}

// New is the ledger of which nothing is known yet. now is a clock that nobody sets,
// dueAt is when a record is to be looked at, and targetsOf stands for what revoking its
// key removes; none for nothing that another key's revocation could remove, too.
func New(now func() time.Time, dueAt func(*Record) time.Time, targetsOf func(*Record) []uint32) *Ledger {
	return &Ledger{entering: keyed.New(), now: now, index: newIndex(dueAt, targetsOf)}
}

// ShardOf is the shard of the record with this id.
func ShardOf(id string) string { return id[:2] }

// ShardName is the name of a shard, counted from 0 to Shards-1.
func ShardName(n int) string { return fmt.Sprintf("%02x", n) }

// IsID reports whether the text may be a record's id.
func IsID(id string) bool {
	_, err := hex.DecodeString(id)
	return err == nil && len(id) == IDLength
}

// Add writes the record of a new key, with an id that no other has. It is
// the one write that a mint costs.
func (l *Ledger) Add(ctx context.Context, s logical.Storage, m *Mount, r *Record, keyValue string) error {
	r.ID = m.RecordID(keyValue)
	unlock, err := l.entering.Lock(ctx, r.ID)
	if err != nil {
		return err
	}
	defer unlock()
	taken, err := l.isTaken(ctx, s, r.ID)
	if err != nil {
		return fmt.Errorf("looking for another key with the same value: %w", err)
	}
	if taken {
		r.ValueID, r.ID = r.ID, m.RecordID(keyValue+"\x00"+r.Handle.Name)
	}
	return l.enter(ctx, s, r)
}

// enter writes the record of a key that the ledger does not have.
func (l *Ledger) enter(ctx context.Context, s logical.Storage, r *Record) error {
	if r.ValueID != "" {
		// The note first, so that no crash leaves a key that its value does not lead to.
		if err := stored.Write(ctx, s, r.sameValuePath(), struct{}{}); err != nil {
			return fmt.Errorf("noting a further key with the same value: %w", err)
		}
	}
	return l.Write(ctx, s, r)
}

// PutBack enters a key again that was thought to be gone. Its id may be that of another key
// of the same value by now, which keeps it.
func (l *Ledger) PutBack(ctx context.Context, s logical.Storage, m *Mount, r *Record) error {
	valueID := cmp.Or(r.ValueID, r.ID)
	unlock, err := l.entering.Lock(ctx, valueID)
	if err != nil {
		return err
	}
	defer unlock()
	there, err := Get(ctx, s, r.ID)
	if err != nil && !errors.Is(err, stored.ErrUnreadable) {
		return fmt.Errorf("looking for another key with the same value: %w", err)
	}
	if err != nil || there != nil && there.Handle.Name != r.Handle.Name {
		r.ValueID, r.ID = valueID, m.RecordID(valueID+"\x00"+r.Handle.Name)
	}
	return l.enter(ctx, s, r)
}

// isTaken reports whether there is a record with this id, be it readable or not.
func (l *Ledger) isTaken(ctx context.Context, s logical.Storage, id string) (bool, error) {
	if !l.MayHave(id) {
		return false, nil
	}
	other, err := Get(ctx, s, id)
	if errors.Is(err, stored.ErrUnreadable) {
		return true, nil
	}
	return other != nil, err
}

// OfValue are the records of the living keys with this value, oldest first.
func OfValue(ctx context.Context, s logical.Storage, m *Mount, keyValue string) ([]*Record, error) {
	first := m.RecordID(keyValue)
	further, err := s.List(ctx, SameValuePrefix+first+"/")
	if err != nil {
		return nil, fmt.Errorf("listing the keys with the same value: %w", err)
	}
	var found []*Record
	var broken error
	for _, id := range append([]string{first}, further...) {
		r, err := Get(ctx, s, id)
		if err := stored.UnlessUnreadable(err, &broken); err != nil {
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

// longLedger is how many records can be read while somebody waits for it.
const longLedger = 10_000

// IsLong reports whether it would take too long for somebody who waits to read the whole
// ledger, as one part of it tells: ids are spread evenly.
func (l *Ledger) IsLong(ctx context.Context, s logical.Storage) (bool, error) {
	if l.estimate.Load() == 0 {
		records, err := estimate(ctx, s)
		if err != nil {
			return false, err
		}
		l.estimate.Store(int64(records) + 1)
	}
	return l.estimate.Load() > longLedger, nil
}

// estimate is about how many records there are, by those of one shard.
func estimate(ctx context.Context, s logical.Storage) (int, error) {
	found := 0
	for _, prefix := range []string{Prefix, SealedPrefix} {
		ids, err := s.List(ctx, prefix+ShardName(0)+"/")
		if err != nil {
			return 0, fmt.Errorf("listing the ledger: %w", err)
		}
		found += len(ids)
	}
	return found * Shards, nil
}

// SweepSameValues drops the notes that a crash left of keys that are gone.
func (l *Ledger) SweepSameValues(ctx context.Context, s logical.Storage) error {
	values, err := s.List(ctx, SameValuePrefix)
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

func (l *Ledger) sweepSameValue(ctx context.Context, s logical.Storage, valueID string) error {
	unlock, err := l.entering.Lock(ctx, valueID)
	if err != nil {
		return err
	}
	defer unlock()
	ids, err := s.List(ctx, SameValuePrefix+valueID+"/")
	if err != nil {
		return fmt.Errorf("listing the keys with the same value: %w", err)
	}
	for _, id := range ids {
		r, err := Get(ctx, s, id)
		if err == nil && r == nil {
			err = s.Delete(ctx, SameValuePrefix+valueID+"/"+id)
		}
		if err != nil && !errors.Is(err, stored.ErrUnreadable) {
			return fmt.Errorf("forgetting a key with the same value as another: %w", err)
		}
	}
	return nil
}

// Write writes a record, a new one or in the place of the one that there was.
func (l *Ledger) Write(ctx context.Context, s logical.Storage, r *Record) error {
	one := l.put(r)
	if err := stored.Write(ctx, s, r.Path(), r); err != nil {
		l.LookAt(r.ID, time.Time{}) // it may have been carried out
		return fmt.Errorf("writing the ledger: %w", err)
	}
	l.took(one, r)
	return nil
}

// GetNamed reads the record of the key with this name; nil when there is none,
// or when the id is another key's by now. No name stands for whatever key has it.
func GetNamed(ctx context.Context, s logical.Storage, id, name string) (*Record, error) {
	r, err := Get(ctx, s, id)
	if err != nil || r == nil || name != "" && r.Handle.Name != name {
		return nil, err
	}
	return r, nil
}

// Get reads one ledger record; nil when there is none.
func Get(ctx context.Context, s logical.Storage, id string) (*Record, error) {
	if !IsID(id) {
		return nil, nil
	}
	for _, prefix := range []string{Prefix, SealedPrefix} {
		r, err := stored.Read[Record](ctx, s, prefix+ShardOf(id)+"/"+id)
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

// Delete removes the record of a key that is gone.
func (l *Ledger) Delete(ctx context.Context, s logical.Storage, r *Record) error {
	l.Forget(r.ID)
	if err := s.Delete(ctx, r.Path()); err != nil {
		l.LookAt(r.ID, time.Time{}) // it may have been carried out
		return fmt.Errorf("removing a revoked key from the ledger: %w", err)
	}
	l.drop(r.ID)
	l.took(nil, nil)
	if r.ValueID == "" {
		return nil
	}
	if err := s.Delete(ctx, r.sameValuePath()); err != nil {
		return fmt.Errorf("forgetting a key with the same value as another: %w", err)
	}
	return nil
}

// All yields the whole ledger, in order of id. It reads every record: for operators'
// requests and after a crash, never on the way of a mint. Beside an error of reading
// one record it yields a Record with nothing but its id; nil beside any other error.
func All(ctx context.Context, s logical.Storage) iter.Seq2[*Record, error] {
	return After(ctx, s, "")
}

// After is All for the records whose ids come after a text, which need be no id. Of the
// others it reads none.
func After(ctx context.Context, s logical.Storage, after string) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		shards, err := shardsInUse(ctx, s)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, shard := range shards {
			if isBefore(shard, after) {
				continue
			}
			if !inShard(ctx, s, shard, after, yield) {
				return
			}
		}
	}
}

// isBefore tells whether no id of the shard comes after the text.
func isBefore(shard, after string) bool { return shard < after && !strings.HasPrefix(after, shard) }

// inShard yields the records of one shard, open and sealed together, and reports
// whether more are wanted.
func inShard(ctx context.Context, s logical.Storage, shard, after string, yield func(*Record, error) bool) (more bool) {
	var paths []string
	for _, prefix := range []string{Prefix, SealedPrefix} {
		ids, err := s.List(ctx, prefix+shard+"/")
		if err != nil {
			yield(nil, fmt.Errorf("listing the ledger: %w", err))
			return false
		}
		for _, id := range ids {
			if id > after {
				paths = append(paths, prefix+shard+"/"+id)
			}
		}
	}
	slices.SortFunc(paths, func(a, b string) int { return strings.Compare(idIn(a), idIn(b)) })
	for _, path := range paths {
		r, err := stored.Read[Record](ctx, s, path)
		if err == nil && r == nil {
			continue // revoked since it was listed
		}
		if r == nil {
			r = &Record{} // of one that cannot be read, the id is known
		}
		r.ID = idIn(path)
		if !yield(r, err) {
			return false
		}
	}
	return true
}

// idIn is the id in a record's path.
func idIn(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// shardsToRead are the shards that may hold records. To list them storage goes through all
// that is in them, and in memory takes no write meanwhile: for a million records that is
// seconds. So of a long ledger they are not listed: each of them holds some.
func shardsToRead(ctx context.Context, s logical.Storage) ([]string, error) {
	records, err := estimate(ctx, s)
	if err != nil {
		return nil, err
	}
	if records > longLedger {
		return allShards(), nil
	}
	return shardsInUse(ctx, s)
}

func allShards() []string {
	names := make([]string, Shards)
	for n := range names {
		names[n] = ShardName(n)
	}
	return names
}

// shardsInUse lists the shards that hold records, in order.
func shardsInUse(ctx context.Context, s logical.Storage) ([]string, error) {
	var shards []string
	for _, prefix := range []string{Prefix, SealedPrefix} {
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

// LiveKeys counts a connection's records in the ledger, those of keys that were
// kept among them: without the connection they could not be revoked either. damaged
// are the ids of records that cannot be read, which may be of any connection. The whole
// ledger is read for that until the index is settled, and then those that it could not read.
func (l *Ledger) LiveKeys(ctx context.Context, s logical.Storage, connection string) (live int, damaged []string, err error) {
	left := All(ctx, s)
	live, sure := l.count(func(o recordOrigin) bool { return o.connection == connection })
	if sure {
		left = l.unreadable(ctx, s)
	}
	for r, err := range left {
		switch {
		case errors.Is(err, stored.ErrUnreadable):
			damaged = append(damaged, r.ID)
		case err != nil:
			return 0, nil, err
		case r.Connection == connection:
			live++
		}
	}
	return live, damaged, nil
}

// DropDamaged removes what cannot be read of the record with this id, and reports
// whether there was any. A record that can be read stays, and one of a later version
// of the engine does, with stored.ErrNewer, unless that is meant too.
func (l *Ledger) DropDamaged(ctx context.Context, s logical.Storage, id string, newer bool) (dropped bool, err error) {
	for _, prefix := range []string{Prefix, SealedPrefix} {
		path := prefix + ShardOf(id) + "/" + id
		_, err := stored.Read[Record](ctx, s, path)
		if err == nil {
			continue
		}
		if !errors.Is(err, stored.ErrUnreadable) || errors.Is(err, stored.ErrNewer) && !newer {
			return dropped, err
		}
		if err := s.Delete(ctx, path); err != nil {
			return dropped, fmt.Errorf("removing a damaged record: %w", err)
		}
		dropped = true
	}
	if dropped {
		l.drop(id)
	}
	return dropped, nil
}

// Page are at most so many records that can be read, beyond an id, in order: those of a
// connection, or all where none is named. Where the index has them all, nothing is listed
// and nothing read that is not on the page: storage goes through a whole folder for that.
func (l *Ledger) Page(ctx context.Context, s logical.Storage, after, connection string, limit int) ([]*Record, error) {
	all := After(ctx, s, after)
	if l.IsListed() {
		all = l.indexed(ctx, s, after, connection)
	}
	var page []*Record
	for r, err := range all {
		if errors.Is(err, stored.ErrUnreadable) {
			continue // info tells of it
		}
		if err != nil {
			return nil, err
		}
		if connection != "" && r.Connection != connection {
			continue
		}
		if page = append(page, r); len(page) == limit {
			break
		}
	}
	return page, nil
}

// OfConnection yields a connection's records as All does, and those that cannot be read,
// without reading those of others where the index has them all.
func (l *Ledger) OfConnection(ctx context.Context, s logical.Storage, connection string) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		all := All(ctx, s)
		if l.IsListed() {
			all = concatenated(l.unreadable(ctx, s), l.indexed(ctx, s, "", connection))
		}
		for r, err := range all {
			if (err != nil || r.Connection == connection) && !yield(r, err) {
				return
			}
		}
	}
}

func concatenated(all ...iter.Seq2[*Record, error]) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		for _, one := range all {
			for r, err := range one {
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

// unreadable yields what the index could not read, as All does.
func (l *Ledger) unreadable(ctx context.Context, s logical.Storage) iter.Seq2[*Record, error] {
	return reading(ctx, s, l.Unreadable())
}

// reading yields the records with these ids as All does.
func reading(ctx context.Context, s logical.Storage, ids []string) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		for _, id := range ids {
			r, err := Get(ctx, s, id)
			if err == nil && r == nil {
				continue // revoked since
			}
			if r == nil {
				r = &Record{ID: id}
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// indexedAtOnce is how many ids the index is asked for at a time, while nothing can be
// written.
const indexedAtOnce = 100

// indexed yields what the index has beyond an id, of one connection or of all.
func (l *Ledger) indexed(ctx context.Context, s logical.Storage, after, connection string) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		for n := range Shards {
			for ids := l.inShard(n, after, connection, indexedAtOnce); len(ids) > 0; ids = l.inShard(n, ids[len(ids)-1], connection, indexedAtOnce) {
				for r, err := range reading(ctx, s, ids) {
					if !yield(r, err) {
						return
					}
				}
			}
		}
	}
}

// DefinitionsOf are the hashes of a provider's definitions that records were made
// with.
func (l *Ledger) DefinitionsOf(ctx context.Context, s logical.Storage, provider string) ([]string, error) {
	hashes, unreadable, err := l.told(ctx, s, provider, func(of recordOrigin) string { return of.definition })
	return hashes, cmp.Or(err, unreadable)
}

// ConnectionsOf are the connections of whose keys with a provider there are records that can
// be read, in order, be they there or deleted.
func (l *Ledger) ConnectionsOf(ctx context.Context, s logical.Storage, provider string) ([]string, error) {
	names, _, err := l.told(ctx, s, provider, func(of recordOrigin) string { return of.connection })
	slices.Sort(names)
	return names, err
}

// told is what the origins of a provider's records tell, each once; unreadable is of a record
// that tells nothing.
func (l *Ledger) told(ctx context.Context, s logical.Storage, provider string, of func(recordOrigin) string) (told []string, unreadable, err error) {
	left := All(ctx, s)
	told, sure := l.tells(provider, of)
	if sure {
		left = l.unreadable(ctx, s)
	}
	for r, err := range left {
		if err := stored.UnlessUnreadable(err, &unreadable); err != nil {
			return nil, nil, err
		}
		if r == nil || r.Provider != provider {
			continue
		}
		if one := of(originOf(r)); !slices.Contains(told, one) {
			told = append(told, one)
		}
	}
	return told, unreadable, nil
}
