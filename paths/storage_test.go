package paths_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/paths"
)

var writeStorage = flag.String("write-storage", "", "write testdata/storage/VERSION.json as this engine stores things")

// snapshot is what an engine of one version had in storage, in Vault's leases and
// at the provider while it was busy with everything that leaves a trace. Once
// released, a version's file never changes: storage written by it is to be read by
// all that follow.
type snapshot struct {
	Taken   time.Time                  `json:"taken"`
	Storage map[string]json.RawMessage `json:"storage"`
	// Reads are what the endpoints answered.
	Reads map[string]data `json:"reads"`
	// Leases are what Vault kept of leases that were held, by the key's name.
	Leases map[string]data `json:"leases"`
	// Ended is the name of the one of them that had ended already.
	Ended string `json:"ended"`
	// Provider are the keys and admin keys at the provider: values by name.
	Provider map[string]map[string]string `json:"provider"`
}

// TestStorageOfEveryVersionIsRead starts the engine on what each version left, as
// if that had been killed five minutes ago.
func TestStorageOfEveryVersionIsRead(t *testing.T) {
	if *writeStorage != "" {
		takeSnapshot(t, filepath.Join("testdata", "storage", *writeStorage+".json"))
	}
	files, err := filepath.Glob("testdata/storage/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no snapshots: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var was snapshot
			if err := json.Unmarshal(text, &was); err != nil {
				t.Fatal(err)
			}
			readsWhatWas(t, &was)
		})
	}
}

// TestStorageOfTodayIsInASnapshot: each kind of entry that ARCHITECTURE.md lists is
// in a snapshot, so that no kind is forgotten when it is new.
func TestStorageOfTodayIsInASnapshot(t *testing.T) {
	page, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## What lies in storage")
	table, _, _ = strings.Cut(table, "\n## ")
	var kinds []string
	for row := range strings.Lines(table) {
		if cells := strings.Split(row, "|"); len(cells) > 2 {
			for _, kind := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
				kinds = append(kinds, kind[1])
			}
		}
	}
	if len(kinds) < 15 {
		t.Fatalf("the table lists %v", kinds)
	}
	files, _ := filepath.Glob("testdata/storage/*.json")
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, kind := range kinds {
		if !strings.Contains(all.String(), "\n    \""+kind) {
			t.Errorf("no snapshot has an entry %s: leave a trace of it in liveBusily, and write the snapshot of the next version (-write-storage=VERSION)", kind)
		}
	}
}

// knownThen is a map without what another one knows nothing of, as what came with a later
// version.
func knownThen(now, before map[string]any) map[string]any {
	known := maps.Clone(now)
	maps.DeleteFunc(known, func(name string, _ any) bool { _, there := before[name]; return !there })
	return known
}

// readsWhatWas compares what is read with what was read then, and has everything
// that was left undone come to its end.
func readsWhatWas(t *testing.T, was *snapshot) {
	provider := newPlainProvider(t)
	provider.restore(was.Provider)
	storage := &logical.InmemStorage{}
	for path, value := range was.Storage {
		put(t, storage, path, value)
	}
	m := startPlain(t, storage, provider, was.Taken.Add(5*time.Minute))
	for path, answer := range was.Reads {
		now := m.read(path)
		for field, value := range answer {
			if before, isMap := value.(map[string]any); isMap {
				now[field] = knownThen(now[field].(map[string]any), before)
			}
			if fmt.Sprint(now[field]) != fmt.Sprint(value) {
				t.Errorf("%s: %s is %v, and was %v", path, field, now[field], value)
			}
		}
	}
	for name, internal := range was.Leases {
		if name != was.Ended {
			isFoundByItsValue(t, m, name)
		}
		resp, err := m.backend.HandleRequest(t.Context(), &logical.Request{
			Operation: logical.RevokeOperation, Storage: storage, Path: "creds/x", Secret: &logical.Secret{InternalData: internal},
		})
		if err != nil || resp.IsError() {
			t.Errorf("revoking the lease of %s: %v, %v", name, resp, err)
		}
	}
	m.await("nothing is left to do", func() (bool, any) {
		queue := m.must(logical.ListOperation, "queue/", nil).Data
		recovering := m.read("info")["recovering"].([]any)
		return queue["keys"] == nil && len(recovering) == 0, []any{queue, recovering}
	})
	fixed := m.read("static-creds/fixed")
	held := slices.DeleteFunc(provider.names("keys"), func(name string) bool {
		return strings.Contains(fmt.Sprint(fixed), name)
	})
	if len(held) > 0 {
		t.Errorf("the provider still has %v, which nobody holds", held)
	}
	m.write("check/box", nil)
	m.await("the admin keys in use are left", func() (bool, any) {
		admins := provider.names("admin-keys")
		return len(admins) == 2, admins
	})
}

