package paths_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// TestAuditTellsWhichKeyWasHandedOut follows docs/operations.md from a key in the
// provider's log to the request that was answered with it: by its name in keys/ and in
// the audit log, which shows names once the mount is tuned so, and never the key.
func TestAuditTellsWhichKeyWasHandedOut(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t, vaulttest.Options{Audit: true})
	box := sandbox.New(sandbox.Options{AdminKey: adminKey})
	provider := &loggingProvider{next: box}
	web := httptest.NewServer(provider)
	t.Cleanup(web.Close)
	t.Cleanup(box.Close)
	a := &accepted{t: t, vault: server, client: server.Client, mount: "apikeys/", sandbox: box, url: web.URL}
	a.write("config/box", data{"provider": "sandbox", "base_url": web.URL, "admin_key": adminKey, "allowed_roles": "*"})
	a.write("roles/ci", data{"connection": "box", "scopes": "read"})

	hidden := a.mintAudited()
	if name := hidden.Response.Data["key_name"]; !strings.HasPrefix(name.(string), "hmac-sha256:") {
		t.Errorf("without any tuning, the audit log shows the name %v", name)
	}
	if err := a.client.Sys().TuneMountAllowNil("apikeys", api.TuneMountConfigInput{AuditNonHMACResponseKeys: &[]string{"key_name"}, AuditNonHMACRequestKeys: &[]string{"name"}}); err != nil {
		t.Fatal(err)
	}
	line := a.mintAudited()
	name, _ := line.Response.Data["key_name"].(string)
	if made := provider.made(); len(made) != 2 || made[1] != name {
		t.Errorf("the provider made %q, and the audit log tells of %q", made, name)
	}
	if key := line.Response.Data["api_key"]; !strings.HasPrefix(key.(string), "hmac-sha256:") {
		t.Errorf("the audit log shows the key as %v", key)
	}
	listed, err := a.client.Logical().List("apikeys/keys")
	if err != nil {
		t.Fatal(err)
	}
	joined := 0
	for _, id := range listed.Data["keys"].([]any) {
		if key := a.read("keys/" + id.(string)).(data); key["key_name"] == name {
			joined++
			if key["request_id"] != line.Request.ID || line.Request.ID == "" || key["role"] != "ci" {
				t.Errorf("keys/ tells of request %v, and the audit log of %q", key["request_id"], line.Request.ID)
			}
		}
	}
	if joined != 1 {
		t.Errorf("%d keys are named %q", joined, name)
	}
}

// auditLine is what is looked at of a line of the audit log.
type auditLine struct {
	Type    string
	Request struct {
		ID, Path, Operation string
	}
	Response struct{ Data map[string]any }
}

// mintAudited reads a key, and returns the audit log's line on the answer.
func (a *accepted) mintAudited() (line auditLine) {
	a.t.Helper()
	before := len(a.vault.AuditLog())
	a.read("creds/ci")
	for text := range strings.Lines(a.vault.AuditLog()[before:]) {
		line = auditLine{}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			a.t.Fatal(err)
		}
		if line.Type == "response" && line.Request.Path == "apikeys/creds/ci" {
			return line
		}
	}
	a.t.Fatal("no line of the audit log tells of the answer")
	return line
}

// loggingProvider has a log of the names of the keys that it was asked for.
type loggingProvider struct {
	next http.Handler

	mu    sync.Mutex
	names []string
}

// ServeHTTP implements http.Handler.
func (l *loggingProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Path == "/v1/keys" {
		body, _ := io.ReadAll(r.Body)
		var asked struct{ Name string }
		_ = json.Unmarshal(body, &asked)
		l.mu.Lock()
		l.names = append(l.names, asked.Name)
		l.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	l.next.ServeHTTP(w, r)
}

func (l *loggingProvider) made() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.names)
}
