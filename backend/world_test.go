package backend

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/internal/testbed/memnet"
	"vault-plugin-secrets-apikeys/providers"
)

const (
	testAdminKey = "sandbox-admin-key-of-the-tests"
	testTTL      = time.Hour
)

// world is what outlives a process: a provider, a storage, a clock, and Vault's
// leases.
type world struct {
	t       testing.TB
	storage logical.Storage
	calls   *calls                                      // to Vault, if they are noted
	view    func(logical.SystemView) logical.SystemView // what Vault tells, if it is not as ever
	events  *logical.MockEventSender                    // what Vault is told, if it listens
	// unwatched has nobody look at the records that go, which would be measured with them.
	unwatched bool
	edition   *logical.PluginEnvironment // nil for one that Vault does not tell
	sandbox   *sandbox.Server
	network   *memnet.Network
	front     *httptest.Server
	logs      *lockedBuffer

	mu      sync.Mutex
	now     time.Time
	passed  time.Duration // by the clock that nobody sets
	process *process
	leases  map[string]*heldLease // by key name
	secrets []string              // every key value that was ever handed out
	slow    time.Duration         // that each request takes at the provider
	// untimely are the keys whose ledger record went while they were alive.
	untimely []string
}

// process is one engine between its start and its death.
type process struct {
	*Engine
	gate *gate
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t:       t,
		storage: &logical.InmemStorage{},
		// The sandbox keeps real time: no key dies of its own expiry here.
		sandbox: sandbox.New(sandbox.Options{AdminKey: testAdminKey}),
		network: &memnet.Network{},
		logs:    &lockedBuffer{},
		now:     time.Now(),
		leases:  map[string]*heldLease{},
	}
	w.front = w.serve(w.gated(w.sandbox))
	t.Cleanup(w.sandbox.Close)
	w.start(fault{})
	t.Cleanup(func() { w.process.Cleanup(context.Background()) })
	w.configure("sandbox", "box", "app", nil)
	return w
}

// configure writes a connection to the sandbox and a role on it.
func (w *world) configure(provider, connection, role string, change func(*Connection, *Role)) {
	w.t.Helper()
	c := &Connection{
		Provider:       provider,
		AllowedRoles:   []string{"*"},
		BaseURL:        w.front.URL,
		RequestTimeout: 5 * time.Second,
		Fields:         providers.Values{"admin_key": testAdminKey},
	}
	r := &Role{Connection: connection, TTL: testTTL, MaxTTL: 24 * time.Hour, Fields: providers.Values{"scopes": []any{"read"}}}
	if change != nil {
		change(c, r)
	}
	ctx := context.Background()
	if err := w.process.SaveConnection(ctx, w.storage, connection, c, SaveOptions{Verify: true}); err != nil {
		w.t.Fatalf("saving the connection: %s", err)
	}
	if err := w.process.SaveRole(ctx, w.storage, role, r); err != nil {
		w.t.Fatalf("saving the role: %s", err)
	}
}

// connect puts a provider with a definition of its own on the network, and connections
// to it that share one admin token.
func (w *world) connect(provider http.Handler, name, definition, token string, connections ...string) {
	w.t.Helper()
	ctx := context.Background()
	web := w.serve(w.gated(provider))
	_, err := w.process.SaveDefinition(ctx, w.storage, name, definition, false)
	w.must(err)
	for _, connection := range connections {
		w.must(w.process.SaveConnection(ctx, w.storage, connection, &Connection{
			Provider:       name,
			BaseURL:        web.URL,
			RequestTimeout: 5 * time.Second,
			Fields:         providers.Values{"token": token},
		}, SaveOptions{Verify: true}))
	}
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// advance lets time pass; a negative time sets the wall clock back.
func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
	w.passed += max(0, d)
}

// set moves the wall clock alone.
func (w *world) set(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(by)
}

func (w *world) elapsed() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.passed
}

