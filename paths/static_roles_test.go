package paths_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

func TestStaticRoleLife(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	if got := m.read("static-roles/app"); got != nil {
		t.Errorf("a static role that does not exist reads as %v", got)
	}
	whole := data{
		"connection": "main", "rotation_schedule": "0 3 * * SAT", "rotation_window": "2h", "overlap": "1h",
		"key_name_template": "{{ .RoleName }}", "key_cidrs": "127.0.0.0/8", "verify_revocation": "probe", "keep_on_delete": true,
		"scopes": "read,write", "owner": "team-app",
	}
	m.write("static-roles/app", whole)
	want := data{
		"connection": "main", "rotation_period": 0, "rotation_schedule": "0 3 * * SAT", "rotation_window": 7200, "overlap": 3600,
		"key_name_template": "{{ .RoleName }}", "key_cidrs": []string{"127.0.0.0/8"}, "verify_revocation": "probe", "keep_on_delete": true,
		"scopes": []string{"read", "write"}, "owner": "team-app", "failures": 0,
	}
	m.wantStaticRole("app", want, true)
	if got := m.list("static-roles/"); !reflect.DeepEqual(got, []string{"app"}) {
		t.Errorf("the list is %v", got)
	}
	if live := m.sandbox.LiveKeys(); len(live) != 1 || live[0].Owner != "team-app" || !strings.HasPrefix(live[0].Name, "app-") {
		t.Errorf("the provider has the keys %+v", live)
	}

	t.Run("a write keeps what it does not name", func(t *testing.T) {
		m.write("static-roles/app", data{"scopes": []string{"read"}})
		changed := maps.Clone(want)
		changed["scopes"] = []string{"read"}
		m.wantStaticRole("app", changed, true)
	})
	t.Run("a period takes a schedule's place", func(t *testing.T) {
		m.write("static-roles/app", data{"rotation_period": "24h"})
		changed := maps.Clone(want)
		changed["scopes"] = []string{"read"}
		changed["rotation_period"], changed["rotation_schedule"], changed["rotation_window"] = 86400, "", 0
		m.wantStaticRole("app", changed, true)
	})
	t.Run("a schedule takes a period's place", func(t *testing.T) {
		m.write("static-roles/app", data{"rotation_schedule": "30 4 1 * *"})
		if got := m.read("static-roles/app"); got["rotation_schedule"] != "30 4 1 * *" || got["rotation_period"] != json.Number("0") {
			t.Errorf("it reads as %v", got)
		}
	})
	for name, empty := range map[string]any{"null": nil, "an empty string": ""} {
		t.Run(name+" sets back to the default", func(t *testing.T) {
			m.write("static-roles/app", whole)
			m.write("static-roles/app", data{
				"rotation_schedule": empty, "overlap": empty, "key_name_template": empty, "key_cidrs": empty,
				"verify_revocation": empty, "keep_on_delete": empty, "scopes": empty, "owner": empty,
			})
			m.wantStaticRole("app", data{
				"connection": "main", "rotation_period": 0, "rotation_schedule": "", "rotation_window": 0, "overlap": 0,
				"key_name_template": "", "key_cidrs": []string{}, "verify_revocation": "list", "keep_on_delete": false, "failures": 0,
			}, false)
		})
	}
	if len(m.sandbox.LiveKeys()) != 1 {
		t.Errorf("changes of the role rotated it: %+v", m.sandbox.LiveKeys())
	}
	t.Run("it stays with its connection", func(t *testing.T) {
		m.connect("other")
		wantContains(t, m.refusal(logical.UpdateOperation, "static-roles/app", data{"connection": "other"}), `connection "main"`, "delete it")
	})
	t.Run("delete", func(t *testing.T) {
		m.must(logical.DeleteOperation, "static-roles/app", nil)
		if got := m.read("static-roles/app"); got != nil {
			t.Errorf("a deleted static role reads as %v", got)
		}
		if live := m.sandbox.LiveKeys(); len(live) != 0 {
			t.Errorf("its key is alive: %+v", live)
		}
		m.must(logical.DeleteOperation, "static-roles/app", nil) // again, as Vault's deletes go
	})
}

