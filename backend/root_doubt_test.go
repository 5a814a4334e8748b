package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/retry"
	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/providers"
)

// What a provider may answer for a while, none of which says of a credential
// whether it works.
var noDefiniteWord = map[string]sandbox.Fault{
	"500":   {Kind: sandbox.Status, Status: http.StatusInternalServerError},
	"403":   {Kind: sandbox.Status, Status: http.StatusForbidden},
	"404":   {Kind: sandbox.Status, Status: http.StatusNotFound},
	"429":   {Kind: sandbox.RateLimit, RetryAfter: 1},
	"reset": {Kind: sandbox.Reset},
}

// TestRotationInDoubt fails and kills the engine around each effect of a rotation
// of an admin credential, and then has the provider answer nothing that counts for
// some minutes. What the connection holds works at every moment, and in the end
// nothing is left at the provider beside it, unless an entry of the queue names it.
func TestRotationInDoubt(t *testing.T) {
	ctx := context.Background()
	for _, provider := range []string{"sandbox", "sandbox-accounts", "unlisted"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			run := func(t *testing.T, f fault) (*world, []string) {
				w := newWorld(t)
				w.rotates(provider)
				w.process.gate.arm(f)
				w.process.RotateRoot(ctx, w.process.storage, "box")
				return w, w.process.gate.disarm()
			}
			_, steps := run(t, fault{})
			answers := slices.Sorted(maps.Keys(noDefiniteWord))
			atEveryStep(t, steps, func(t *testing.T, f fault) {
				for i, answer := range answers {
					if testing.Short() && i != f.at%len(answers) {
						continue
					}
					w, _ := run(t, f)
					if f.kill {
						w.start(fault{})
					}
					works := w.storedCredentialWorks
					if provider == "sandbox-accounts" { // where it swaps, the note has it first
						works = func() {}
					}
					works()
					silent := noDefiniteWord[answer]
					silent.Count = new(0)
					w.addFaults([]sandbox.Fault{silent})
					w.run(5*time.Minute, 30*time.Second)
					w.sandbox.ClearFaults()
					w.process.ResetConnection("box")
					works()
					w.run(20*time.Minute, 20*time.Second)
					w.storedCredentialWorks()
					w.leftoversAreNamed()
					w.start(fault{})
					w.must(w.process.CheckConnection(ctx, w.process.storage, "box"))
					w.must(w.process.RotateRoot(ctx, w.process.storage, "box")) // nothing is in its way
					if t.Failed() {
						t.Fatalf("the provider answered %s meanwhile", answer)
					}
				}
			})
		})
	}
}

// rotates has the connection "box" lead to the sandbox by the given definition;
// "unlisted" is one that cannot look for a credential by its name.
func (w *world) rotates(provider string) {
	w.t.Helper()
	if provider == "unlisted" {
		builtIn, err := providers.Load("sandbox")
		w.must(err)
		source := strings.Replace(withoutBlock(w.t, builtIn.Source(), "    list {"), `provider "sandbox"`, `provider "unlisted"`, 1)
		_, err = w.process.SaveDefinition(context.Background(), w.storage, provider, source, false)
		w.must(err)
	}
	w.configure(provider, "box", "app", nil)
}

func (w *world) storedCredentialWorks() {
	w.t.Helper()
	if status := w.get("/v1/keys", w.credential()); status != http.StatusOK {
		w.t.Errorf("the stored admin credential is refused with status %d", status)
	}
}

// leftoversAreNamed checks that each admin key at the provider is that of the
// connection or named by an entry of the queue, and that no rotation is under way.
func (w *world) leftoversAreNamed() {
	w.t.Helper()
	named := map[string]bool{}
	for _, entry := range w.process.Queue() {
		if entry.Kind != queue.ByHand {
			w.t.Errorf("an entry of kind %s is left: %s", entry.Kind, entry.LastError)
		}
		named[entry.KeyName] = true
	}
	unnamed := 0
	for _, key := range w.sandbox.State().AdminKeys {
		if !named[key.Name] {
			unnamed++
		}
	}
	if unnamed != 1 {
		w.t.Errorf("%d admin keys are at the provider that the queue does not name, want the connection's own", unnamed)
	}
	left, err := w.storage.List(context.Background(), rotationPrefix)
	w.must(err)
	if len(left) > 0 {
		w.t.Error("a note of the rotation is left")
	}
}

