package paths_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/helper/jsonutil"
	"github.com/hashicorp/vault/sdk/helper/testhelpers/schema"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/paths"
)

const adminKey = "admin-key-of-the-sandbox"

// mount is the real backend on memory storage, beside a sandbox provider.
type mount struct {
	t       *testing.T
	backend logical.Backend
	storage logical.Storage
	system  *logical.StaticSystemView
	sandbox *sandbox.Server
	events  *logical.MockEventSender
	url     string // of the sandbox
	remote  string // address that requests come from
}

func newMount(t *testing.T) *mount {
	t.Helper()
	m := &mount{t: t, remote: "127.0.0.1", storage: &logical.InmemStorage{}, events: logical.NewMockEventSender(), system: &logical.StaticSystemView{
		DefaultLeaseTTLVal: time.Hour,
		MaxLeaseTTLVal:     24 * time.Hour,
		PluginEnvironment:  &logical.PluginEnvironment{VaultVersion: "1.21.0", VaultVersionMetadata: "ent"},
	}}
	t.Cleanup(m.tellsOnlyWhatIsDocumented)
	m.sandbox = sandbox.New(sandbox.Options{AdminKey: adminKey})
	web := httptest.NewServer(m.sandbox)
	t.Cleanup(web.Close)
	t.Cleanup(m.sandbox.Close)
	m.url = web.URL
	m.start()
	return m
}

// start starts a process on the storage.
func (m *mount) start() {
	t := m.t
	t.Helper()
	made, err := paths.Factory(t.Context(), &logical.BackendConfig{
		StorageView:  m.storage,
		System:       m.system,
		Logger:       hclog.NewNullLogger(),
		EventsSender: m.events,
		BackendUUID:  "test",
		Config:       map[string]string{"tick_interval": "50ms"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Initialize(t.Context(), &logical.InitializationRequest{Storage: m.storage}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { made.Cleanup(t.Context()) })
	m.backend = made
}

type data = map[string]any

// send sends the request as Vault would: a write is a create or an update as
// the existence check says, and all values are what JSON can hold.
func (m *mount) send(operation logical.Operation, path string, input data) (*logical.Response, error) {
	m.t.Helper()
	req := &logical.Request{
		Operation:   operation,
		Path:        path,
		Data:        asJSON(m.t, input),
		Storage:     m.storage,
		DisplayName: "token-tester",
		Connection:  &logical.Connection{RemoteAddr: m.remote},
	}
	if operation == logical.UpdateOperation {
		checked, exists, err := m.backend.HandleExistenceCheck(m.t.Context(), req)
		if err != nil {
			return nil, fmt.Errorf("existence check of %s: %w", path, err)
		}
		if checked && !exists {
			req.Operation = logical.CreateOperation
		}
	}
	return m.backend.HandleRequest(m.t.Context(), req)
}

// must is send for requests that have to succeed, with an answer that is as the
// endpoint documents it.
func (m *mount) must(operation logical.Operation, path string, input data) *logical.Response {
	m.t.Helper()
	resp, err := m.send(operation, path, input)
	if err != nil {
		m.t.Fatalf("%s %s: %v", operation, path, err)
	}
	if resp.IsError() {
		m.t.Fatalf("%s %s: %v", operation, path, resp.Error())
	}
	if endpoint := endpointAt(m.t, path); resp != nil {
		documented := schema.GetResponseSchema(m.t, endpoint, operation)
		hasProvidersFields := endpoint.TakesArbitraryInput || strings.HasPrefix(path, "static-creds/")
		schema.ValidateResponse(m.t, documented, resp, !hasProvidersFields)
		m.isOfTheTypesTold(path, documented, resp)
	}
	return resp
}

func (m *mount) write(path string, input data) *logical.Response {
	m.t.Helper()
	return m.must(logical.UpdateOperation, path, input)
}

func (m *mount) read(path string) data {
	m.t.Helper()
	resp := m.must(logical.ReadOperation, path, nil)
	if resp == nil {
		return nil
	}
	return asJSON(m.t, resp.Data)
}

func (m *mount) list(path string) []string {
	m.t.Helper()
	keys, _ := m.must(logical.ListOperation, path, nil).Data["keys"].([]string)
	return keys
}

// refusal sends a request that has to be the sender's mistake, and returns the
// sentence.
func (m *mount) refusal(operation logical.Operation, path string, input data) string {
	m.t.Helper()
	resp, err := m.send(operation, path, input)
	if err != nil {
		m.t.Fatalf("%s %s failed with a fault, where the mistake is the sender's: %v", operation, path, err)
	}
	if !resp.IsError() {
		m.t.Fatalf("%s %s was accepted", operation, path)
	}
	return resp.Error().Error()
}

// stored is everything in storage, by path.
func (m *mount) stored() map[string]string {
	m.t.Helper()
	entries := map[string]string{}
	err := logical.ScanView(m.t.Context(), m.storage.(logical.ClearableView), func(path string) {
		entry, err := m.storage.Get(m.t.Context(), path)
		if err != nil || entry == nil {
			m.t.Fatalf("reading %s: %v", path, err)
		}
		entries[path] = string(entry.Value)
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return entries
}

// connect writes a connection to the sandbox that every role may use.
func (m *mount) connect(name string) {
	m.t.Helper()
	m.write("config/"+name, data{"provider": "sandbox", "admin_key": adminKey, "base_url": m.url, "allowed_roles": "*"})
}

// mint reads a key of the role, and returns the answer.
func (m *mount) mint(role string) *logical.Response {
	m.t.Helper()
	return m.must(logical.ReadOperation, "creds/"+role, nil)
}

// revoke ends a lease.
func (m *mount) revoke(lease *logical.Response) error {
	m.t.Helper()
	_, err := m.backend.HandleRequest(m.t.Context(), &logical.Request{
		Operation: logical.RevokeOperation,
		Storage:   m.storage,
		Secret:    lease.Secret,
	})
	return err
}

// asJSON is the value after a way through JSON, as between Vault and a plugin.
func asJSON(t *testing.T, value data) data {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var decoded data
	if err := jsonutil.DecodeJSON(text, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

func wantContains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}

// eventually waits for what happens in the background.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline.C:
			t.Fatalf("%s: not within 20 s", what)
		case <-tick.C:
		}
	}
}
