package providers

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const conditional = `provider "conditional" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  auth "bearer" { token = connection.admin_key }
  check {
    get = "/me"
    ok  = body.code == 0
  }
  issue {
    step "make" {
      post = "/keys"
      json = { name = key.name }
      save = { id = body.id, value = body.value }
      poll {
        get   = "/operations/${body.operation}"
        until = try(body.done, false)
        every = "1s"
      }
      undo {
        delete = "/keys/${saved.id}"
        gone   = [404]
      }
    }
    step "bind" {
      when = length(key.cidrs) > 0
      post = "/keys/${saved.id}/networks"
      json = key.cidrs
      save = { bound = body.count }
    }
    id     = saved.id
    secret = { key = saved.value }
    save   = { bound = coalesce(saved.bound, 0) }
  }
  revoke {
    step "look" {
      get  = "/keys/${key.id}"
      gone = status == 200 && body.deleted
    }
    step "delete" {
      post = "/keys/${key.id}/delete"
      json = { bound = saved.bound }
      poll {
        get   = "/operations/${body.operation}"
        until = try(body.done, false)
        every = "1s"
      }
    }
  }
  errors {
    message      = body.message
    unauthorized = contains([401, 10003], body.code)
  }
}`

func conditionalServer(t *testing.T) *fake {
	f := newFake(t)
	f.on("POST /v1/keys", 200, object{"id": "k1", "value": "k-value", "operation": "op1"})
	f.on("GET /v1/operations/op1", 200, object{"done": true})
	f.on("POST /v1/keys/k1/networks", 200, object{"count": 2})
	f.on("GET /v1/keys/k1", 200, object{"deleted": false})
	f.on("POST /v1/keys/k1/delete", 200, object{"operation": "op2"})
	f.on("GET /v1/operations/op2", 200, object{"done": true})
	return f
}

func TestStepIsMadeWhenItsConditionHolds(t *testing.T) {
	for networks, want := range map[string]string{
		"":             "POST /v1/keys, GET /v1/operations/op1",
		"192.0.2.0/24": "POST /v1/keys, GET /v1/operations/op1, POST /v1/keys/k1/networks",
	} {
		f := conditionalServer(t)
		key, err := f.client(t, conditional, nil).Issue(context.Background(), KeyRequest{Name: "n", CIDRs: strings.Fields(networks)})
		if err != nil || key.Handle.ID != "k1" || key.Value != "k-value" {
			t.Errorf("%q: got %#v, %v", networks, key, err)
		}
		if got := strings.Join(f.seen(), ", "); got != want {
			t.Errorf("%q: requests %s, want %s", networks, got, want)
		}
	}
}

// What is begun is waited for, and a key that a look finds gone is not deleted
// again.
func TestRevokeLooksBeforeItDeletes(t *testing.T) {
	f := conditionalServer(t)
	c := f.client(t, conditional, nil)
	h := Handle{Name: "n", ID: "k1", Saved: Values{"bound": 0}}
	if err := c.Revoke(context.Background(), h); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(f.seen(), ", "), "GET /v1/keys/k1, POST /v1/keys/k1/delete, GET /v1/operations/op2"; got != want {
		t.Errorf("requests %s, want %s", got, want)
	}
	f.on("GET /v1/keys/k1", 200, object{"deleted": true})
	if err := c.Revoke(context.Background(), h); err != nil || len(f.seen()) != 4 {
		t.Errorf("%v after %v", err, f.seen())
	}
	f.on("GET /v1/keys/k1", 500, object{"deleted": true, "message": "broken"})
	if err := c.Revoke(context.Background(), h); KindOf(err) != Unknown {
		t.Errorf("a look that fails proves nothing: %v", err)
	}
}

func TestUnauthorizedUnder200(t *testing.T) {
	for code, want := range map[int]Kind{10003: Unauthorized, 10001: Refused} {
		f := newFake(t)
		f.on("GET /v1/me", 200, object{"code": code, "message": "no"})
		if err := f.client(t, conditional, nil).Check(context.Background()); KindOf(err) != want {
			t.Errorf("code %d: %v, want kind %d", code, err, want)
		}
	}
}

// A token that was fetched in the midst of an operation is kept out of its
// error as well.
func TestFreshTokenIsScrubbed(t *testing.T) {
	f := newFake(t)
	f.on("POST /v1/login", 200, object{"token": "token-number-1"})
	f.do("POST /v1/keys", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"message":"%s may not"}`, r.Header.Get("Authorization"))
	})
	c, err := NewClient(mustParse(t, authDefinition(`auth "login" {
    request { post = "/login" }
    token = body.token
  }`)), Settings{Values: Values{"secret": "s3cret"}, BaseURL: f.URL + "/v1", Dial: network.Dial})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Issue(context.Background(), KeyRequest{Name: "n"})
	if KindOf(err) != Refused || !strings.Contains(err.Error(), "Bearer [hidden] may not") {
		t.Errorf("got %v", err)
	}
}