// admins is a provider of admin tokens that misbehaves as it is told.
type admins struct {
	mu     sync.Mutex
	names  map[string]string // by token, of those that work
	made   int
	twice  bool // whether a token is made twice, of which the caller hears once
	lose   bool // whether the answer of the next creation is lost
	hidden bool // whether a deletion is answered with 404, and has no effect
	lies   bool // whether it is answered with 204, and has none
}

const adminsDefinition = `
provider "admins" {
  connection "token" {
    type      = string
    required  = true
    sensitive = true
  }
  auth "bearer" { token = connection.token }
  check { get = "/self" }
  issue {
    post   = "/keys"
    json   = { name = key.name }
    id     = body.id
    secret = { key = body.key }
  }
  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }
  rotate {
    step "own" {
      get  = "/self"
      save = { old = body.id }
    }
    step "new" {
      post = "/tokens"
      json = { name = key.name }
    }
    connection = { token = body.token }
    retire {
      delete = "/tokens/${saved.old}"
      gone   = [404]
    }
    LIST
  }
}`

const adminsList = `list {
      get   = "/tokens"
      items = body
      item = {
        name = item.name
        old  = item.id
      }
    }`

func (a *admins) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	id := strings.TrimPrefix(r.URL.Path, "/tokens/")
	switch {
	case a.names[token] == "":
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/self":
		fmt.Fprintf(w, `{"id": "id-%s"}`, token)
	case r.Method == http.MethodPost:
		var asked struct{ Name string }
		_ = json.NewDecoder(r.Body).Decode(&asked)
		made := a.add(asked.Name)
		if a.twice {
			made = a.add(asked.Name)
		}
		if a.lose {
			a.lose = false
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, `{"token": %q}`, made)
	case r.Method == http.MethodGet:
		listed := []string{}
		for token, name := range a.names {
			listed = append(listed, fmt.Sprintf(`{"id": "id-%s", "name": %q}`, token, name))
		}
		fmt.Fprintf(w, "[%s]", strings.Join(listed, ","))
	case a.lies && r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case a.hidden || a.names[strings.TrimPrefix(id, "id-")] == "":
		w.WriteHeader(http.StatusNotFound)
	default:
		delete(a.names, strings.TrimPrefix(id, "id-"))
		w.WriteHeader(http.StatusNoContent)
	}
}

func (a *admins) add(name string) string {
	a.made++
	token := fmt.Sprintf("token-number-%04d", a.made)
	a.names[token] = name
	return token
}

func (a *admins) alive() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.names)
}

// newAdmins makes a world with the given connections to an admins, which share
// one token.
func newAdmins(t *testing.T, listed bool, connections ...string) (*world, *admins) {
	w := newWorld(t)
	a := &admins{names: map[string]string{"token-of-operator": "operator"}}
	list := ""
	if listed {
		list = adminsList
	}
	w.connect(a, "admins", strings.Replace(adminsDefinition, "LIST", list, 1), "token-of-operator", connections...)
	return w, a
}

// TestLostAnswerWithoutAList leaves a credential at the provider that nobody knows
// but by its name: an operator is told of it, for as long as it takes him.
func TestLostAnswerWithoutAList(t *testing.T) {
	ctx := context.Background()
	for name, kill := range map[string]bool{"the engine goes on": false, "and the engine dies": true} {
		t.Run(name, func(t *testing.T) {
			w, a := newAdmins(t, false, "box-1")
			a.lose = true
			if err := w.process.RotateRoot(ctx, w.process.storage, "box-1"); err == nil {
				t.Fatal("a rotation without an answer succeeded")
			}
			if kill {
				w.start(fault{})
			}
			w.run(10*time.Minute, 20*time.Second)
			w.start(fault{})
			w.run(time.Hour, 5*time.Minute)
			lost := ""
			for _, name := range a.alive() {
				if name != "operator" {
					lost = name
				}
			}
			entries := w.process.Queue()
			if len(entries) != 1 || entries[0].KeyName != lost || lost == "" {
				t.Fatalf("credential %q is alive, and the queue says %v", lost, entries)
			}
			state, err := w.process.RootRotation(ctx, w.storage, "box-1")
			w.must(err)
			if !strings.Contains(state.Notice, lost) || !strings.Contains(state.Notice, "give-up") {
				t.Errorf("the connection's notice is %q", state.Notice)
			}
			if text, err := w.process.Metrics(); err != nil || !strings.Contains(string(text), `apikeys_queue_entries{connection="box-1",kind="by_hand"} 1`) {
				t.Errorf("the metrics do not tell of it: %v", err)
			}
			w.must(w.process.RotateRoot(ctx, w.process.storage, "box-1")) // it is in nobody's way
			w.must(w.process.GiveUp(ctx, w.request(logical.UpdateOperation, "queue"), entries[0].ID))
			state, err = w.process.RootRotation(ctx, w.storage, "box-1")
			w.must(err)
			if state.Notice != "" {
				t.Errorf("given up, it is still told of: %q", state.Notice)
			}
		})
	}
}

