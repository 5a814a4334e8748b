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
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/cmd/sandbox/server"
	"vault-plugin-secrets-apikeys/providers"
)

const (
	testAdminKey = "sandbox-admin-key-of-the-tests"
	testTTL      = time.Hour
)

var errInjected = errors.New("injected failure")

// world is what outlives a process: a provider, a storage, a clock, and Vault's
// leases.
type world struct {
	t       testing.TB
	storage logical.Storage
	sandbox *server.Server
	front   *httptest.Server
	logs    *lockedBuffer

	mu      sync.Mutex
	now     time.Time
	process *process
	leases  map[string]*heldLease // by key name
	secrets []string              // every key value that was ever handed out
}

// process is one engine between its start and its death.
type process struct {
	*Engine
	gate *gate
}

// heldLease is a lease as Vault keeps it.
type heldLease struct {
	secret *logical.Secret
	key    string
	end    time.Time
	// revoking is set once Vault asked for the key's revocation.
	revoking bool
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t:       t,
		storage: &logical.InmemStorage{},
		// The sandbox keeps real time: no key dies of its own expiry here.
		sandbox: server.New(server.Options{AdminKey: testAdminKey}),
		logs:    &lockedBuffer{},
		now:     time.Now(),
		leases:  map[string]*heldLease{},
	}
	w.front = httptest.NewServer(w.gated(w.sandbox))
	t.Cleanup(w.front.Close)
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

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
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
	config.StorageView = &gatedStorage{Storage: w.storage, gate: gate}
	config.Logger = hclog.New(&hclog.LoggerOptions{Output: w.logs, Level: hclog.Trace})
	config.System = &logical.StaticSystemView{DefaultLeaseTTLVal: testTTL, MaxLeaseTTLVal: 768 * time.Hour}
	e, err := newEngine(config, func(*Engine) []*framework.Path { return nil }, Options{Now: w.time})
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
	if err := e.takeOver(context.Background(), e.storage); err != nil && !gate.isDead() {
		w.t.Logf("taking over: %s", err)
	}
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

func (w *world) request(op logical.Operation, path string) *logical.Request {
	return &logical.Request{
		Operation:   op,
		Path:        path,
		Storage:     w.process.storage,
		ID:          "request-" + randomBase36(randomLength),
		DisplayName: "token-test",
		EntityID:    "entity-1",
		Connection:  &logical.Connection{RemoteAddr: "127.0.0.1"},
	}
}

// mint reads a key as Vault does: an answer becomes a lease.
func (w *world) mint(role string) (*heldLease, error) {
	return w.mintWith(context.Background(), role)
}

