package ledger

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/providers"
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
	i := newIndex(func(*Record) time.Time { return due }, eachItsOwn())
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

// eachItsOwn gives every record a target of its own.
func eachItsOwn() func(*Record) []uint32 {
	n := uint32(0)
	return func(*Record) []uint32 { n++; return []uint32{n} }
}

// TestSharing: records that have a target in common are found however they came and went.
func TestSharing(t *testing.T) {
	id := func(n int) string { return fmt.Sprintf("%02x%030x", n%Shards, n) }
	i := newIndex(func(*Record) time.Time { return time.Time{} }, func(r *Record) (targets []uint32) {
		for _, word := range strings.Fields(r.Handle.ID) {
			targets = append(targets, uint32(len(word)))
		}
		return targets
	})
	put := func(n int, handle string) { i.put(&Record{ID: id(n), Handle: providers.Handle{ID: handle}}) }
	put(1, "one")
	put(2, "two")
	put(3, "four")
	put(4, "")
	put(5, "")
	for n, want := range map[int][]string{1: {id(2)}, 2: {id(1)}, 3: nil, 9: {id(1), id(2)}} {
		if got := i.Sharing([]uint32{3}, id(n)); n != 3 && !slices.Equal(got, want) {
			t.Errorf("with %d share %v, want %v", n, got, want)
		}
	}
	if got := i.Sharing(nil, id(4)); got != nil {
		t.Errorf("what has no target shares it with %v", got)
	}
	put(6, "letters and six")
	for n, want := range map[int][]string{1: {id(2), id(6)}, 6: {id(1), id(2)}, 9: {id(1), id(2), id(6)}} {
		if got := i.Sharing([]uint32{7, 3}, id(n)); !slices.Equal(got, want) {
			t.Errorf("with %d share one of two: %v, want %v", n, got, want)
		}
	}
	put(6, "letters")
	put(2, "other") // the id may change with a correction
	if got := i.Sharing([]uint32{3}, id(1)); len(got) != 0 {
		t.Errorf("%v share it still", got)
	}
	i.drop(id(1))
	put(6, "letters and six")
	i.drop(id(6))
	if got := i.Sharing([]uint32{3}, id(9)); len(got) != 0 || len(i.targets) != 2 {
		t.Errorf("%v share it still, of %v", got, i.targets)
	}
}

// BenchmarkDue is the reaper's look at a ledger of which nothing is due.
func BenchmarkDue(b *testing.B) {
	for _, records := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("%d records", records), func(b *testing.B) {
			now := time.Now()
			i := newIndex(func(*Record) time.Time { return now.Add(time.Hour) }, eachItsOwn())
			for n := range records {
				i.put(&Record{ID: fmt.Sprintf("%02x%030x", n%Shards, n), Connection: "box", Provider: "sandbox"})
			}
			for b.Loop() {
				i.Due(now, 1000)
			}
		})
	}
}

// TestNaming: records are found by the end of their name, in whatever case, by their id and
// by what was saved, until they go.
func TestNaming(t *testing.T) {
	id := func(n int) string { return fmt.Sprintf("%02x%030x", n%Shards, n) }
	i := newIndex(func(*Record) time.Time { return time.Time{} }, eachItsOwn())
	l := &Ledger{index: i}
	part := func(n int) string { return fmt.Sprintf("v%021d", n) }
	for n := range 5 {
		i.put(&Record{ID: id(n), Handle: providers.Handle{
			ID: fmt.Sprint("id-", n), Name: "App-" + strings.ToUpper(part(n)), Saved: providers.Values{"user": fmt.Sprint("user-", n%2), "n": json.Number(fmt.Sprint(n))},
		}})
	}
	i.drop(id(4))
	for name, test := range map[string]struct {
		part   string
		values []string
		want   []string
	}{
		"by its name":          {part: part(1), want: []string{id(1)}},
		"by its id":            {values: []string{"id-2"}, want: []string{id(2)}},
		"by what was saved":    {values: []string{"user-1"}, want: []string{id(1), id(3)}},
		"by a number":          {values: []string{"3"}, want: []string{id(3)}},
		"by name and id":       {part: part(0), values: []string{"id-1"}, want: []string{id(0), id(1)}},
		"what has gone":        {part: part(4), values: []string{"id-4"}},
		"nothing":              {values: []string{""}},
		"what was never there": {part: part(9), values: []string{"id-9"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := l.Naming([]string{test.part}, test.values); !slices.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}
