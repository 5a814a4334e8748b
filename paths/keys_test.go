package paths_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestKeys(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main", "ttl": "10m"})
	if got := m.list("keys/"); len(got) != 0 {
		t.Errorf("a new mount has the keys %v", got)
	}

	minted := map[string]string{} // name to secret value
	for range 7 {
		lease := m.mint("ci")
		minted[lease.Data["key_name"].(string)] = lease.Data["api_key"].(string)
	}

	var pages int
	var ids []string
	for after := ""; ; pages++ {
		resp := m.must(logical.ListOperation, "keys/", data{"after": after, "limit": "3"})
		page, _ := resp.Data["keys"].([]string)
		if len(page) == 0 {
			break
		}
		if len(page) > 3 {
			t.Fatalf("a page of at most 3 has %d keys", len(page))
		}
		info := resp.Data["key_info"].(data)
		for _, id := range page {
			shown := info[id].(data)
			if shown["role"] != "ci" || shown["connection"] != "main" || minted[shown["key_name"].(string)] == "" {
				t.Errorf("key_info of %s is %v", id, shown)
			}
		}
		ids = append(ids, page...)
		after = page[len(page)-1]
	}
	if len(ids) != 7 || pages != 3 || !slices.IsSorted(ids) {
		t.Fatalf("%d pages list %v, want the 7 keys in order on 3", pages, ids)
	}

	names := map[string]bool{}
	for _, id := range ids {
		key := m.read("keys/" + id)
		names[key["key_name"].(string)] = true
		for _, field := range []string{"issued_at", "deadline", "expires_at", "provider", "provider_id", "display_name", "remote_addr"} {
			if key[field] == nil || key[field] == "" {
				t.Errorf("keys/%s does not show %s", id, field)
			}
		}
		text, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range minted {
			if strings.Contains(string(text), secret) {
				t.Errorf("keys/%s shows a key's value", id)
			}
		}
	}
	if len(names) != 7 {
		t.Errorf("the ids lead to %d keys, want 7", len(names))
	}
	if got := m.read("keys/00000000000000000000000000000000"); got != nil {
		t.Errorf("a key that does not exist reads as %v", got)
	}
	for connection, want := range map[string]int{"main": 7, "gone": 0} {
		got, _ := m.must(logical.ListOperation, "keys/", data{"connection": connection}).Data["keys"].([]string)
		if len(got) != want {
			t.Errorf("of connection %s %d keys are listed, want %d", connection, len(got), want)
		}
	}
	wantContains(t, m.refusal(logical.ListOperation, "keys/", data{"conection": "box"}), `did you mean "connection"?`)
	wantContains(t, m.refusal(logical.ListOperation, "keys/", data{"limit": "-1"}), "limit must not be negative")
	wantContains(t, m.refusal(logical.ListOperation, "keys/", data{"limit": "many"}), "limit must be a whole number")
	wantContains(t, m.refusal(logical.ListOperation, "keys/", data{"limits": "1"}), `did you mean "limit"?`)
}