func (w *world) mintWith(ctx context.Context, role string) (*heldLease, error) {
	response, err := w.process.Mint(ctx, w.request(logical.ReadOperation, "creds/"+role), role, Narrowing{})
	if err != nil {
		return nil, err
	}
	if w.process.gate.isDead() {
		return nil, errors.New("the process died before it could answer")
	}
	key := response.Data["api_key"].(string)
	response.Secret.IssueTime = time.Now()
	lease := &heldLease{secret: response.Secret, key: key, end: w.time().Add(response.Secret.TTL)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leases[response.Data["key_name"].(string)] = lease
	w.secrets = append(w.secrets, key)
	return lease, nil
}

// revoke ends a lease as Vault does. Vault forgets the lease only on success.
func (w *world) revoke(lease *heldLease) error {
	request := w.request(logical.RevokeOperation, "")
	request.Secret = lease.secret
	lease.revoking = true
	if _, err := w.process.revokeLease(context.Background(), request, nil); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, held := range w.leases {
		if held == lease {
			delete(w.leases, name)
		}
	}
	return nil
}

// renew renews a lease as Vault does, which takes the engine's maximum and
// computes the rest anew.
func (w *world) renew(lease *heldLease, increment time.Duration) error {
	request := w.request(logical.RenewOperation, "")
	secret := *lease.secret
	secret.Increment = increment
	request.Secret = &secret
	response, err := w.process.renew(context.Background(), request, nil)
	if err != nil {
		return err
	}
	if response.IsError() {
		return response.Error()
	}
	ttl, _, err := framework.CalculateTTL(w.process.System(), increment, response.Secret.TTL, 0, response.Secret.MaxTTL, 0, secret.IssueTime)
	if err != nil {
		return err
	}
	lease.end = w.time().Add(ttl)
	return nil
}

// turn lets a whole round of the clockwork pass: every shard reaped, the queue
// and the recoveries worked on.
func (w *world) turn() {
	ctx := context.Background()
	for range ledgerShards {
		w.process.tick(ctx)
	}
	w.process.recoverDirty(ctx)
	w.process.startQueue(ctx)
	w.process.startRotations(ctx)
	w.process.waitBackground()
}

// run lets time pass in small steps, with a turn of the clockwork after each.
func (w *world) run(d, step time.Duration) {
	for passed := time.Duration(0); passed < d; passed += step {
		w.advance(step)
		w.turn()
	}
}

// expireLeases has Vault revoke what is past its end.
func (w *world) expireLeases() {
	for _, lease := range w.held() {
		if !w.time().Before(lease.end) {
			if err := w.revoke(lease); err != nil {
				w.t.Logf("revoking an expired lease: %s", err)
			}
		}
	}
}

func (w *world) held() []*heldLease {
	w.mu.Lock()
	defer w.mu.Unlock()
	var held []*heldLease
	for _, lease := range w.leases {
		held = append(held, lease)
	}
	return held
}

// alive are the names of the keys at the provider.
func (w *world) alive() map[string]bool {
	names := map[string]bool{}
	for _, key := range w.sandbox.LiveKeys() {
		names[key.Name] = true
	}
	return names
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

// everyKeyIsTraced is the first invariant: each key at the provider is in the
// ledger, or a mark or an entry of the queue is on disk.
func (w *world) everyKeyIsTraced() error {
	ctx := context.Background()
	inLedger := map[string]bool{}
	for r, err := range records(ctx, w.storage) {
		if err != nil {
			return err
		}
		inLedger[r.Handle.Name] = true
	}
	marks, err := logical.CollectKeysWithPrefix(ctx, w.storage, dirtyPrefix)
	if err != nil {
		return err
	}
	queued, err := w.storage.List(ctx, queuePrefix)
	if err != nil {
		return err
	}
	for name := range w.alive() {
		if !inLedger[name] && len(marks) == 0 && len(queued) == 0 {
			return fmt.Errorf("key %q is alive and nothing on disk tells of it", name)
		}
	}
	return nil
}

// noSecretIsStored is the fourth invariant, as far as storage and logs go.
func (w *world) noSecretIsStored() error {
	ctx := context.Background()
	paths, err := logical.CollectKeys(ctx, w.storage)
	if err != nil {
		return err
	}
	for _, path := range paths {
		entry, err := w.storage.Get(ctx, path)
		if err != nil {
			return err
		}
		for _, secret := range w.secrets {
			if strings.Contains(string(entry.Value), secret) {
				return fmt.Errorf("the key's value is stored at %s", path)
			}
		}
	}
	for _, secret := range append(w.secrets, testAdminKey) {
		if strings.Contains(w.logs.String(), secret) {
			return errors.New("a secret is in the log")
		}
	}
	return nil
}

// fault says at which step what happens.
type fault struct {
	at    int  // the step, counted from 1; 0 means no fault
	after bool // the step takes effect first
	kill  bool // the process dies there; otherwise only the step fails
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
// the process's death, before the step takes effect or after.
func atEveryStep(t *testing.T, steps []string, test func(t *testing.T, f fault)) {
	t.Helper()
	if len(steps) == 0 {
		t.Fatal("the scenario has no effect")
	}
	for n, step := range steps {
		for _, f := range []fault{
			{at: n + 1}, {at: n + 1, after: true},
			{at: n + 1, kill: true}, {at: n + 1, kill: true, after: true},
		} {
			t.Run(fmt.Sprintf("%s, %s", f, step), func(t *testing.T) {
				t.Parallel()
				test(t, f)
			})
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
	if hit && g.fault.kill {
		g.dead = true
	}
	after := g.fault.after
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
	return s.gate.pass("DELETE "+key, func() error { return s.Storage.Delete(ctx, key) })
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
