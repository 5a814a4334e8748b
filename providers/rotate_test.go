package providers

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	own, admin, password   = "GET /v1/admins/self", "POST /v1/admins", "PUT /v1/admins/a2/password"
	undoAdmin, retireAdmin = "DELETE /v1/admins/a2", "DELETE /v1/admins/a1"
	chosen                 = "candidate-s3cret"
)

var rotation1 = RotateRequest{Name: "vault-root-1", Candidate: Values{"password": chosen}}

// scriptRotation makes every request of rotateDefinition succeed.
func scriptRotation(f *fake) {
	f.on(own, 200, object{"id": "a1"})
	f.on(admin, 201, object{"id": "a2"})
	f.on(password, 200, object{"prefix": "p", "org": "new-org"})
	f.on(undoAdmin, 204, "")
	f.on(retireAdmin, 204, "")
	f.on("DELETE /v1/groups/main", 204, "")
}

func TestRotate(t *testing.T) {
	f := newFake(t)
	scriptRotation(f)
	c := f.client(t, rotateDefinition, nil)
	got, err := c.Rotate(t.Context(), rotation1)
	if err != nil {
		t.Fatal(err)
	}
	want := &Rotation{
		Connection: Values{"admin_key": "p-" + chosen, "org": "new-org"},
		Previous:   Values{"admin_key": adminKey, "org": "main"},
		Saved:      Values{"old": "a1", "group": "main"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the rotation is %#v %#v %#v", got.Connection, got.Previous, got.Saved)
	}
	if calls := f.seen(); !slices.Equal(calls, []string{own, admin, password}) {
		t.Errorf("it asks %q", calls)
	}
	if body, header := f.last(); body != `{"password":"`+chosen+`"}` || header.Get("Authorization") != "Bearer "+adminKey {
		t.Errorf("the last request says %s", body)
	}
	for _, text := range []string{fmt.Sprint(got, rotation1), fmt.Sprintf("%+v %#v", *got, rotation1)} {
		if strings.Contains(text, chosen) || strings.Contains(text, adminKey) {
			t.Errorf("printed, it shows secrets: %s", text)
		}
	}
	fresh := f.client(t, rotateDefinition, got.Connection)
	if err := fresh.Retire(t.Context(), *got); err != nil {
		t.Fatal(err)
	}
	if calls := f.seen(); !slices.Equal(calls[3:], []string{retireAdmin, "DELETE /v1/groups/main?reason=main"}) {
		t.Errorf("retire asks %q", calls[3:])
	}
	if _, header := f.last(); header.Get("Authorization") != "Bearer p-"+chosen {
		t.Error("retire does not use the new credential")
	}
}

// An end is sent as a time and as seconds; without one both are left out.
func TestRotateEnd(t *testing.T) {
	inBubble(func(t *testing.T) {
		f := newFake(t)
		scriptRotation(f)
		c := f.client(t, rotateDefinition, nil)
		sent := func() string {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.bodies[len(f.bodies)-2]
		}
		if _, err := c.Rotate(t.Context(), rotation1); err != nil {
			t.Fatal(err)
		}
		if body := sent(); body != `{"name":"vault-root-1"}` {
			t.Errorf("without an end it sends %s", body)
		}
		ending := rotation1
		ending.ExpiresAt = time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
		if _, err := c.Rotate(t.Context(), ending); err != nil {
			t.Fatal(err)
		}
		match := regexp.MustCompile(`^\{"ends":"(.*)","name":"vault-root-1","seconds":(172799|172800)\}$`).FindStringSubmatch(sent())
		if match == nil || match[1] != ending.ExpiresAt.Format(time.RFC3339) {
			t.Errorf("with an end it sends %s", sent())
		}
		ending.ExpiresAt = time.Now().Add(-time.Hour)
		if _, err := c.Rotate(t.Context(), ending); KindOf(err) != Refused || !strings.Contains(fmt.Sprint(err), "lies in the past") {
			t.Errorf("an end in the past: %v", err)
		}
	})(t)
}

func TestRotateBackingOut(t *testing.T) {
	tests := []struct {
		name     string
		script   func(f *fake)
		calls    []string
		kind     Kind
		leftover []string
	}{
		{"first step refused", func(f *fake) { f.on(own, 403, "{}") }, []string{own}, Refused, nil},
		{"second step refused", func(f *fake) { f.on(admin, 409, "{}") }, []string{own, admin}, Refused, nil},
		{"second step unknown: nobody knows the id", func(f *fake) { f.do(admin, dropConnection) }, []string{own, admin}, Unknown, nil},
		{"third step refused", func(f *fake) { f.on(password, 422, "{}") }, []string{own, admin, password, undoAdmin}, Refused, nil},
		{"third step unknown", func(f *fake) { f.do(password, dropConnection) }, []string{own, admin, password, undoAdmin}, Unknown, nil},
		{"answer without a field", func(f *fake) { f.on(password, 200, object{"org": "x"}) }, []string{own, admin, password, undoAdmin}, Refused, nil},
		{"too young to be known", func(f *fake) { f.on(password, 422, "{}"); f.on(undoAdmin, 404, "{}") }, []string{own, admin, password, undoAdmin}, Refused, []string{"admin"}},
		{"undo refused", func(f *fake) { f.on(password, 422, "{}"); f.on(undoAdmin, 403, "{}") }, []string{own, admin, password, undoAdmin}, Refused, []string{"admin"}},
	}
	for _, test := range tests {
		t.Run(test.name, inBubble(func(t *testing.T) {
			f := newFake(t)
			scriptRotation(f)
			test.script(f)
			c := f.client(t, rotateDefinition, nil)
			got, err := c.Rotate(t.Context(), rotation1)
			var e *Error
			if got != nil || !errors.As(err, &e) || e.Kind != test.kind || e.Op != "rotate" {
				t.Fatalf("got %v, %v", got, err)
			}
			if calls := f.seen(); !slices.Equal(calls, test.calls) {
				t.Errorf("it asks %q, not %q", calls, test.calls)
			}
			if (e.Leftover != nil) != (test.leftover != nil) {
				t.Fatalf("the leftover is %+v", e.Leftover)
			}
			if e.Leftover == nil {
				return
			}
			if !slices.Equal(e.Leftover.Undo, test.leftover) || !e.Leftover.Rotation {
				t.Errorf("the leftover is %+v", e.Leftover)
			}
			f.on(undoAdmin, 204, "")
			if err := c.Undo(t.Context(), *e.Leftover, nil, true); err != nil {
				t.Errorf("it cannot be undone later: %v", err)
			}
		}))
	}
}

// No error holds the old credential, the candidate or the new credential,
// also not where the provider echoes them.
func TestRotateScrubbing(t *testing.T) {
	const fresh = "new-s3cret-value"
	src := strings.Replace(wholeDefinition, "  key_name {", `  rotate {
    candidate = { password = random_password(32) }
    step "one" {
      post = "/admins"
      json = { name = key.name, password = candidate.password }
      save = { key = body.key, id = body.id }
      undo { delete = "/admins/${saved.id}" }
    }
    step "two" {
      put = "/admins/${saved.id}/enable"
    }
    connection = { admin_key = saved.key }
    retire {
      delete = "/admins/${saved.id}"
      query  = { key = previous.admin_key }
    }
  }
  key_name {`, 1)
	f := newFake(t)
	f.on("POST /v1/admins", 201, object{"id": "a2", "key": fresh})
	echo := func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"error":"no %s, %s, %s"}`, adminKey, chosen, fresh)
	}
	f.do("PUT /v1/admins/a2/enable", echo)
	f.do("DELETE /v1/admins/a2", echo)
	_, rotateErr := f.client(t, src, nil).Rotate(t.Context(), rotation1)
	// Retire knows the new credential as the connection's, the old as previous.
	retireErr := f.client(t, src, Values{"admin_key": fresh}).Retire(t.Context(), Rotation{
		Previous: Values{"admin_key": adminKey}, Saved: Values{"id": "a2"},
	})
	for name, err := range map[string]error{"rotate": rotateErr, "retire": retireErr} {
		text := fmt.Sprint(err)
		if err == nil || strings.Contains(text, adminKey) || strings.Contains(text, fresh) {
			t.Errorf("%s: the error holds a secret, or is none: %s", name, text)
		}
		if name == "rotate" && strings.Contains(text, chosen) {
			t.Errorf("%s: the error holds the candidate: %s", name, text)
		}
	}
}

func TestRetire(t *testing.T) {
	whole := Rotation{
		Connection: Values{"admin_key": "new", "org": "new-org"},
		Previous:   Values{"admin_key": "old", "org": "main"},
		Saved:      Values{"old": "a1", "group": "main"},
	}
	group := "DELETE /v1/groups/main?reason=main"
	partly := whole
	partly.Saved = Values{"old": "a1"}
	orphan := partly
	orphan.Orphan, orphan.Previous = true, nil
	broken := whole
	broken.Saved = Values{"group": "main"}
	for _, test := range []struct {
		name     string
		rotation Rotation
		script   func(f *fake)
		calls    []string
		fails    bool
		byHand   bool
	}{
		{"whole", whole, func(*fake) {}, []string{retireAdmin, group}, false, false},
		{"gone", whole, func(f *fake) { f.on(retireAdmin, 404, "{}"); f.on("DELETE /v1/groups/main", 404, "{}") }, []string{retireAdmin, group}, false, false},
		{"refused", whole, func(f *fake) { f.on(retireAdmin, 403, "{}") }, []string{retireAdmin}, true, false},
		{"a part unknown", partly, func(*fake) {}, []string{retireAdmin}, true, true},
		{"a part of an orphaned credential", orphan, func(*fake) {}, []string{retireAdmin}, false, false},
		{"what has no condition is missing", broken, func(*fake) {}, nil, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t)
			scriptRotation(f)
			test.script(f)
			err := f.client(t, rotateDefinition, whole.Connection).Retire(t.Context(), test.rotation)
			if (err != nil) != test.fails || errors.Is(err, ErrRetireByHand) != test.byHand {
				t.Errorf("got %v", err)
			}
			if calls := f.seen(); !slices.Equal(calls, test.calls) {
				t.Errorf("it asks %q, not %q", calls, test.calls)
			}
		})
	}
}

// A client that still has the old credential must not delete it.
func TestRetireByTheOld(t *testing.T) {
	f := newFake(t)
	scriptRotation(f)
	c := f.client(t, rotateDefinition, nil)
	got, err := c.Rotate(t.Context(), rotation1)
	if err != nil {
		t.Fatal(err)
	}
	before := len(f.seen())
	if err := c.Retire(t.Context(), *got); KindOf(err) != Refused || len(f.seen()) != before {
		t.Errorf("got %v after %q", err, f.seen()[before:])
	}
}

func TestFindStray(t *testing.T) {
	inBubble(func(t *testing.T) {
		f := newFake(t)
		f.do("GET /v1/admins", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("after") == "" {
				fmt.Fprint(w, `{"data":[{"name":"other","id":"a0"},{"name":"vault-root-1x","id":5,"org":"o","group":"g"}],"more":true,"last":"x"}`)
				return
			}
			fmt.Fprint(w, `{"data":[{"name":"vault-root-11","id":"a3"}],"more":false}`)
		})
		f.on("GET /v1/admins/by-name", 200, `[{"name":"by vault: VAULT_ROOT-1X","id":"a6","org":null,"group":"h"},{"name":"vault-root-10","id":"a7"}]`)
		c := f.client(t, rotateDefinition, nil)
		found, err := c.FindOrphanCredentials(t.Context(), "vault-root-1x", "root-1x")
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, one := range found.Found {
			ids = append(ids, fmt.Sprintf("%v %v %v %t", one.Saved["old"], one.Saved["group"], one.Previous["org"], one.Orphan))
		}
		if want := []string{"5 g o true", "a6 h <nil> true"}; !slices.Equal(ids, want) {
			t.Errorf("found %q, want %q", ids, want)
		}
		f.on("GET /v1/admins/by-name", 500, "{}")
		if _, err := c.FindOrphanCredentials(t.Context(), "vault-root-1x", "root-1x"); KindOf(err) != Unknown || err == nil {
			t.Errorf("half a look is taken for a whole one: %v", err)
		}
		f.on("GET /v1/admins/by-name", 200, `[{"name":"vault-root-1x","org":"o","group":"h"}]`)
		if _, err := c.FindOrphanCredentials(t.Context(), "vault-root-1x", "root-1x"); err == nil {
			t.Error("an orphaned credential without its id is found, and could not be retired")
		}
	})(t)
}

func TestCandidate(t *testing.T) {
	f := newFake(t)
	scriptRotation(f)
	c := f.client(t, rotateDefinition, nil)
	first, err := c.Candidate()
	if err != nil {
		t.Fatal(err)
	}
	second, _ := c.Candidate()
	if len(first) != 1 || len(first["password"].(string)) != 32 || first["password"] == second["password"] {
		t.Errorf("the candidates have %d fields, or are the same", len(first))
	}
	if _, known, err := c.CandidateConnection(first); known || err != nil {
		t.Errorf("the connection depends on the answer: %t, %v", known, err)
	}
	for name, request := range map[string]RotateRequest{
		"none":  {Name: "n"},
		"other": {Name: "n", Candidate: Values{"passphrase": "x"}},
	} {
		if _, err := c.Rotate(t.Context(), request); KindOf(err) != Refused || len(f.seen()) > 0 {
			t.Errorf("%s: got %v", name, err)
		}
	}
	plain := f.client(t, wholeDefinition, nil)
	if candidate, err := plain.Candidate(); candidate != nil || err != nil {
		t.Errorf("without a rotation the candidate is %v, %v", candidate, err)
	}
	if _, err := plain.Rotate(t.Context(), rotation1); KindOf(err) != Refused {
		t.Errorf("without a rotation: %v", err)
	}
	if err := plain.Retire(t.Context(), Rotation{}); err != nil {
		t.Errorf("there is nothing to retire: %v", err)
	}
}

// A field that only rotation needs is asked for before anything is made.
func TestRotateNeedsField(t *testing.T) {
	src := strings.Replace(wholeDefinition, "  role \"limit\"", `  connection "account" { type = string }
  role "limit"`, 1)
	src = strings.Replace(src, "  key_name {", `  rotate {
    post       = "/admins"
    connection = { admin_key = body.key }
    save       = { id = body.old }
    retire { delete = "/accounts/${connection.account}/admins/${saved.id}" }
  }
  key_name {`, 1)
	f := newFake(t)
	f.on("POST /v1/admins", 201, object{"key": "new-s3cret-value", "old": "a1"})
	_, err := f.client(t, src, nil).Rotate(t.Context(), RotateRequest{Name: "n"})
	if KindOf(err) != Refused || !strings.Contains(fmt.Sprint(err), `"account" is not set`) || len(f.seen()) > 0 {
		t.Errorf("got %v after %q", err, f.seen())
	}
	if _, err := f.client(t, src, Values{"account": "x"}).Rotate(t.Context(), RotateRequest{Name: "n"}); err != nil {
		t.Error(err)
	}
}

// TestIsOwn tells the credential that the client uses from another one: by its
// values, or by what retire knows it by.
func TestIsOwn(t *testing.T) {
	for name, test := range map[string]struct {
		rotation Rotation
		status   int // of the answer that tells the client's own
		want     bool
		fails    bool
	}{
		"by its values":              {rotation: Rotation{Previous: Values{"admin_key": adminKey}}, status: 500, want: true},
		"by its id":                  {rotation: Rotation{Orphan: true, Saved: Values{"old": "a1"}}, status: 200, want: true},
		"another id":                 {rotation: Rotation{Orphan: true, Saved: Values{"old": "a2"}}, status: 200},
		"the id is not told":         {rotation: Rotation{Orphan: true, Saved: Values{"old": "a1"}}, status: 403},
		"the provider has no answer": {rotation: Rotation{Orphan: true, Saved: Values{"old": "a1"}}, status: 500, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.on(own, test.status, object{"id": "a1"})
			got, err := f.client(t, rotateDefinition, nil).IsOwn(t.Context(), test.rotation)
			if got != test.want || (err != nil) != test.fails {
				t.Errorf("got %t, %v", got, err)
			}
		})
	}
}

// TestRetireOrMissing tells what was removed from what the provider does not know.
func TestRetireOrMissing(t *testing.T) {
	for status, want := range map[int]bool{204: false, 404: true} {
		f := newFake(t)
		scriptRotation(f)
		f.on(retireAdmin, status, "")
		missing, err := f.client(t, rotateDefinition, Values{"admin_key": "another-one"}).RetireOrMissing(t.Context(), Rotation{Saved: Values{"old": "a1"}})
		if missing != want || err != nil && !errors.Is(err, ErrRetireByHand) {
			t.Errorf("after status %d: missing is %t, %v", status, missing, err)
		}
	}
}

// TestRotateUndoably: what a rotation has made can be removed again.
func TestRotateUndoably(t *testing.T) {
	inBubble(func(t *testing.T) {
		f := newFake(t)
		scriptRotation(f)
		c := f.client(t, rotateDefinition, nil)
		_, undo, err := c.RotateUndoably(t.Context(), rotation1)
		if err != nil || undo == nil {
			t.Fatalf("got %v, %v", undo, err)
		}
		before := len(f.seen())
		if err := c.Undo(t.Context(), *undo, nil, true); err != nil {
			t.Fatal(err)
		}
		if calls := f.seen()[before:]; !slices.Equal(calls, []string{undoAdmin}) {
			t.Errorf("undoing asks %q", calls)
		}
		if c.UndoUnanswered(rotation1.Name) != nil {
			t.Error("without an answer nothing says what to undo")
		}
		if !c.RetireNamesOld() {
			t.Error("retire names the old credential by its id")
		}
	})(t)
}
