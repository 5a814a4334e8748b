package backend

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/providers"
)

// BenchmarkMint tells what the engine adds to the provider's own time. Compare
// within one run: the ratio of an engine's line to that of the provider alone.
func BenchmarkMint(b *testing.B) {
	b.Run("provider alone", func(b *testing.B) {
		w := newWorld(b)
		client := &http.Client{Transport: &http.Transport{DialContext: w.network.Dial}}
		b.Cleanup(client.CloseIdleConnections)
		n := 0
		for b.Loop() {
			n++
			w.createDirectly(client, fmt.Sprintf("direct-%d", n))
		}
	})
	for _, keys := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("engine with %d keys", keys), func(b *testing.B) {
			w := newWorld(b)
			w.fillLedger(keys)
			w.turn() // the ledger is read
			for b.Loop() {
				w.mustMint("app")
			}
		})
		b.Run(fmt.Sprintf("engine with %d keys, in parallel", keys), func(b *testing.B) {
			w := newWorld(b)
			w.fillLedger(keys)
			w.turn()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := w.mint("app"); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkRevoke is the end of a lease, the provider's own time included.
func BenchmarkRevoke(b *testing.B) {
	w := newWorld(b)
	w.unwatched = true
	w.startAlone()
	w.turn() // the ledger is read
	for b.Loop() {
		b.StopTimer()
		lease := w.mustMint("app")
		b.StartTimer()
		w.must(w.revoke(lease))
	}
}

// BenchmarkTick is one turn of the clockwork with nothing due.
func BenchmarkTick(b *testing.B) {
	for _, keys := range []int{0, 1_000, 100_000} {
		b.Run(fmt.Sprintf("%d keys", keys), func(b *testing.B) {
			w := newWorld(b)
			w.fillLedger(keys)
			for b.Loop() {
				w.process.tick(context.Background())
			}
		})
	}
}

// createDirectly makes a key without the engine.
func (w *world) createDirectly(client *http.Client, name string) {
	w.t.Helper()
	body := fmt.Sprintf(`{"name": %q, "scopes": ["read"]}`, name)
	request, err := http.NewRequest(http.MethodPost, w.front.URL+"/v1/keys", bytes.NewBufferString(body))
	w.must(err)
	request.Header.Set("Authorization", "Bearer "+testAdminKey)
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	w.must(err)
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusCreated {
		w.t.Fatalf("creating a key: status %d, %v", answer.StatusCode, err)
	}
}

// fillLedger writes records of keys that are alive for another hour.
func (w *world) fillLedger(keys int) {
	w.t.Helper()
	ctx := context.Background()
	mount, err := w.process.mount(ctx, w.storage)
	w.must(err)
	for n := range keys {
		name := fmt.Sprintf("filler-%d", n)
		r := &ledger.Record{
			ID: mount.RecordID(name), Role: "app", Connection: "box", Provider: "sandbox",
			Handle: providers.Handle{Name: name, ID: name}, IssuedAt: w.time(), Deadline: w.time().Add(testTTL + deadlineMargin),
		}
		w.must(w.process.books.ledger.Write(ctx, w.storage, r))
	}
}
