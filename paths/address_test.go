package paths_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// stranger is a host of somebody else's, which notes what it is sent.
type stranger struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
}

func newStranger(t *testing.T) *stranger {
	t.Helper()
	s := &stranger{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(`{}`))
	}))
	t.Cleanup(s.Close)
	return s
}

// untouched makes sure that nothing was sent there.
func (s *stranger) untouched(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) > 0 {
		t.Errorf("the stranger was sent %q", s.seen)
	}
}

// Whoever may write a connection, and does not know its credential, cannot have
// it sent to a host of their own.
func TestCredentialDoesNotFollowAnAddress(t *testing.T) {
	const update, patch = logical.UpdateOperation, logical.PatchOperation
	for name, c := range map[string]struct {
		operation logical.Operation
		input     func(theirs string) data
		field     string // that is named in the refusal; empty where it is accepted
	}{
		"base_url alone":           {update, func(u string) data { return data{"base_url": u} }, "base_url"},
		"base_url by patch":        {patch, func(u string) data { return data{"base_url": u} }, "base_url"},
		"base_url unverified":      {update, func(u string) data { return data{"base_url": u, "verify_connection": false} }, "base_url"},
		"base_url with force":      {update, func(u string) data { return data{"base_url": u, "force": true} }, "base_url"},
		"base_url set back":        {update, func(string) data { return data{"base_url": nil, "verify_connection": false} }, "base_url"},
		"base_url emptied":         {update, func(string) data { return data{"base_url": "", "verify_connection": false} }, "base_url"},
		"credential emptied":       {update, func(u string) data { return data{"base_url": u, "admin_key": ""} }, "admin_key"},
		"credential null":          {update, func(u string) data { return data{"base_url": u, "admin_key": nil} }, "admin_key"},
		"another path":             {update, func(string) data { return data{"base_url": "URL/tenant"} }, "base_url"},
		"another port":             {update, func(string) data { return data{"base_url": "http://127.0.0.1:1"} }, "base_url"},
		"another name of the host": {update, func(string) data { return data{"base_url": "ALIAS"} }, "base_url"},
		"proxy_url":                {update, func(u string) data { return data{"proxy_url": u} }, "proxy_url"},
		"proxy_url by patch":       {patch, func(u string) data { return data{"proxy_url": u, "verify_connection": false} }, "proxy_url"},
		"ca_cert":                  {update, func(string) data { return data{"ca_cert": "CERT", "verify_connection": false} }, "ca_cert"},
		"tls_server_name":          {update, func(string) data { return data{"tls_server_name": "other.example", "verify_connection": false} }, "tls_server_name"},
		"with another setting":     {update, func(u string) data { return data{"base_url": u, "allowed_roles": "x"} }, "base_url"},
		"the same":                 {update, func(string) data { return data{"base_url": "URL"} }, ""},
		"the same with a slash":    {update, func(string) data { return data{"base_url": "URL/"} }, ""},
		"the same in capitals":     {update, func(string) data { return data{"base_url": "HTTP://" + "HOST"} }, ""},
		"nothing of the address":   {update, func(string) data { return data{"allowed_roles": "x", "request_timeout": 5} }, ""},
		"allow_http":               {update, func(string) data { return data{"allow_http": true} }, ""},
		"given again":              {update, func(string) data { return data{"base_url": "ALIAS", "admin_key": adminKey} }, ""},
		"given again, unverified": {update, func(u string) data {
			return data{"base_url": u, "admin_key": "another-key-of-mine", "verify_connection": false}
		}, ""},
		"given again by patch":       {patch, func(string) data { return data{"base_url": "ALIAS", "admin_key": adminKey} }, ""},
		"given again with the proxy": {update, func(u string) data { return data{"proxy_url": u, "admin_key": adminKey, "verify_connection": false} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m, theirs := newMount(t), newStranger(t)
			secure := httptest.NewTLSServer(nil)
			t.Cleanup(secure.Close)
			ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))
			m.connect("main")
			before := m.stored()["config/main"]
			here, err := url.Parse(m.url)
			if err != nil {
				t.Fatal(err)
			}
			input := c.input(theirs.URL)
			for name, value := range input {
				if text, ok := value.(string); ok {
					input[name] = strings.NewReplacer("CERT", ca, "URL", m.url, "HOST", here.Host, "ALIAS", "http://localhost:"+here.Port()).Replace(text)
				}
			}
			if c.field == "" {
				m.must(c.operation, "config/main", input)
			} else {
				text := m.refusal(c.operation, "config/main", input)
				wantContains(t, text, c.field)
				if strings.Contains(text, adminKey) {
					t.Errorf("the refusal quotes the credential: %s", text)
				}
				if m.stored()["config/main"] != before {
					t.Error("the connection was changed all the same")
				}
			}
			theirs.untouched(t)
		})
	}
}

// A credential that a rotation made cannot be given again by anybody: it takes
// force, and the answer says so.
func TestRotatedCredentialFollowsByForceAlone(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("rotate-root/main", nil)
	alias := strings.Replace(m.url, "127.0.0.1", "localhost", 1)
	wantContains(t, m.refusal(logical.UpdateOperation, "config/main", data{"base_url": alias}), "a rotation made", "force=true", "admin_key")
	resp := m.must(logical.UpdateOperation, "config/main", data{"base_url": alias, "force": true})
	if resp == nil || len(resp.Warnings) != 1 {
		t.Fatalf("the answer is %+v", resp)
	}
	wantContains(t, resp.Warnings[0], "base_url", "a rotation made")
	if got := m.read("config/main")["base_url"]; got != alias {
		t.Errorf("the base URL is %v", got)
	}
	m.must(logical.UpdateOperation, "check/main", nil)
}

// A definition decides where credentials are sent, too.
func TestCredentialDoesNotFollowADefinition(t *testing.T) {
	sandbox, err := providers.Load("sandbox")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		old, new string
		moves    bool
	}{
		"another host in a path": {`get = "/v1/whoami"`, `get = "https://evil.example/v1/whoami"`, true},
		"another way to show it": {`auth "bearer" { token = connection.admin_key }`, `auth "query" { query = { key = connection.admin_key } }`, true},
		"another title":          {`title `, `docs = "https://docs.example"` + "\n  title ", false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMount(t)
			m.connect("main")
			source := strings.Replace(sandbox.Source(), c.old, c.new, 1)
			if source == sandbox.Source() {
				t.Fatalf("the text to change is not there: %q", c.old)
			}
			upload := data{"definition": source, "override": true}
			if !c.moves {
				m.write("definitions/sandbox", upload)
				return
			}
			wantContains(t, m.refusal(logical.UpdateOperation, "definitions/sandbox", upload), "main", "force=true")
			if m.read("providers/sandbox")["built_in"] != true {
				t.Error("it is in use all the same")
			}
			upload["force"] = true
			resp := m.must(logical.UpdateOperation, "definitions/sandbox", upload)
			if resp == nil || len(resp.Warnings) == 0 || !strings.Contains(strings.Join(resp.Warnings, " "), "main") {
				t.Errorf("the answer is %+v", resp)
			}
		})
	}
}

// What decides about credentials takes sudo; what shows the providers does not.
func TestDefinitionsTakeSudo(t *testing.T) {
	special := newMount(t).backend.SpecialPaths()
	if special == nil || len(special.Root) != 1 || special.Root[0] != "definitions/*" {
		t.Fatalf("sudo is asked for %+v", special)
	}
}