// start brings a new process up on what the last one left behind.
func (w *world) start(f fault) {
	w.t.Helper()
	if w.process != nil {
		w.process.gate.kill()
		w.process.Cleanup(context.Background())
	}
	gate := &gate{fault: f}
	config := logical.TestBackendConfig()
	view := &gatedStorage{Storage: w.storage, gate: gate}
	if !w.unwatched {
		view.forgot = w.noteForgotten
	}
	config.StorageView = view
	config.Logger = hclog.New(&hclog.LoggerOptions{Output: w.logs, Level: hclog.Trace})
	config.System = &logical.StaticSystemView{DefaultLeaseTTLVal: testTTL, MaxLeaseTTLVal: 768 * time.Hour, PluginEnvironment: w.edition}
	if w.view != nil {
		config.System = w.view(config.System)
	}
	if w.calls != nil {
		config.StorageView = countedStorage{config.StorageView, w.calls}
		config.System = countedView{config.System, w.calls}
		config.EventsSender = countedSender{w.calls}
	}
	if w.events != nil {
		config.EventsSender = w.events
	}
	e, err := newEngine(config, func(*Engine) []*framework.Path { return nil }, Options{Now: w.time, Elapsed: w.elapsed, Dial: w.network.Dial})
	if err != nil {
		w.t.Fatal(err)
	}
	e.acceptance = 5 * time.Second // the world answers at once or never
	if err := e.Setup(context.Background(), config); err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.process = &process{Engine: e, gate: gate}
	w.mu.Unlock()
	// The clockwork is driven by the test, not by a ticker.
	if err := e.loadState(context.Background(), e.storage); err != nil && !gate.isDead() {
		w.t.Logf("taking over: %s", err)
	}
}

// succeed brings a new process up in the place of one that is dead for certain:
// it may have died at the first step after a long time, so an operator says so.
func (w *world) succeed() {
	w.t.Helper()
	w.start(fault{})
	if w.process.passive() {
		w.must(w.process.ClaimOwnership(context.Background(), w.request(logical.UpdateOperation, "ownership/claim")))
	}
}

// startAlone brings a new process up, and an operator says at once that it is the
// only one: it looks out for nobody.
func (w *world) startAlone() {
	w.t.Helper()
	w.start(fault{})
	w.must(w.process.ClaimOwnership(context.Background(), w.request(logical.UpdateOperation, "ownership/claim")))
}

// turn lets a whole round of the clockwork pass: the ledger read or listed to its
// end, what is due reaped, the queue and the recoveries worked on.
func (w *world) turn() {
	ctx := context.Background()
	ledger := w.process.books.ledger
	for number := ledger.Rounds(); ledger.Rounds() == number; {
		if err := ledger.Read(ctx, w.process.storage, readAtOnce); err != nil {
			w.t.Logf("reading the ledger: %s", err)
			if !errors.Is(err, stored.ErrUnreadable) {
				break
			}
		}
	}
	w.process.pending.ticks = 0 // when everything is done that is not done with each
	w.process.tick(ctx)
	w.process.recoverDirty(ctx)
	w.process.startQueue(ctx)
	w.process.startRotations(ctx)
	w.process.waitBackground()
}

// Queue is everything that waits to be revoked, in order of id.
func (e *Engine) Queue() []queue.Entry { return e.QueuePage("", 0) }

// run lets time pass in small steps, with a turn of the clockwork after each.
func (w *world) run(d, step time.Duration) {
	for passed := time.Duration(0); passed < d; passed += step {
		w.advance(step)
		w.turn()
	}
}

// alive are the names of the keys at the provider.
func (w *world) alive() map[string]bool {
	names := map[string]bool{}
	for _, key := range w.sandbox.LiveKeys() {
		names[key.Name] = true
	}
	return names
}

// noteForgotten takes down a key whose record went before it did.
func (w *world) noteForgotten(r *ledger.Record) {
	if !w.alive()[r.Handle.Name] {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.untimely = append(w.untimely, r.Handle.Name)
}

// orphans are the keys at the provider that no lease holds.
func (w *world) orphans() []string {
	var orphans []string
	for name := range w.alive() {
		w.mu.Lock()
		_, held := w.leases[name]
		w.mu.Unlock()
		if !held {
			orphans = append(orphans, name)
		}
	}
	return orphans
}

// lockedBuffer collects a log that several goroutines write.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// listLag is for how long a provider's list may hide a key that exists, where
// its definition does not say.
const listLag = providers.DefaultLag