// wantStaticRole compares what is shown, apart from the times.
func (m *mount) wantStaticRole(name string, want data, scheduled bool) {
	m.t.Helper()
	got := m.read("static-roles/" + name)
	if at := m.time(got, "last_vault_rotation"); time.Since(at) > time.Minute {
		m.t.Errorf("last_vault_rotation is %s", at)
	}
	if _, shown := got["next_rotation"]; shown != scheduled {
		m.t.Errorf("next_rotation is %v", got["next_rotation"])
	}
	if scheduled && m.time(got, "next_rotation").Before(time.Now()) {
		m.t.Errorf("next_rotation is over: %v", got["next_rotation"])
	}
	delete(got, "last_vault_rotation")
	delete(got, "next_rotation")
	wantFields(m.t, got, want)
}

func (m *mount) time(answer data, field string) time.Time {
	m.t.Helper()
	text, _ := answer[field].(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		m.t.Fatalf("%s is %v, which is no time", field, answer[field])
	}
	return at
}

func TestStaticRoleKeepsItsKeyOnDelete(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("static-roles/app", data{"connection": "main", "keep_on_delete": true})
	m.must(logical.DeleteOperation, "static-roles/app", nil)
	if live := m.sandbox.LiveKeys(); len(live) != 1 {
		t.Errorf("alive are %+v, want the kept key", live)
	}
	kept := m.list("keys/")
	if len(kept) != 1 || m.read("keys/" + kept[0])["kept"] != true {
		t.Errorf("the ledger holds %v, want the kept key", kept)
	}
	wantContains(t, m.refusal(logical.DeleteOperation, "config/main", nil), "1 live key", "force=true")
	m.must(logical.DeleteOperation, "config/main", data{"force": true})
}

func TestStaticRoleThatCannotBeMadeLeavesNothing(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.sabotage(sandbox.Fault{Kind: sandbox.Status, Status: 422, Body: `{"error":{"message":"no such scope"}}`, Match: sandbox.Match{Route: "POST /v1/keys"}})
	wantContains(t, m.refusal(logical.UpdateOperation, "static-roles/app", data{"connection": "main"}), "422", "no such scope")
	if got := m.read("static-roles/app"); got != nil {
		t.Errorf("it was stored: %v", got)
	}
	wantContains(t, m.refusal(logical.ReadOperation, "static-creds/app", nil), `no static role "app"`)
}

func TestStaticRoleOutlivesItsConnection(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("static-roles/app", data{"connection": "main", "owner": "team-app"})
	wantContains(t, m.refusal(logical.DeleteOperation, "config/main", nil), "1 live key", "force=true")
	m.must(logical.DeleteOperation, "config/main", data{"force": "true"})

	resp := m.must(logical.ReadOperation, "static-roles/app", nil)
	if resp.Data["owner"] != nil || len(resp.Warnings) != 1 {
		t.Errorf("without a definition nobody knows what is secret, but it shows %v, warning %v", resp.Data, resp.Warnings)
	}
	if got := m.read("static-creds/app"); got["api_key"] == nil {
		t.Errorf("the key is gone, although it lives: %v", got)
	}
	wantContains(t, m.refusal(logical.UpdateOperation, "rotate-role/app", nil), `"main"`, "config/main")
}