func isFoundByItsValue(t *testing.T, m *plainMount, name string) {
	t.Helper()
	if holder := m.write("lookup-key", data{"value": plainValue(name)}); !strings.Contains(fmt.Sprint(holder.Data), name) {
		t.Errorf("who holds %s is told as %v", name, holder.Data)
	}
}

// await waits until that holds, while time flies.
func (m *plainMount) await(what string, holds func() (bool, any)) {
	m.t.Helper()
	for range 1000 {
		if ok, _ := holds(); ok {
			return
		}
		m.ahead.Add(int64(time.Second))
		time.Sleep(20 * time.Millisecond) // for the engine to notice
	}
	_, seen := holds()
	m.t.Fatalf("%s: not in all that time; last seen: %v", what, seen)
}

// takeSnapshot lives busily and writes what is there at the busiest moment.
func takeSnapshot(t *testing.T, file string) {
	provider := newPlainProvider(t)
	storage := &logical.InmemStorage{}
	m := startPlain(t, storage, provider, time.Now())
	was := &snapshot{Storage: map[string]json.RawMessage{}, Reads: map[string]data{}, Leases: map[string]data{}}
	liveBusily(t, m, provider, was)
	was.Taken = time.Now().UTC()
	paths, err := logical.CollectKeys(t.Context(), storage)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		entry, err := storage.Get(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		was.Storage[path] = entry.Value
	}
	was.Provider = provider.state()
	text, err := json.MarshalIndent(was, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	provider.letGo()
}

// liveBusily leaves a trace of every kind in storage.
func liveBusily(t *testing.T, m *plainMount, provider *plainProvider, was *snapshot) {
	m.write("definitions/plain", data{"definition": plainDefinition("plain", `id = body.id`, "delete = \"/keys/${key.id}\"", plainList)})
	m.write("definitions/sealed", data{"definition": plainDefinition("sealed", `id = body.id`, "post = \"/keys/${key.id}/end\"\n json = { key = secret.api_key }", plainList)})
	m.write("definitions/known", data{"definition": plainDefinition("known", `id = key.name`, "delete = \"/keys/${key.id}\"", "")})
	for _, name := range []string{"box", "plain", "sealed", "known"} {
		kind, admin := name, "admin-of-others"
		if name == "box" {
			kind, admin = "plain", "admin-of-box"
		}
		m.write("config/"+name, data{"provider": kind, "base_url": plainAddress, "admin_key": admin, "allowed_roles": "*"})
	}
	for _, connection := range []string{"plain", "sealed", "known"} {
		m.write("roles/"+connection, data{"connection": connection, "scopes": "read,write", "ttl": "1h", "max_ttl": "8h", "narrowable_fields": "scopes", "key_name_template": "of-{{.RoleName}}"})
	}
	m.write("static-roles/fixed", data{"connection": "plain", "scopes": "read", "rotation_period": "24h", "overlap": "12h"})
	m.write("rotate-role/fixed", nil)
	m.write("rotate-root/box", nil)
	for _, role := range []string{"plain", "plain", "sealed", "sealed", "known"} {
		resp := m.must(logical.ReadOperation, "creds/"+role, nil)
		was.Leases[resp.Data["key_name"].(string)] = asJSON(t, resp.Secret.InternalData)
	}
	// A new version of a definition that has made keys.
	m.write("definitions/plain", data{"definition": "# Changed since.\n" + plainDefinition("plain", `id = body.id`, "delete = \"/keys/${key.id}\"", plainList)})
	for _, path := range []string{"config/box", "config/plain", "roles/plain", "roles/sealed", "static-roles/fixed", "static-creds/fixed", "providers/plain"} {
		answer := m.read(path)
		delete(answer, "ttl")
		was.Reads[path] = answer
	}

	// A lease that ended while the provider could not be reached.
	was.Ended = slices.Sorted(maps.Keys(was.Leases))[0]
	provider.unreachable(true)
	resp, err := m.backend.HandleRequest(t.Context(), &logical.Request{
		Operation: logical.RevokeOperation, Storage: m.storage, Path: "creds/x", Secret: &logical.Secret{InternalData: was.Leases[was.Ended]},
	})
	if err == nil && !resp.IsError() {
		t.Fatal("a key was revoked at a provider out of reach")
	}
	provider.unreachable(false)

	// Calls that are under way: two mints and a rotation.
	provider.hold()
	for _, role := range []string{"plain", "known"} {
		go m.send(logical.ReadOperation, "creds/"+role, nil)
	}
	go m.send(logical.UpdateOperation, "rotate-root/box", nil)
	provider.awaitHeld(3)
}

const plainAddress = "http://127.0.0.1:1"

const plainList = `
  list {
    get   = "/keys"
    items = body.data
    item  = { id = item.id, name = item.name, secret = { api_key = item.key } }
  }`

// plainDefinition is one with a rotation, and with what is told of how keys are
// known, ended and listed.
func plainDefinition(name, id, revoke, list string) string {
	identify := "api_key"
	if name == "sealed" {
		identify = "username"
	} else {
		list = strings.Replace(list, ", secret = { api_key = item.key }", "", 1)
	}
	return `
provider "` + name + `" {
  title = "Plain"
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
    help      = "Admin key."
  }
  role "scopes" {
    type = list(string)
    help = "What the keys may do."
  }
  auth "bearer" { token = connection.admin_key }
  check { get = "/whoami" }
  issue {
    post = "/keys"
    json = { name = key.name, scopes = role.scopes }
    ` + id + `
    secret = { username = body.username, api_key = body.key }
    identify = "` + identify + `"
  }
  revoke {
    ` + revoke + `
    gone = [404]
  }` + list + `
  rotate {
    step "own" {
      get  = "/whoami"
      save = { old_name = body.name }
    }
    step "new" {
      post = "/admin-keys"
      json = { name = key.name }
    }
    connection = { admin_key = body.key }
    retire {
      delete = "/admin-keys/${saved.old_name}"
      gone   = [404]
    }
    list {
      get   = "/admin-keys"
      items = body.data
      item  = { name = item.name, old_name = item.name }
    }
  }
}
`
}

// plainMount is a mount whose requests to any address go to one provider.
type plainMount struct {
	*mount
	ahead *atomic.Int64 // how far time has been moved on, in nanoseconds
}

func startPlain(t *testing.T, storage logical.Storage, provider *plainProvider, now time.Time) *plainMount {
	t.Helper()
	m := &mount{t: t, storage: storage, system: &logical.StaticSystemView{
		DefaultLeaseTTLVal: time.Hour, MaxLeaseTTLVal: 24 * time.Hour,
	}}
	began, ahead := time.Now(), new(atomic.Int64)
	elapsed := func() time.Duration { return time.Since(began) + time.Duration(ahead.Load()) }
	made, err := paths.FactoryWith(backend.Options{
		Now:     func() time.Time { return now.Add(elapsed()) },
		Elapsed: elapsed,
		Dial:    provider.dial,
	})(t.Context(), &logical.BackendConfig{
		StorageView: storage, System: m.system, Logger: hclog.NewNullLogger(), BackendUUID: "plain",
		Config: map[string]string{"tick_interval": "50ms"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Initialize(t.Context(), &logical.InitializationRequest{Storage: storage}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { made.Cleanup(context.Background()) })
	m.backend = made
	return &plainMount{mount: m, ahead: ahead}
}

func put(t *testing.T, storage logical.Storage, path string, value []byte) {
	t.Helper()
	var compact strings.Builder
	encoder := json.NewEncoder(&compact)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(json.RawMessage(value)); err != nil {
		t.Fatal(err)
	}
	if err := storage.Put(t.Context(), &logical.StorageEntry{Key: path, Value: []byte(compact.String())}); err != nil {
		t.Fatal(err)
	}
}

// plainProvider keeps keys and admin keys by name, which is the id too.
type plainProvider struct {
	server *httptest.Server

	mu      sync.Mutex
	shelves map[string]map[string]string
	down    bool
	held    int
	gate    chan struct{} // nil lets all pass
}

func newPlainProvider(t *testing.T) *plainProvider {
	t.Helper()
	p := &plainProvider{shelves: map[string]map[string]string{"keys": {}, "admin-keys": {"of-box": "admin-of-box", "of-others": "admin-of-others"}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /whoami", p.whoAmI)
	mux.HandleFunc("GET /{shelf}", p.list)
	mux.HandleFunc("POST /{shelf}", p.create)
	mux.HandleFunc("DELETE /{shelf}/{name}", p.remove)
	mux.HandleFunc("POST /{shelf}/{name}/end", p.remove)
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	t.Cleanup(p.letGo)
	return p
}

func (p *plainProvider) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	p.mu.Lock()
	down := p.down
	p.mu.Unlock()
	if down {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused")}
	}
	return new(net.Dialer).DialContext(ctx, network, p.server.Listener.Addr().String())
}

// caller is the name of the admin key that a request shows; "" for none.
func (p *plainProvider) caller(r *http.Request) string {
	for name, value := range p.shelves["admin-keys"] {
		if r.Header.Get("Authorization") == "Bearer "+value {
			return name
		}
	}
	return ""
}

func (p *plainProvider) whoAmI(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer(w, p.caller(r), map[string]any{"name": p.caller(r)})
}

func (p *plainProvider) list(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	items := []any{}
	for name, value := range p.shelves[r.PathValue("shelf")] {
		items = append(items, map[string]any{"id": name, "name": name, "key": value})
	}
	answer(w, p.caller(r), map[string]any{"data": items})
}

// create makes a key; all keys have a user name in common.
func (p *plainProvider) create(w http.ResponseWriter, r *http.Request) {
	var wanted struct{ Name string }
	json.NewDecoder(r.Body).Decode(&wanted)
	p.mu.Lock()
	caller := p.caller(r)
	made := map[string]any{"id": wanted.Name, "key": "value-of-" + wanted.Name, "username": "shared"}
	if caller != "" {
		p.shelves[r.PathValue("shelf")][wanted.Name] = made["key"].(string)
	}
	gate := p.gate
	if gate != nil {
		p.held++
	}
	p.mu.Unlock()
	if gate != nil {
		<-gate
	}
	answer(w, caller, made)
}

func (p *plainProvider) remove(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	shelf, name := p.shelves[r.PathValue("shelf")], r.PathValue("name")
	if p.caller(r) != "" && shelf[name] == "" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if p.caller(r) != "" {
		delete(shelf, name)
	}
	answer(w, p.caller(r), map[string]any{})
}

// plainValue is the value by which the engine knows a key.
func plainValue(name string) string {
	if strings.HasPrefix(name, "of-sealed") {
		return "shared"
	}
	return "value-of-" + name
}

func answer(w http.ResponseWriter, caller string, body any) {
	w.Header().Set("Content-Type", "application/json")
	if caller == "" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	json.NewEncoder(w).Encode(body)
}

func (p *plainProvider) unreachable(is bool) {
	p.mu.Lock()
	p.down = is
	p.mu.Unlock()
	p.server.CloseClientConnections()
}

// hold keeps the answers of what makes keys from now on.
func (p *plainProvider) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gate = make(chan struct{})
}

func (p *plainProvider) letGo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gate != nil {
		close(p.gate)
		p.gate = nil
	}
}

func (p *plainProvider) awaitHeld(count int) {
	for held := 0; held < count; time.Sleep(10 * time.Millisecond) {
		p.mu.Lock()
		held = p.held
		p.mu.Unlock()
	}
}

func (p *plainProvider) names(shelf string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.shelves[shelf]))
}

func (p *plainProvider) state() map[string]map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	copied := map[string]map[string]string{}
	for shelf, held := range p.shelves {
		copied[shelf] = maps.Clone(held)
	}
	return copied
}

func (p *plainProvider) restore(shelves map[string]map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shelves = shelves
}
