package sandbox_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/providers"
)

// sandboxClient connects a built-in definition to a sandbox of its own.
func sandboxClient(t *testing.T, name string) (*providers.Definition, *providers.Client, *sandbox.Server) {
	t.Helper()
	box := sandbox.New(sandbox.Options{})
	web := httptest.NewServer(box)
	t.Cleanup(web.Close)
	t.Cleanup(box.Close)
	definition, err := providers.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	client, err := providers.NewClient(definition, providers.Settings{
		BaseURL: web.URL, Values: providers.Values{"admin_key": box.AdminKey()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return definition, client, box
}

func request(name string) providers.KeyRequest {
	return providers.KeyRequest{
		Name: name, Role: providers.Values{"scopes": []any{"read"}}, CIDRs: []string{"127.0.0.0/8"},
		TTL: time.Hour, ExpiresAt: time.Now().Add(time.Hour).UTC().Truncate(time.Second),
	}
}

// TestDefinitions takes a key through its life with each of the definitions.
func TestDefinitions(t *testing.T) {
	for _, name := range []string{"sandbox", "sandbox-accounts"} {
		t.Run(name, func(t *testing.T) {
			definition, client, box := sandboxClient(t, name)
			ctx := t.Context()
			if can := definition.Capabilities; !can.NativeExpiry || !can.IPBinding || !can.Reconcile || !can.Lookup || !can.Extend || !can.Probe || !can.Check {
				t.Errorf("capabilities are %+v", can)
			}
			if err := client.Check(ctx); err != nil {
				t.Fatal(err)
			}
			wanted := request("k")
			key, err := client.Issue(ctx, wanted)
			if err != nil {
				t.Fatal(err)
			}
			live := box.LiveKeys()
			if len(live) != 1 || live[0].Name != "k" || !live[0].ExpiresAt.Equal(wanted.ExpiresAt) || len(live[0].Scopes) != 1 || len(live[0].AllowedCIDRs) != 1 {
				t.Fatalf("keys are %+v", live)
			}
			if alive, err := client.Probe(ctx, key.Secret); err != nil || alive != providers.Alive {
				t.Errorf("probe says %v, %v", alive, err)
			}
			found, err := client.Find(ctx, definition.ListingScope(wanted.Role, nil), providers.Look{Name: "k"})
			if err != nil || len(found.Keys) != 1 || found.Keys[0].Handle.ID != key.Handle.ID || found.Keys[0].CreatedAt.IsZero() {
				t.Errorf("found %+v, %v", found, err)
			}
			later := wanted.ExpiresAt.Add(time.Hour)
			if _, err := client.Extend(ctx, key.Handle, later, 2*time.Hour); err != nil || !box.LiveKeys()[0].ExpiresAt.Equal(later) {
				t.Errorf("extending: %v, keys are %+v", err, box.LiveKeys())
			}
			for range 2 { // gone is success
				if err := client.Revoke(ctx, found.Keys[0].Handle); err != nil {
					t.Fatal(err)
				}
			}
			if st := box.State(); len(st.Keys) != 0 || len(st.Accounts) != 0 || st.Counters.DeleteAgain != 1 {
				t.Errorf("state is %+v", st)
			}
			if alive, err := client.Probe(ctx, key.Secret); err != nil || alive != providers.Dead {
				t.Errorf("probe says %v, %v", alive, err)
			}
		})
	}
}

// TestListIsPaged lists more keys than one page holds.
func TestListIsPaged(t *testing.T) {
	for _, name := range []string{"sandbox", "sandbox-accounts"} {
		t.Run(name, func(t *testing.T) {
			definition, client, box := sandboxClient(t, name)
			const many = 101
			for i := range many {
				if _, err := client.Issue(t.Context(), request("k"+time.Duration(i).String())); err != nil {
					t.Fatal(err)
				}
			}
			seen := map[string]bool{}
			for listed, err := range client.List(t.Context(), definition.ListingScope(nil, nil)) {
				if err != nil {
					t.Fatal(err)
				}
				seen[listed.Handle.ID] = true
			}
			if len(seen) != many || box.State().Counters.Lists != 1 {
				t.Errorf("listed %d keys in %d lists", len(seen), box.State().Counters.Lists)
			}
		})
	}
}

// TestCheckWantsAnAdminKey gives a key where an admin key belongs.
func TestCheckWantsAnAdminKey(t *testing.T) {
	definition, client, box := sandboxClient(t, "sandbox")
	web := httptest.NewServer(box)
	defer web.Close()
	key, err := client.Issue(t.Context(), request("k"))
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range map[string]any{"a key": key.Secret["api_key"], "nonsense": "sbx_nonsense"} {
		poor, err := providers.NewClient(definition, providers.Settings{BaseURL: web.URL, Values: providers.Values{"admin_key": secret}})
		if err != nil {
			t.Fatal(err)
		}
		defer poor.Close()
		if err := poor.Check(t.Context()); err == nil {
			t.Errorf("%s passes for an admin key", what)
		}
	}
}

// TestUndo lets each step after the first fail, before and after it took
// effect: nothing may be left.
func TestUndo(t *testing.T) {
	for _, route := range []string{"PUT /v1/accounts/{account}/scopes", "POST /v1/accounts/{account}/keys"} {
		for _, fault := range []sandbox.Fault{{Kind: sandbox.Status, Status: 403}, {Kind: sandbox.CommitThen500}, {Kind: sandbox.CommitThenReset}} {
			t.Run(route+", "+string(fault.Kind), func(t *testing.T) {
				_, client, box := sandboxClient(t, "sandbox-accounts")
				fault.Match.Route = route
				if err := box.AddFault(fault); err != nil {
					t.Fatal(err)
				}
				if _, err := client.Issue(t.Context(), request("k")); err == nil {
					t.Error("issue succeeds")
				}
				if st := box.State(); len(st.Keys) != 0 || len(st.Accounts) != 0 || len(st.Faults) != 0 {
					t.Errorf("state is %+v", st)
				}
			})
		}
	}
}
