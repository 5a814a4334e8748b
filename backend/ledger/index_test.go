package ledger

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// TestIndexIsSmall: a million keys must leave room in a plugin's process, whose
// heap may grow to twice what lives in it.
func TestIndexIsSmall(t *testing.T) {
	const records, most = 200_000, 60 // bytes each
	inUse := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	due := time.Now().Add(time.Hour)
	before := inUse()
	i := newIndex(func(*Record) time.Time { return due })
	for n := range records {
		i.put(&Record{ID: fmt.Sprintf("%02x%030x", n%Shards, n), Connection: "box", Provider: "sandbox"})
	}
	each := (inUse() - before) / records
	if each > most {
		t.Errorf("a record takes %d bytes of the index, want at most %d", each, most)
	}
	if found := i.Due(due.Add(-time.Minute), records); len(found) != 0 {
		t.Errorf("%d records are due a minute early", len(found))
	}
	if found := i.Due(due, 7); len(found) != 7 {
		t.Errorf("%d records are due at once, want no more than were asked for", len(found))
	}
	t.Logf("a record takes %d bytes", each)
}

// BenchmarkDue is the reaper's look at a ledger of which nothing is due.
func BenchmarkDue(b *testing.B) {
	for _, records := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("%d records", records), func(b *testing.B) {
			now := time.Now()
			i := newIndex(func(*Record) time.Time { return now.Add(time.Hour) })
			for n := range records {
				i.put(&Record{ID: fmt.Sprintf("%02x%030x", n%Shards, n), Connection: "box", Provider: "sandbox"})
			}
			for b.Loop() {
				i.Due(now, 1000)
			}
		})
	}
}
