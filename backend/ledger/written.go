package ledger

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

const (
	// mostWritten bounds how many records are kept as they were written, and with it
	// the memory for them: some ten MiB.
	mostWritten = 8192
	// tookLately is for how long after storage took a write this process goes by what
	// it wrote. Storage takes writes of the active node alone, so for a process that
	// another one has replaced, or that was suspended, that time is over.
	tookLately = time.Second
)

// written are the records that this process wrote last, as they lie in storage: to end
// a key that lives for minutes, what its mint wrote need not be read. Whatever makes
// the index doubt a record, or drops it, has it read again. Secrets are not kept. The
// index's lock guards it.
type written struct {
	byKey map[indexKey]*writtenRecord
	// kept are those in byKey and some that went from it, oldest first from next on.
	kept []*writtenRecord
	next int
	// took is when storage last took a write; zero before the first.
	took time.Time
}

// writtenRecord is a record that is being written, until it holds what was.
type writtenRecord struct {
	key    indexKey
	record *Record
}

// begin says that a record is about to be written. It is nil where another write of the
// same record is not over: which of the two storage will have is not known then.
func (w *written) begin(key indexKey) *writtenRecord {
	before := w.byKey[key]
	underWay := before != nil && before.record == nil
	w.forget(key)
	if underWay {
		return nil
	}
	one := &writtenRecord{key: key}
	w.byKey[key] = one
	if len(w.kept) < mostWritten {
		w.kept = append(w.kept, one)
		return one
	}
	if oldest := w.kept[w.next]; w.byKey[oldest.key] == oldest {
		w.forget(oldest.key)
	}
	w.kept[w.next] = one
	w.next = (w.next + 1) % mostWritten
	return one
}

// end says that storage has the record, unless it was dropped or written again meanwhile.
func (w *written) end(one *writtenRecord, r *Record, now time.Time) {
	w.took = now
	if one == nil || w.byKey[one.key] != one {
		return
	}
	if r.Handle.Sealed {
		w.forget(one.key)
		return
	}
	kept := *r
	one.record = &kept
}

func (w *written) forget(key indexKey) {
	if one := w.byKey[key]; one != nil {
		one.record = nil
		delete(w.byKey, key)
	}
}

// of is a copy of a record as it was written; nil where storage has to be asked.
func (w *written) of(key indexKey, now time.Time) *Record {
	one := w.byKey[key]
	if one == nil || one.record == nil || w.took.IsZero() || now.Sub(w.took) > tookLately {
		return nil
	}
	r := *one.record
	return &r
}

// Named is GetNamed, which is not asked for what this process itself wrote of late. What
// the record holds is not to be changed, the fields of the record are.
func (l *Ledger) Named(ctx context.Context, s logical.Storage, id, name string) (*Record, error) {
	if r := l.asWritten(id); r != nil && r.Handle.Name == name {
		return r, nil
	}
	return GetNamed(ctx, s, id, name)
}

func (l *Ledger) asWritten(id string) *Record {
	if !IsID(id) {
		return nil
	}
	key, _ := indexKeyOf(id)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.of(key, l.now())
}

// Forget has a record read again: another node may have written it.
func (l *Ledger) Forget(id string) {
	if !IsID(id) {
		return
	}
	key, _ := indexKeyOf(id)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written.forget(key)
}

// took notes that storage took a write of a record, or its deletion with none.
func (l *Ledger) took(one *writtenRecord, r *Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written.end(one, r, l.now())
}
