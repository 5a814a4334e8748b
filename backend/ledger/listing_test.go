package ledger

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

func scope(project string) providers.ListingScope {
	return providers.ListingScope{Role: providers.Values{"project": project}}
}

// TestCompare: of what is listed the index tells what has a record, and of a connection's
// records which are not listed where they should be.
func TestCompare(t *testing.T) {
	id := func(n int) string { return fmt.Sprintf("%02x%030x", n%Shards, n) }
	part := func(n int) string { return fmt.Sprintf("v%021d", n) }
	l := New(time.Now, func(*Record) time.Time { return time.Time{} }, eachItsOwn())
	for n, r := range []Record{
		{Connection: "one", Scope: scope("a")},
		{Connection: "one", Scope: scope("a")},
		{Connection: "one", Scope: scope("b")},
		{Connection: "two", Scope: scope("a")},
		{Connection: "one", Scope: scope("c")},
	} {
		r.ID, r.Handle = id(n), providers.Handle{ID: fmt.Sprint("id-", n), Name: "App-" + strings.ToUpper(part(n))}
		l.put(&r)
	}
	var listed Listed
	listed.Add(part(0), "id-0")
	listed.Add(part(2), "id-of-another")
	listed.Add(part(3), "id-3")
	listed.Add(part(9), "id-9")
	whole := scope("c")
	recorded, unlisted := l.Compare(&listed, "one", func(scope string) bool { return scope != whole.String() })
	for n, want := range map[int]bool{0: true, 1: false, 2: false, 3: true, 9: false} {
		if got := recorded.Has(part(n), fmt.Sprint("id-", n)); got != want {
			t.Errorf("%d has a record: %t, want %t", n, got, want)
		}
	}
	if recorded.Has(part(0), "id-1") {
		t.Error("a key has a record that is listed under another one's name")
	}
	if want := []string{id(1)}; !slices.Equal(unlisted, want) {
		t.Errorf("not listed are %v, want %v", unlisted, want)
	}
}

// TestOrigins: records are counted by what made them and by where they are listed, and what
// is known of origins that come and go does not grow.
func TestOrigins(t *testing.T) {
	id := func(n int) string { return fmt.Sprintf("%02x%030x", n%Shards, n) }
	l := New(time.Now, func(*Record) time.Time { return time.Time{} }, eachItsOwn())
	record := func(n int) *Record {
		return &Record{ID: id(n), Connection: fmt.Sprint("connection-", n), Provider: "acme", Definition: fmt.Sprint(n), Scope: scope(fmt.Sprint(n))}
	}
	for n := range 100 * Shards {
		l.put(record(n))
		l.put(record(n)) // in the place of the one before
		if n >= 10 {
			l.drop(id(n - 10))
		}
	}
	if len(l.origins.known) > 12 || len(l.origins.numbers) != 10 || len(l.origins.free) > 2 {
		t.Errorf("%d origins are kept for ten records, %d of them known and %d free", len(l.origins.known), len(l.origins.numbers), len(l.origins.free))
	}
	if counts := l.ByConnection(); len(counts) != 10 || counts[fmt.Sprint("connection-", 100*Shards-1)] != 1 {
		t.Errorf("counted are %v", counts)
	}
	scopes, err := l.ScopesOf(t.Context(), nil, fmt.Sprint("connection-", 100*Shards-1))
	if want := scope(fmt.Sprint(100*Shards - 1)); err != nil || len(scopes) != 1 || scopes[want.String()].String() != want.String() {
		t.Errorf("its locations are %v (%v)", scopes, err)
	}
}

// TestManyScopes: more locations than are kept are read, and no more are kept.
func TestManyScopes(t *testing.T) {
	o := newOrigins()
	numbers := map[uint32]int{}
	for n := range mostOrigins + 100 {
		numbers[o.begin(&Record{Connection: "one", Scope: scope(fmt.Sprint(n))})]++
	}
	if len(o.numbers) != mostOrigins+1 || slices.Max(slices.Collect(maps.Values(numbers))) != 100 {
		t.Errorf("%d origins are kept", len(o.numbers))
	}
	if _, sure := o.scopesOf("one"); sure {
		t.Error("all locations are said to be known")
	}
	if scopes, sure := o.scopesOf("two"); !sure || len(scopes) != 0 {
		t.Error("the locations of a connection without records are not known")
	}
	for n, records := range numbers {
		for range records {
			o.end(n)
		}
	}
	if len(o.numbers)+len(o.known)+len(o.free) != 0 {
		t.Errorf("%d origins are left of nothing, and %d free", len(o.known), len(o.free))
	}
}
