package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/stored"
)

var errInjected = errors.New("injected failure")

// fault says at which step what happens.
type fault struct {
	at    int  // the step, counted from 1; 0 means no fault
	after bool // the step takes effect first
	kill  bool // the process dies there; otherwise only the step fails
	away  bool // storage takes no write from then on
}

func (f fault) String() string {
	if f.at == 0 {
		return "no fault"
	}
	when, what := "before", "failure"
	if f.after {
		when = "after"
	}
	if f.kill {
		what = "death"
	}
	return fmt.Sprintf("%s %s step %d", what, when, f.at)
}

// atEveryStep runs a test for each way in which each step can fail: an error or
// the process's death, before the step takes effect or after. With -short each step
// fails in two of the four ways, which change from one step to the next; make test
// has all.
func atEveryStep(t *testing.T, steps []string, test func(t *testing.T, f fault)) {
	t.Helper()
	if len(steps) == 0 {
		t.Fatal("the scenario has no effect")
	}
	for n, step := range steps {
		ways := []fault{
			{at: n + 1}, {at: n + 1, kill: true, after: true},
			{at: n + 1, after: true}, {at: n + 1, kill: true},
		}
		if testing.Short() {
			ways = ways[n%2*2:][:2]
		}
		for _, f := range ways {
			t.Run(fmt.Sprintf("%s, %s", f, step), inBubble(func(t *testing.T) { test(t, f) }))
		}
	}
}

// gate is what every effect of a process on the world passes through.
type gate struct {
	mu    sync.Mutex
	fault fault
	steps []string
	dead  bool
	armed bool
	// readOnly fails every write to storage, as on a node that was demoted.
	readOnly bool
	// after is what happens right after the next step that begins with prefix.
	prefix string
	after  fault
}

// killAfter lets the process die right after the next step that begins so.
func (g *gate) killAfter(prefix string) { g.hitAfter(prefix, fault{after: true, kill: true}) }

// failAfter has the next step that begins so take effect and fail.
func (g *gate) failAfter(prefix string) { g.hitAfter(prefix, fault{after: true}) }

func (g *gate) hitAfter(prefix string, f fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.prefix, g.after = prefix, f
}

// arm begins the count of steps.
func (g *gate) arm(f fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault, g.steps, g.armed = f, nil, true
}

func (g *gate) disarm() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.armed = false
	return g.steps
}

func (g *gate) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dead = true
}

func (g *gate) failWrites() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.readOnly = true
}

func (g *gate) allowWrites() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.readOnly = false
}

func (g *gate) isReadOnly() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.readOnly
}

func (g *gate) isDead() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.dead
}

// pass lets one effect through, or fails it, or lets the process die around it.
func (g *gate) pass(step string, effect func() error) error {
	g.mu.Lock()
	if g.dead {
		g.mu.Unlock()
		return errInjected
	}
	hit := false
	if g.armed {
		g.steps = append(g.steps, step)
		hit = len(g.steps) == g.fault.at
	}
	f := g.fault
	if g.prefix != "" && strings.HasPrefix(step, g.prefix) {
		hit, f, g.prefix = true, g.after, ""
	}
	if hit && f.kill {
		g.dead = true
	}
	if hit && f.away {
		g.readOnly = true
	}
	after := f.after
	g.mu.Unlock()
	if !hit {
		return effect()
	}
	if after {
		if err := effect(); err != nil {
			return err
		}
	}
	return errInjected
}

// gatedStorage is a process's view of the storage.
type gatedStorage struct {
	logical.Storage
	gate *gate
	// forgot is told of every ledger record that went; nil where nobody asks.
	forgot func(*ledger.Record)
}

func (s *gatedStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	if s.gate.isReadOnly() {
		return logical.ErrReadOnly
	}
	return s.gate.pass("PUT "+entry.Key, func() error { return s.Storage.Put(ctx, entry) })
}

func (s *gatedStorage) Delete(ctx context.Context, key string) error {
	if s.gate.isReadOnly() {
		return logical.ErrReadOnly
	}
	return s.gate.pass("DELETE "+key, func() error { return s.remove(ctx, key) })
}

// remove deletes an entry and tells of it where it is a key's record.
func (s *gatedStorage) remove(ctx context.Context, key string) error {
	if s.forgot == nil || !strings.HasPrefix(key, ledger.Prefix) && !strings.HasPrefix(key, ledger.SealedPrefix) {
		return s.Storage.Delete(ctx, key)
	}
	r, err := stored.Read[ledger.Record](ctx, s.Storage, key)
	if err != nil && !errors.Is(err, stored.ErrUnreadable) {
		return err
	}
	if err := s.Storage.Delete(ctx, key); err != nil {
		return err
	}
	if r != nil {
		s.forgot(r)
	}
	return nil
}

func (s *gatedStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	if s.gate.isDead() {
		return nil, errInjected
	}
	return s.Storage.Get(ctx, key)
}

func (s *gatedStorage) List(ctx context.Context, prefix string) ([]string, error) {
	if s.gate.isDead() {
		return nil, errInjected
	}
	return s.Storage.List(ctx, prefix)
}

// gated passes requests on to a provider, by way of the living process's gate.
func (w *world) gated(provider http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		gate := w.process.gate
		w.mu.Unlock()
		recorder := httptest.NewRecorder()
		err := gate.pass(r.Method+" "+r.URL.Path, func() error {
			provider.ServeHTTP(recorder, r)
			w.advance(w.slow)
			return nil
		})
		if err != nil {
			panic(http.ErrAbortHandler) // the connection breaks without an answer
		}
		for name, values := range recorder.Header() {
			rw.Header()[name] = values
		}
		rw.WriteHeader(recorder.Code)
		rw.Write(recorder.Body.Bytes())
	})
}