func TestStaticCreds(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("static-roles/app", data{"connection": "main", "rotation_period": "24h", "overlap": "1h", "scopes": "read"})

	first := m.read("static-creds/app")
	wantFields(t, without(first, "api_key", "key_name", "last_vault_rotation", "next_rotation", "expires_at", "ttl"), data{"previous": []any{}, "rotation_period": 86400})
	if ttl, err := first["ttl"].(json.Number).Int64(); err != nil || ttl < 24*3600-60 || ttl > 24*3600 {
		t.Errorf("ttl is %v, want the seconds left of 24h", first["ttl"])
	}
	if end := m.time(first, "expires_at"); end.Before(m.time(first, "next_rotation").Add(time.Hour)) {
		t.Errorf("the provider ends the key at %s, before its overlap is over", end)
	}
	m.works(first["api_key"])

	m.write("rotate-role/app", nil)
	second := m.read("static-creds/app")
	if second["api_key"] == first["api_key"] || second["key_name"] == first["key_name"] {
		t.Fatal("a rotation left the key as it was")
	}
	previous := second["previous"].([]any)
	if len(previous) != 1 {
		t.Fatalf("previous are %v, want one", previous)
	}
	old := previous[0].(data)
	if old["api_key"] != first["api_key"] || old["key_name"] != first["key_name"] || old["expires_at"] != first["expires_at"] {
		t.Errorf("previous is not the key that was: %v", old["key_name"])
	}
	if until := m.time(old, "until"); until.Sub(m.time(second, "last_vault_rotation")).Round(time.Minute) != time.Hour {
		t.Errorf("previous works until %s, want an hour after %v", until, second["last_vault_rotation"])
	}
	m.works(second["api_key"])
	m.works(old["api_key"])

	// The ledger knows both, and shows neither's value.
	for _, id := range m.list("keys/") {
		key := m.read("keys/" + id)
		if key["static_role"] != "app" || key["deadline"] != nil || key["api_key"] != nil {
			t.Errorf("the ledger shows %v", key)
		}
	}
}

func TestStaticCredsWithoutOverlap(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("static-roles/app", data{"connection": "main"})
	first := m.read("static-creds/app")
	for _, absent := range []string{"ttl", "next_rotation"} {
		if value, shown := first[absent]; shown {
			t.Errorf("%s is %v, though it is rotated by hand only", absent, value)
		}
	}
	m.write("rotate-role/app", nil)
	second := m.read("static-creds/app")
	if live := m.sandbox.LiveKeys(); len(live) != 1 || live[0].Name != second["key_name"] {
		t.Errorf("alive are %+v, want %v alone", live, second["key_name"])
	}
	if len(second["previous"].([]any)) != 0 {
		t.Errorf("previous are %v", second["previous"])
	}
}

func TestFailedRotationShows(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("static-roles/app", data{"connection": "main", "rotation_period": "24h"})
	before := m.read("static-creds/app")
	m.sabotage(sandbox.Fault{Kind: sandbox.Status, Status: 403, Count: new(int), Match: sandbox.Match{Method: "POST"}})
	for range 2 {
		wantContains(t, m.refusal(logical.UpdateOperation, "rotate-role/app", nil), "403")
		wantContains(t, m.refusal(logical.UpdateOperation, "rotate-root/main", nil), "403", "keeps its credential")
	}
	for _, path := range []string{"static-roles/app", "config/main"} {
		got := m.read(path)
		text, _ := got["last_error"].(string)
		wantContains(t, text, "403")
		if got["failures"] != json.Number("2") {
			t.Errorf("%s says %v failures, want 2", path, got["failures"])
		}
	}
	if after := m.read("static-creds/app"); after["api_key"] != before["api_key"] || after["last_vault_rotation"] != before["last_vault_rotation"] {
		t.Errorf("a failed rotation changed the key: %v", after)
	}
	m.sandbox.ClearFaults()
	m.write("rotate-role/app", nil)
	m.write("rotate-root/main", nil)
	for _, path := range []string{"static-roles/app", "config/main"} {
		if got := m.read(path); got["last_error"] != nil || got["failures"] != json.Number("0") {
			t.Errorf("%s still says %v after a success, %v failures", path, got["last_error"], got["failures"])
		}
	}
}

// works uses a key at the provider.
func (m *mount) works(key any) {
	m.t.Helper()
	if status := m.status(key); status != 200 {
		m.t.Errorf("the key is refused with status %d", status)
	}
}

func without(answer data, fields ...string) data {
	left := maps.Clone(answer)
	for _, field := range fields {
		delete(left, field)
	}
	return left
}
