package paths_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// wantFields compares an answer's fields, after a way through JSON.
func wantFields(t *testing.T, got, want data) {
	t.Helper()
	want = asJSON(t, want)
	for name, value := range want {
		if !reflect.DeepEqual(got[name], value) {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s = %v is shown unasked", name, got[name])
		}
	}
}

func TestConnectionLife(t *testing.T) {
	m := newMount(t)
	if got := m.list("config/"); len(got) != 0 {
		t.Errorf("a new mount lists the connections %v", got)
	}
	if got := m.read("config/main"); got != nil {
		t.Errorf("a connection that does not exist reads as %v", got)
	}

	whole := data{
		"provider": "sandbox", "admin_key": adminKey, "base_url": m.url, "allowed_roles": []string{"ci-*", "web"},
		"request_timeout": "7s", "requests_per_second": 50, "tls_server_name": "sandbox.internal", "allow_http": true,
	}
	m.write("config/main", whole)
	want := data{
		"provider": "sandbox", "base_url": m.url, "allowed_roles": []string{"ci-*", "web"}, "verify_connection": true,
		"request_timeout": 7, "requests_per_second": 50, "tls_server_name": "sandbox.internal", "allow_http": true,
		"ca_cert": "", "client_cert": "", "proxy_url": "",
		"rotation_period": 0, "rotation_schedule": "", "rotation_window": 0, "failures": 0,
	}
	wantFields(t, m.read("config/main"), want)
	if got := m.list("config"); !reflect.DeepEqual(got, []string{"main"}) {
		t.Errorf("the list is %v", got)
	}

	t.Run("a write keeps what it does not name", func(t *testing.T) {
		m.write("config/main", data{"allowed_roles": "web"})
		changed := maps.Clone(want)
		changed["allowed_roles"] = []string{"web"}
		wantFields(t, m.read("config/main"), changed)
		m.write("check/main", nil) // with the admin key that is kept
	})
	for name, empty := range map[string]any{"null": nil, "an empty string": ""} {
		t.Run(name+" sets back to the default", func(t *testing.T) {
			m.write("config/main", whole)
			m.write("config/main", data{
				"allowed_roles": empty, "request_timeout": empty, "requests_per_second": empty,
				"tls_server_name": empty, "allow_http": empty, "verify_connection": empty,
			})
			wantFields(t, m.read("config/main"), data{
				"provider": "sandbox", "base_url": m.url, "allowed_roles": []string{}, "verify_connection": true,
				"request_timeout": 0, "requests_per_second": 0, "tls_server_name": "", "allow_http": false,
				"ca_cert": "", "client_cert": "", "proxy_url": "",
				"rotation_period": 0, "rotation_schedule": "", "rotation_window": 0, "failures": 0,
			})
			text := m.refusal(logical.UpdateOperation, "config/main", data{"admin_key": empty})
			wantContains(t, text, "admin_key", "required")
		})
	}
	t.Run("delete", func(t *testing.T) {
		m.must(logical.DeleteOperation, "config/main", nil)
		if got := m.read("config/main"); got != nil {
			t.Errorf("a deleted connection reads as %v", got)
		}
		m.must(logical.DeleteOperation, "config/main", nil) // again, as Vault's deletes go
	})
}

func TestConnectionShowsNoSecret(t *testing.T) {
	m := newMount(t)
	m.write("config/main", data{
		"provider": "gitea", "username": "root", "password": "hunter2hunter2", "base_url": "https://gitea.example.com",
		"proxy_url": "http://someone:hunter3hunter3@proxy.example.com:3128", "verify_connection": false,
	})
	got := m.read("config/main")
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hunter2", "hunter3", "someone"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the answer shows %q: %s", secret, text)
		}
	}
	if got["username"] != "root" {
		t.Errorf("username is no secret, and reads as %v", got["username"])
	}
	if got["proxy_url"] != "http://proxy.example.com:3128" {
		t.Errorf("proxy_url reads as %v", got["proxy_url"])
	}
}

func TestConnectionChangesProvider(t *testing.T) {
	m := newMount(t)
	m.write("config/main", data{"provider": "gitea", "username": "root", "password": "x", "base_url": "https://gitea.example.com", "verify_connection": false})
	m.write("config/main", data{"provider": "sandbox", "admin_key": adminKey, "base_url": m.url, "verify_connection": true})
	got := m.read("config/main")
	if _, left := got["username"]; left || got["provider"] != "sandbox" {
		t.Errorf("after a change of provider it reads as %v", got)
	}
}

func TestConnectionIsVerified(t *testing.T) {
	m := newMount(t)
	wrong := data{"provider": "sandbox", "admin_key": "not-the-key", "base_url": m.url}
	wantContains(t, m.refusal(logical.UpdateOperation, "config/main", wrong), "401", "this key is not valid")
	if got := m.read("config/main"); got != nil {
		t.Errorf("a refused connection was stored: %v", got)
	}

	wrong["verify_connection"] = false
	before := m.sandbox.State().Counters.Requests
	m.write("config/main", wrong)
	if after := m.sandbox.State().Counters.Requests; !reflect.DeepEqual(before, after) {
		t.Errorf("verify_connection=false asked the provider: %v", after)
	}
	wantContains(t, m.refusal(logical.UpdateOperation, "check/main", nil), "401", "this key is not valid")

	m.write("config/main", data{"admin_key": adminKey, "verify_connection": true})
	text := m.refusal(logical.UpdateOperation, "config/main", data{"admin_key": "not-the-key"})
	wantContains(t, text, "401")
	m.write("check/main", nil) // the good key is still in place
}

func TestConnectionWithLiveKeys(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main"})
	lease := m.mint("ci")
	wantContains(t, m.refusal(logical.DeleteOperation, "config/main", nil), "1 live key", "force=true")
	wantContains(t, m.refusal(logical.UpdateOperation, "config/main", data{"base_url": "http://127.0.0.1:1", "admin_key": adminKey}), "force=true")
	if got := m.read("config/main")["base_url"]; got != m.url {
		t.Errorf("a refused change was stored: base_url is %v", got)
	}
	if err := m.revoke(lease); err != nil {
		t.Fatal(err)
	}
	m.must(logical.DeleteOperation, "config/main", nil)

	m.connect("main")
	m.mint("ci")
	m.must(logical.DeleteOperation, "config/main", data{"force": "true"})
}

func TestUnusedConnectionIsWarnedAbout(t *testing.T) {
	m := newMount(t)
	resp := m.write("config/main", data{"provider": "sandbox", "admin_key": adminKey, "base_url": m.url})
	if resp == nil || len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "allowed_roles") {
		t.Errorf("got %+v, want a warning about allowed_roles", resp)
	}
}
