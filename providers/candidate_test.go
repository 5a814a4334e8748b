package providers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// chosenDefinition is a provider that lets us choose the secret of a key.
const chosenDefinition = `provider "chosen" {
  title = "Chosen"
  connection "admin_key" {
    type      = string
    sensitive = true
  }
  auth "bearer" { token = connection.admin_key }
  issue {
    candidate = { password = random_password(32) }
    step "user" {
      put  = "/users/${key.name}"
      json = { password = candidate.password }
    }
    step "again" {
      post = "/users/${key.name}/confirm"
      json = { password = candidate.password }
    }
    id     = key.name
    secret = {
      password = candidate.password
      username = key.name
    }
  }
  revoke {
    delete = "/users/${key.id}"
    gone   = [404]
  }
}
`

func TestIssueChoosesASecretOncePerKey(t *testing.T) {
	f := newFake(t)
	f.on("PUT /v1/users/app-1", 201, "")
	f.on("POST /v1/users/app-1/confirm", 200, "")
	c := f.client(t, chosenDefinition, nil)
	seen := map[string]bool{}
	for range 2 {
		key, err := c.Issue(t.Context(), KeyRequest{Name: "app-1"})
		if err != nil {
			t.Fatal(err)
		}
		if len(key.Value) != 32 || key.Secret["password"] != key.Value {
			t.Fatalf("the key is %q, its secret %v: want the 32 characters that were chosen", key.Value, key.Secret)
		}
		for _, body := range f.bodies[len(f.bodies)-2:] {
			if body != `{"password":"`+key.Value+`"}` {
				t.Errorf("a request says %s, and the reader got %s", body, key.Value)
			}
		}
		if key.Handle.Sealed || len(key.Handle.Secret) > 0 {
			t.Errorf("the handle keeps what revoke does not need: %#v", key.Handle)
		}
		seen[key.Value] = true
	}
	if len(seen) != 2 {
		t.Error("two keys have one secret")
	}
}

func TestChosenSecretStaysOutOfErrors(t *testing.T) {
	f := newFake(t)
	f.do("PUT /v1/users/app-1", func(w http.ResponseWriter, _ *http.Request) {
		body, _ := f.last()
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"message": "too weak for app-1: %s"}`, strings.Split(body, `"`)[3])
	})
	c := f.client(t, chosenDefinition, nil)
	_, err := c.Issue(t.Context(), KeyRequest{Name: "app-1"})
	if err == nil || !strings.Contains(err.Error(), "too weak for app-1") {
		t.Fatalf("the refusal gave %v", err)
	}
	password := strings.Split(f.bodies[0], `"`)[3]
	if strings.Contains(err.Error(), password) {
		t.Errorf("the error quotes the password: %v", err)
	}
}

func TestChosenIDIsNotKnownBeforehand(t *testing.T) {
	if !mustParse(t, chosenDefinition).Capabilities.KnownID {
		t.Error("the id is the name, and yet not known")
	}
	chosen := strings.Replace(chosenDefinition, "id     = key.name", "id     = candidate.password", 1)
	c := mustParse(t, chosen).Capabilities
	if c.KnownID {
		t.Error("an id that is drawn anew for each call is taken for known")
	}
	if !c.SealedRecord {
		t.Error("an id that is the secret is not kept sealed")
	}
}

func TestCandidateMistakes(t *testing.T) {
	for name, c := range map[string]struct{ old, new, says string }{
		"never sent":            {"random_password(32) }", "random_password(32), user = \"u\" }", "No request mentions candidate.user"},
		"never declared":        {"    candidate = { password = random_password(32) }\n", "", "candidate means nothing here"},
		"random in the request": {"json = { password = candidate.password }\n    }\n    step", "json = { password = random_password(20) }\n    }\n    step", "function out of place"},
		"not known after issue": {"delete = \"/users/${key.id}\"", "delete = \"/users/${candidate.password}\"", "candidate means nothing here"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(chosenDefinition, c.old, c.new, 1)
			if text == chosenDefinition {
				t.Fatal("the test changes nothing")
			}
			_, err := Parse("chosen.hcl", []byte(text))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error lacks %q: %v", c.says, err)
			}
		})
	}
}

// TestDerivedPassword: what the key's name gives is sent with the key's making, and by
// another client of the same seed with the revocation of a key of which nothing but the
// list is known; no record need be sealed for it, and no error shows it.
func TestDerivedPassword(t *testing.T) {
	inBubble(func(t *testing.T) {
		f := newFake(t)
		f.on("POST /v1/projects/p1/keys", 201, object{"id": "i", "key": "sk-value-1", "owner": "o"})
		f.on("DELETE /v1/projects/p1/keys/i", 500, object{"error": "wrong: QAAm3wAvr0tVVXFhvKsOLgZIn8OOFNNd"})
		src := strings.Replace(wholeDefinition, "name    = key.name", "name    = key.name\n      phrase = derived_password(key.name, 32)", 1)
		src = strings.Replace(src, "query  = { owner = saved.owner }", "query  = { owner = saved.owner, phrase = derived_password(key.name, 32) }", 1)
		seeded := func() *Client {
			c, err := NewClient(mustParse(t, src), Settings{BaseURL: f.URL + "/v1", Values: Values{"admin_key": "the admin's", "org": "main"}, Seed: []byte("the seed of the tests"), Dial: network.Dial})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			return c
		}
		key, err := seeded().Issue(t.Context(), KeyRequest{Name: "vault-app-1", Role: Values{"project": "p1"}, ExpiresAt: time.Now().Add(time.Hour), TTL: time.Hour})
		if err != nil || key.Handle.Sealed {
			t.Fatalf("%v, and sealed is %t", err, err == nil && key.Handle.Sealed)
		}
		listed := Handle{Name: "vault-app-1", ID: "i", Role: Values{"project": "p1"}, Saved: Values{"owner": "o"}}
		if err := seeded().Revoke(t.Context(), listed); err == nil || strings.Contains(err.Error(), "QAAm3w") {
			t.Errorf("the error is %v", err)
		}
		if sent := f.bodies[0]; !strings.Contains(sent, `"phrase":"QAAm3wAvr0tVVXFhvKsOLgZIn8OOFNNd"`) {
			t.Errorf("sent is %s", sent)
		}
		if call := f.calls[1]; !strings.Contains(call, "phrase=QAAm3wAvr0tVVXFhvKsOLgZIn8OOFNNd") {
			t.Errorf("asked is %s", call)
		}
		plain := f.client(t, src, nil)
		if _, err := plain.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}, ExpiresAt: time.Now().Add(time.Hour), TTL: time.Hour}); KindOf(err) != Refused {
			t.Errorf("without a seed: %v", err)
		}
	})(t)
}
