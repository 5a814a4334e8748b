package queue

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/providers"
)

// TestFiled: however entries came, changed and went, what is asked of a connection, of a
// place and of a page is answered as going through all of them would.
func TestFiled(t *testing.T) {
	ctx := context.Background()
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	connections, makers := []string{"box", "shelf"}, []string{"sandbox", "other"}
	addresses := []string{"", "https://one.example.com", "https://ONE.example.com:443/", "https://two.example.com"}
	scopes := []providers.ListingScope{{}, {Role: providers.Values{"project": "p"}}}
	kinds := []Kind{Revoke, CleanUp, Intent, Undo, Retire, ByHand, Missing}
	l := newLine(t)
	for n := range 3000 {
		id := fmt.Sprint("entry-", random.IntN(40))
		if random.IntN(3) == 0 {
			if err := l.Remove(ctx, l.storage, id); err != nil {
				t.Fatal(err)
			}
		} else {
			entry := Entry{ID: id, Kind: kinds[random.IntN(len(kinds))], Connection: pick(connections...), KeyName: id, Provider: pick(makers...), BaseURL: pick(addresses...), Scope: scopes[random.IntN(len(scopes))]}
			if random.IntN(4) == 0 {
				entry.MadeAt = l.now
			}
			if err := l.Add(ctx, l.storage, entry, random.IntN(5) == 0); err != nil {
				t.Fatal(err)
			}
		}
		if n%500 == 250 { // the next process
			l.Queue = New(l.Queue.now)
			if err := l.Load(ctx, l.storage); err != nil {
				t.Fatal(err)
			}
		}
		agree(t, l, connections, makers, addresses, scopes)
	}
}

func agree(t *testing.T, l *line, connections, makers, addresses []string, scopes []providers.ListingScope) {
	t.Helper()
	var all []Entry
	for _, item := range l.entries {
		all = append(all, item.Entry)
	}
	for _, connection := range connections {
		want, credentials := map[string]bool{}, map[string]bool{}
		for _, entry := range all {
			if entry.Connection != connection {
				continue
			}
			if entry.Kind != Crash && entry.Kind != Missing && (entry.Kind != Revoke || entry.Handle != nil) {
				want[entry.KeyName] = true
			}
			if entry.Kind == Retire || entry.Kind == ByHand {
				credentials[entry.KeyName] = true
			}
		}
		if got := l.UnresolvedNames(connection); !maps.Equal(got, want) {
			t.Fatalf("unresolved of %s are %v, want %v", connection, got, want)
		}
		if got := l.CredentialNames(connection); !maps.Equal(got, credentials) {
			t.Fatalf("credentials of %s are %v, want %v", connection, got, credentials)
		}
	}
	for _, provider := range makers {
		for _, address := range addresses {
			for _, scope := range scopes {
				want := map[string]bool{}
				for _, entry := range all {
					same := entry.BaseURL == "" || address == "" || origin.SameAddress(entry.BaseURL, address)
					if same && entry.Provider == provider && entry.Scope.String() == scope.String() && entry.OfKey() && entry.MadeAt.IsZero() && l.Get(entry.ID) != nil {
						want[entry.ID] = true
					}
				}
				got := map[string]bool{}
				l.SeeksMint(provider, address, scope, func(entry *Entry) bool { got[entry.ID] = true; return false })
				if !maps.Equal(got, want) {
					t.Fatalf("at %s, %q, %s keys are sought by %v, want %v", provider, address, scope, got, want)
				}
			}
		}
	}
	var shown []string
	missing := 0
	for _, entry := range all {
		if l.Get(entry.ID) != nil {
			shown = append(shown, entry.ID)
		}
		if entry.Kind == Missing {
			missing++
		}
	}
	slices.Sort(shown)
	var listed []string
	for _, entry := range l.List() {
		listed = append(listed, entry.ID)
	}
	if !slices.Equal(listed, shown) || l.CountMissing() != missing {
		t.Fatalf("listed are %v and %d missing, want %v and %d", listed, l.CountMissing(), shown, missing)
	}
}

// BenchmarkSeeksMint is what each mint asks of a queue that is long for another provider's
// sake.
func BenchmarkSeeksMint(b *testing.B) {
	for _, entries := range []int{100, 100_000} {
		b.Run(fmt.Sprint(entries), func(b *testing.B) {
			q := New(time.Now)
			for n := range entries {
				q.put(&waitingEntry{Entry: Entry{ID: fmt.Sprint(n), Kind: CleanUp, Connection: "away", Provider: "sandbox", BaseURL: "https://away.example.com"}})
			}
			for b.Loop() {
				if q.SeeksMint("sandbox", "https://box.example.com", providers.ListingScope{}, func(*Entry) bool { return true }) {
					b.Fatal("it seeks there")
				}
			}
		})
	}
}
