package paths_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/providers"
)

func TestRotateRoot(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	before := m.read("config/main")
	for _, absent := range []string{"last_vault_rotation", "next_rotation", "last_error", "notice", "credential_expires_at"} {
		if value, shown := before[absent]; shown {
			t.Errorf("%s is %v before any rotation", absent, value)
		}
	}
	m.write("rotate-root/main", nil)
	if status := m.status(adminKey); status != http.StatusUnauthorized {
		t.Errorf("the old admin key is answered with status %d", status)
	}
	m.write("check/main", nil)
	got := m.read("config/main")
	if at := m.time(got, "last_vault_rotation"); time.Since(at) > time.Minute {
		t.Errorf("last_vault_rotation is %s", at)
	}
	m.showsNoCredential(got)
	m.write("config/main", data{"request_timeout": "5s"}) // keeps the new credential
	m.write("check/main", nil)
}

// TestWhatNobodyEndsIsTold is about what stays alive at a provider when a
// connection, or the whole mount, goes.
func TestWhatNobodyEndsIsTold(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	left := func() string { return fmt.Sprint(m.read("info")["left_by_disable"]) }
	if got := left(); got != "[]" {
		t.Errorf("of an unused mount %s is left", got)
	}
	m.write("roles/ci", data{"connection": "main"})
	m.mint("ci") // ended by Vault, before it disables
	if got := left(); got != "[]" {
		t.Errorf("beside leases %s is left", got)
	}
	m.write("static-roles/app", data{"connection": "main"})
	wantContains(t, left(), "1 static role: app")
	m.must(logical.DeleteOperation, "static-roles/app", nil)
	if got := left(); got != "[]" {
		t.Errorf("after the static role is deleted %s is left", got)
	}
	if resp := m.must(logical.DeleteOperation, "config/main", data{"force": true}); resp != nil {
		t.Errorf("deleting a connection whose credential an operator wrote answers %v", resp)
	}
	m.connect("main")
	m.write("rotate-root/main", nil)
	wantContains(t, left(), "1 connection: main")
	resp := m.must(logical.DeleteOperation, "config/main", data{"force": true})
	if resp == nil || len(resp.Warnings) != 1 {
		t.Fatalf("deleting a connection whose credential a rotation made answers %v", resp)
	}
	wantContains(t, resp.Warnings[0], "nobody knows it any more")
	if got := left(); got != "[]" {
		t.Errorf("of a mount without connections %s is left", got)
	}
}

// TestRotationTellsWhatIsLeftToDo is about a provider that cannot tell which
// admin credential is the old one, and ends the new one by itself.
func TestRotationTellsWhatIsLeftToDo(t *testing.T) {
	m := newMount(t)
	sandbox, err := providers.Load("sandbox")
	if err != nil {
		t.Fatal(err)
	}
	source := strings.NewReplacer(
		`provider "sandbox"`, `provider "forgetful"`,
		"    retire {\n", "    retire {\n      when = saved.old_id == \"\"\n",
		"      json = { name = key.name }\n    }\n\n    connection", "      json = { name = key.name }\n      headers = { X-End = rfc3339(key.expires_at) }\n    }\n\n    connection",
	).Replace(sandbox.Source())
	m.write("definitions/forgetful", data{"definition": source})
	m.write("config/main", data{"provider": "forgetful", "admin_key": adminKey, "base_url": m.url, "allowed_roles": "*"})
	const byHand = "delete it there by hand"
	if warned := m.must(logical.UpdateOperation, "rotate-root/main", nil).Warnings; len(warned) != 1 || !strings.Contains(warned[0], byHand) {
		t.Errorf("warnings: %q", warned)
	}
	if status := m.status(adminKey); status != http.StatusOK {
		t.Errorf("the old admin key is answered with status %d, so nothing is left to do", status)
	}
	got := m.read("config/main")
	if notice, _ := got["notice"].(string); !strings.Contains(notice, byHand) {
		t.Errorf("the connection shows the notice %q", notice)
	}
	if end := m.time(got, "credential_expires_at"); time.Until(end) < 300*24*time.Hour {
		t.Errorf("the credential is said to end at %s", end)
	}
	m.showsNoCredential(got)
}

func TestRootRotationBySchedule(t *testing.T) {
	m := newMount(t)
	m.write("config/main", data{"provider": "sandbox", "admin_key": adminKey, "base_url": m.url, "allowed_roles": "*", "rotation_schedule": "0 3 * * SAT", "rotation_window": "1h"})
	got := m.read("config/main")
	next := m.time(got, "next_rotation")
	if got["rotation_schedule"] != "0 3 * * SAT" || got["rotation_window"] != json.Number("3600") || next.Weekday() != time.Saturday || next.Hour() != 3 {
		t.Errorf("the connection reads as %v", got)
	}
	m.write("config/main", data{"rotation_period": "5s"})
	eventually(t, "a rotation by its period", func() bool { return m.read("config/main")["last_vault_rotation"] != nil })
	m.write("config/main", data{"rotation_period": ""})
	if got := m.read("config/main"); got["next_rotation"] != nil || got["rotation_period"] != json.Number("0") {
		t.Errorf("without a period it reads as %v", got)
	}
	m.write("check/main", nil)
	m.showsNoCredential(m.read("config/main"))
}