// TestMissingIsNotDead: a provider that says of the old credential that there is no
// such thing is asked with it, for as long as it works.
func TestMissingIsNotDead(t *testing.T) {
	ctx := context.Background()
	w, a := newAdmins(t, true, "box-1")
	a.hidden = true
	w.must(w.process.RotateRoot(ctx, w.process.storage, "box-1"))
	w.run(10*time.Minute, time.Minute)
	state, err := w.process.RootRotation(ctx, w.storage, "box-1")
	w.must(err)
	if !strings.Contains(state.Notice, "still works") || len(w.process.Queue()) != 1 {
		t.Errorf("the old credential works, and the notice is %q, the queue %v", state.Notice, w.process.Queue())
	}
	a.mu.Lock()
	delete(a.names, "token-of-operator") // by hand, as the notice asks
	a.mu.Unlock()
	w.run(time.Hour, 5*time.Minute)
	if left := w.process.Queue(); len(left) > 0 {
		t.Errorf("the old credential is dead, and the queue has %v", left)
	}
}

// TestDeletedByAnotherAccount: an operator has written the credential of another account, and
// that says of the one which was replaced before that it deleted it. That one is asked.
func TestDeletedByAnotherAccount(t *testing.T) {
	ctx := context.Background()
	w, a := newAdmins(t, true, "box-1")
	a.hidden = true
	w.must(w.process.RotateRoot(ctx, w.process.storage, "box-1"))
	a.mu.Lock()
	a.lies, a.names["token-of-another-account"] = true, "another"
	a.mu.Unlock()
	w.must(w.process.ChangeConnection(ctx, w.storage, "box-1", func(c *Connection) (SaveOptions, error) {
		c.Fields["token"] = "token-of-another-account"
		return SaveOptions{Credential: true, Force: true}, nil
	}))
	w.run(time.Hour, 5*time.Minute)
	if left := w.process.Queue(); len(left) != 1 || !strings.Contains(left[0].LastError, errStillWorks.Error()) {
		t.Errorf("the old credential works, and the queue has %v", left)
	}
	a.mu.Lock()
	delete(a.names, "token-of-operator") // by hand
	a.mu.Unlock()
	w.run(time.Hour, 5*time.Minute)
	if left := w.process.Queue(); len(left) > 0 {
		t.Errorf("the old credential is dead, and the queue has %v", left)
	}
}

// TestCredentialOfTwoConnections is not removed while the other one holds it.
func TestCredentialOfTwoConnections(t *testing.T) {
	ctx := context.Background()
	w, a := newAdmins(t, true, "box-1", "box-2")
	w.must(w.process.RotateRoot(ctx, w.process.storage, "box-1"))
	w.run(time.Hour, 5*time.Minute)
	for _, name := range []string{"box-1", "box-2"} {
		w.must(w.process.CheckConnection(ctx, w.process.storage, name))
	}
	w.must(w.process.RotateRoot(ctx, w.process.storage, "box-2"))
	w.run(time.Hour, 5*time.Minute)
	if alive := a.alive(); len(alive) != 2 || alive["token-of-operator"] != "" {
		t.Errorf("alive: %v, want one of each connection", alive)
	}
	if left := w.process.Queue(); len(left) > 0 {
		t.Errorf("the queue has %v", left)
	}
}

// TestCredentialMadeTwice: of two credentials under one name, that which is not
// the connection's own goes.
func TestCredentialMadeTwice(t *testing.T) {
	ctx := context.Background()
	w, a := newAdmins(t, true, "box-1")
	a.twice = true
	w.must(w.process.RotateRoot(ctx, w.process.storage, "box-1"))
	w.run(10*time.Minute, time.Minute)
	w.must(w.process.CheckConnection(ctx, w.process.storage, "box-1"))
	if alive := a.alive(); len(alive) != 1 {
		t.Errorf("alive: %v, want the connection's own", alive)
	}
}