// A change of a connection must not put back the credential that a rotation at
// the same time replaced.
func TestChangesDoNotUndoARotation(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("config/main", data{"verify_connection": false})
	var changing sync.WaitGroup
	ended := make(chan struct{})
	stop := sync.OnceFunc(func() {
		close(ended)
		changing.Wait()
	})
	defer stop()
	for range 4 {
		changing.Go(func() {
			for n := 1; ; n++ {
				select {
				case <-ended:
					return
				default:
				}
				if _, err := m.send(logical.UpdateOperation, "config/main", data{"request_timeout": n%60 + 1}); err != nil {
					t.Errorf("changing the connection: %v", err)
					return
				}
			}
		})
	}
	for range 20 {
		m.write("rotate-root/main", nil)
	}
	stop()
	m.write("check/main", nil)
	if admins := m.sandbox.State().AdminKeys; len(admins) != 1 {
		t.Errorf("%d admin keys are left at the provider, want one", len(admins))
	}
}

// showsNoCredential fails when the answer, or any other of the connection's,
// holds the credential that storage has.
func (m *mount) showsNoCredential(answer data) {
	m.t.Helper()
	var stored struct{ Fields data }
	if err := json.Unmarshal([]byte(m.stored()["config/main"]), &stored); err != nil {
		m.t.Fatal(err)
	}
	credential, _ := stored.Fields["admin_key"].(string)
	if credential == "" || credential == adminKey {
		m.t.Fatal("storage has no new credential")
	}
	text, err := json.Marshal(answer)
	if err != nil {
		m.t.Fatal(err)
	}
	if strings.Contains(string(text), credential) {
		m.t.Errorf("the credential is shown: %s", strings.ReplaceAll(string(text), credential, "<THE CREDENTIAL>"))
	}
}

// status is the provider's answer to a key that asks who it is.
func (m *mount) status(key any) int {
	m.t.Helper()
	return statusAt(m.sandbox, key)
}

func statusAt(sandbox *sandbox.Server, key any) int {
	request := httptest.NewRequest(http.MethodGet, "/v1/whoami", nil)
	request.Header.Set("Authorization", fmt.Sprintf("Bearer %v", key))
	answer := httptest.NewRecorder()
	sandbox.ServeHTTP(answer, request)
	return answer.Code
}

func (m *mount) sabotage(faults ...sandbox.Fault) {
	m.t.Helper()
	if err := m.sandbox.AddFault(faults...); err != nil {
		m.t.Fatal(err)
	}
}

// rotatesWithoutARefusal has a consumer poll the key of a static role every few
// milliseconds and use it each time, through a hundred rotations, while the
// admin credential is rotated without a pause.
func rotatesWithoutARefusal(t *testing.T, a *accepted) {
	a.write("config/main", data{"provider": "sandbox", "admin_key": adminKey, "base_url": a.url, "allowed_roles": "*"})
	a.write("static-roles/app", data{"connection": "main", "scopes": "read", "overlap": "5s"})
	const rotations = 100
	var (
		consuming sync.WaitGroup
		uses      int
		roots     int
		seen      = map[string]bool{}
		ended     = make(chan struct{})
	)
	stop := sync.OnceFunc(func() {
		close(ended)
		consuming.Wait()
	})
	defer stop()
	consuming.Go(func() {
		pause := time.NewTicker(2 * time.Millisecond)
		defer pause.Stop()
		for {
			secret, err := a.client.Logical().ReadWithContext(t.Context(), a.mount+"static-creds/app")
			if err != nil {
				t.Errorf("reading the key: %v", err)
				return
			}
			key := secret.Data["api_key"].(string)
			if status := statusAt(a.sandbox, key); status != http.StatusOK {
				t.Errorf("after %d uses, key %v is refused with status %d", uses, secret.Data["key_name"], status)
				return
			}
			uses++
			seen[key] = true
			select {
			case <-ended:
				return
			case <-pause.C:
			}
		}
	})
	consuming.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
			}
			if _, err := a.client.Logical().WriteWithContext(t.Context(), a.mount+"rotate-root/main", nil); err != nil {
				t.Errorf("rotating the admin credential: %v", err)
				return
			}
			roots++
		}
	})
	for range rotations {
		a.write("rotate-role/app", nil)
	}
	stop()
	t.Logf("the key was used %d times; %d of %d keys were seen; the admin credential was rotated %d times", uses, len(seen), rotations+1, roots)
	if uses < rotations || len(seen) < rotations/2 {
		t.Errorf("the consumer used the key %d times and saw %d keys of %d: that proves little", uses, len(seen), rotations+1)
	}
	eventually(t, "all but the current key are revoked", func() bool { return len(a.sandbox.LiveKeys()) == 1 })
	current := a.read("static-creds/app").(map[string]any)
	if live := a.sandbox.LiveKeys(); live[0].Name != current["key_name"] {
		t.Errorf("the key that is left is %s, want %v", live[0].Name, current["key_name"])
	}
	if admins := a.sandbox.State().AdminKeys; len(admins) != 1 || admins[0].Name == "first" {
		t.Errorf("the admin keys at the provider are %+v, want the newest alone", admins)
	}
	shown, err := json.Marshal(a.read("config/main"))
	if err != nil || strings.Contains(string(shown), "admin_key") {
		t.Errorf("the connection shows its credential (%v): %s", err, shown)
	}
}