// TestOldCredentialWrittenBack, while it waits for its removal, stays.
func TestOldCredentialWrittenBack(t *testing.T) {
	ctx := context.Background()
	w, a := newAdmins(t, true, "box-1")
	a.hidden = true
	w.must(w.process.RotateRoot(ctx, w.process.storage, "box-1"))
	w.must(w.process.ChangeConnection(ctx, w.process.storage, "box-1", func(c *Connection) (SaveOptions, error) {
		c.Fields = providers.Values{"token": "token-of-operator"}
		return SaveOptions{Verify: true}, nil
	}))
	a.mu.Lock()
	a.hidden = false
	a.mu.Unlock()
	w.run(time.Hour, 5*time.Minute)
	w.must(w.process.CheckConnection(ctx, w.process.storage, "box-1"))
	if a.alive()["token-of-operator"] == "" {
		t.Error("the credential that was written back is dead")
	}
}

// TestRotationThatTakesEffectLate, minutes after the engine gave its call up, does
// so while its note is there: a credential that we chose is adopted, and any other
// is removed, or named where it cannot be found.
func TestRotationThatTakesEffectLate(t *testing.T) {
	ctx := context.Background()
	for provider, route := range map[string]string{
		"sandbox":          "POST /v1/admin-keys",
		"unlisted":         "POST /v1/admin-keys",
		"sandbox-accounts": "PUT /v1/admin-keys/self/key",
	} {
		t.Run(provider, inBubble(func(t *testing.T) {
			w := newWorld(t)
			w.rotates(provider)
			w.addFaults([]sandbox.Fault{{Kind: sandbox.LateCommit, Delay: sandbox.Duration(100 * time.Hour), Match: sandbox.Match{Route: route}}})
			if err := w.process.RotateRoot(ctx, w.process.storage, "box"); err == nil {
				t.Fatal("a rotation without an answer succeeded")
			}
			w.run(50*time.Second, 10*time.Second)
			w.sandbox.ClearFaults()
			synctest.Wait()
			w.run(30*time.Minute, 20*time.Second)
			w.storedCredentialWorks()
			w.leftoversAreNamed()
			w.start(fault{})
			w.must(w.process.CheckConnection(ctx, w.process.storage, "box"))
		}))
	}
}

// TestNewCredentialInDoubt: as long as the provider does not say that a new
// credential does not work, it and the old one are both kept.
func TestNewCredentialInDoubt(t *testing.T) {
	w := newWorld(t)
	refused := sandbox.Fault{Kind: sandbox.Status, Status: http.StatusForbidden, Count: new(0), Match: sandbox.Match{Route: "GET /v1/whoami"}, After: 1}
	w.addFaults([]sandbox.Fault{refused})
	if err := w.process.RotateRoot(context.Background(), w.process.storage, "box"); err == nil {
		t.Fatal("a credential that was not seen to work was taken")
	}
	w.run(time.Hour, time.Minute)
	if n := len(w.sandbox.State().AdminKeys); n != 2 {
		t.Errorf("%d admin keys are at the provider, want the old one and the new one", n)
	}
	w.run(25*time.Hour, 10*time.Minute) // that cannot keep the next rotation away for ever
	w.sandbox.ClearFaults()
	w.process.ResetConnection("box")
	w.run(time.Hour, time.Minute)
	w.credentialWorks()
	w.noRotationLeft()
}

// TestReplacedCredentialOfAnotherConnection: one that another connection has stays for as
// long as that is so, which nobody asks every few seconds, and is ended after that.
func TestReplacedCredentialOfAnotherConnection(t *testing.T) {
	inBubble(func(t *testing.T) {
		ctx := context.Background()
		w := newWorld(t)
		w.configure("sandbox", "other", "others", nil)
		w.must(w.process.RotateRoot(ctx, w.storage, "box"))
		w.run(12*time.Hour, 20*time.Second)
		waits := w.process.Queue()
		if len(waits) != 1 || waits[0].Kind != queue.Retire || !strings.Contains(waits[0].LastError, "the admin credential of connection other") {
			t.Fatalf("on the queue are %+v", waits)
		}
		if most := 80; waits[0].Attempts > most {
			t.Errorf("it was tried %d times in twelve hours, want at most %d", waits[0].Attempts, most)
		}
		if w.get("/v1/keys", testAdminKey) != http.StatusOK {
			t.Fatal("the credential is gone that the other connection has")
		}
		w.must(w.process.ChangeConnection(ctx, w.storage, "other", func(c *Connection) (SaveOptions, error) {
			c.Fields["admin_key"] = w.credential()
			return SaveOptions{Verify: true}, nil
		}))
		w.run(retry.LongestRefused, 20*time.Second)
		w.credentialWorks()
		w.nothingIsQueued()
	})(t)
}
