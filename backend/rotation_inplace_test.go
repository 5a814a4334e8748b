package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// TestInPlaceRotationCrashAtEveryStep: where a provider ends the old credential
// as it answers the new one, the answer is all there is. While the process
// lives nothing loses it; a death or a lost answer before it is on disk is the
// one exception, which the connection tells of and a credential written by hand
// ends.
func TestInPlaceRotationCrashAtEveryStep(t *testing.T) {
	run := func(t *testing.T, f fault) (*lab, []string) {
		l := newLab(t)
		l.process.gate.arm(f)
		l.process.RotateRoot(context.Background(), l.process.storage, "lab")
		return l, l.process.gate.disarm()
	}
	_, steps := run(t, fault{})
	swap, saved := 0, 0 // the step that swaps, and the one after which it is on disk
	for n, step := range steps {
		switch {
		case strings.HasPrefix(step, "POST "):
			swap = n + 1
		case swap > 0 && saved == 0 && strings.HasPrefix(step, "PUT "):
			saved = n + 1
		}
	}
	if swap == 0 || saved == 0 {
		t.Fatalf("the steps are %v", steps)
	}
	atEveryStep(t, steps, func(t *testing.T, f fault) {
		lost := f.at == swap && f.after || f.kill && f.at > swap && (f.at < saved || f.at == saved && !f.after)
		l, _ := run(t, f)
		if f.kill {
			l.start(fault{})
		}
		if !f.kill && !lost {
			l.works() // at once, whatever storage has
		}
		l.run(20*time.Minute, 20*time.Second)
		if lost {
			l.tellsAndIsMended()
		}
		l.works()
		l.start(fault{}) // what works is on disk
		l.works()
		l.noRotationLeft()
		if l.misused > 0 {
			t.Errorf("a dead token was rotated %d times, which ends its successors", l.misused)
		}
	})
}

// TestCandidateRotationCrashAtEveryStep: a credential that the engine chooses is
// on disk before the provider hears of it, so there is no exception.
func TestCandidateRotationCrashAtEveryStep(t *testing.T) {
	ctx := context.Background()
	run := func(t *testing.T, f fault) (*world, []string) {
		w := newWorld(t)
		w.must(w.process.SaveConnection(ctx, w.storage, "chosen", &Connection{
			Provider:       "sandbox-accounts",
			BaseURL:        w.front.URL,
			RequestTimeout: 5 * time.Second,
			Fields:         providers.Values{"admin_key": testAdminKey},
		}, SaveOptions{Verify: true}))
		w.process.gate.arm(f)
		w.process.RotateRoot(ctx, w.process.storage, "chosen")
		return w, w.process.gate.disarm()
	}
	_, steps := run(t, fault{})
	atEveryStep(t, steps, func(t *testing.T, f fault) {
		w, _ := run(t, f)
		if f.kill {
			w.start(fault{})
		}
		w.run(20*time.Minute, 20*time.Second)
		w.start(fault{}) // what works is on disk
		w.must(w.process.CheckConnection(ctx, w.process.storage, "chosen"))
		w.noRotationLeft()
	})
}

// TestInPlaceRotationWhileStorageIsAway keeps the only working credential in
// use until storage takes it.
func TestInPlaceRotationWhileStorageIsAway(t *testing.T) {
	inBubble(testInPlaceRotationWhileStorageIsAway)(t)
}

func testInPlaceRotationWhileStorageIsAway(t *testing.T) {
	l := newLab(t)
	l.onSwap = l.process.gate.failWrites
	if err := l.process.RotateRoot(context.Background(), l.process.storage, "lab"); err == nil {
		t.Error("storage was away, and the rotation says that all is well")
	}
	l.works()
	l.process.ResetConnection("lab") // as an operator may
	l.works()
	l.run(2*time.Hour, 5*time.Minute)
	l.works()
	l.process.gate.allowWrites()
	l.run(10*time.Minute, time.Minute)
	l.works()
	l.start(fault{})
	l.works()
	l.noRotationLeft()
}

// TestCredentialWrittenByHandStays, although a rotation is not finished.
func TestCredentialWrittenByHandStays(t *testing.T) {
	ctx := context.Background()
	for name, by := range map[string]func(*world) error{
		"in place": func(w *world) error { return w.process.RotateRoot(ctx, w.process.storage, "lab") },
		"beside":   func(w *world) error { return w.process.RotateRoot(ctx, w.process.storage, "box") },
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			l := newLab(t)
			connection, field, credential := "box", "admin_key", l.anotherAdmin()
			if name == "in place" {
				connection, field, credential = "lab", "token", l.issue()
			}
			l.process.gate.arm(fault{})
			_ = by(l.world)
			steps := l.process.gate.disarm()
			stored := 0
			for n, step := range steps {
				if step == "PUT "+connectionPrefix+connection {
					stored = n + 1
				}
			}
			l.process.gate.arm(fault{at: stored}) // the new one is noted, and not in the connection
			if err := by(l.world); err == nil {
				t.Fatal("the rotation was not interrupted")
			}
			l.process.gate.disarm()
			l.must(l.process.ChangeConnection(ctx, l.process.storage, connection, func(c *Connection) (SaveOptions, error) {
				c.Fields[field] = credential
				return SaveOptions{Verify: true}, nil
			}))
			l.run(20*time.Minute, 20*time.Second)
			c, err := l.process.Connection(ctx, l.storage, connection)
			l.must(err)
			if c.Fields[field] != credential {
				t.Error("the credential that was written by hand was replaced")
			}
			l.must(l.process.CheckConnection(ctx, l.process.storage, connection))
			l.noRotationLeft()
		}))
	}
}

// lab is a world with a connection to a provider that swaps its token in place.
type lab struct {
	*world
	*tokens
}

func newLab(t *testing.T) *lab {
	w := newWorld(t)
	l := &lab{world: w, tokens: &tokens{states: map[string]bool{}}}
	web := w.serve(w.gated(l.tokens))
	w.must(w.process.SaveConnection(context.Background(), w.storage, "lab", &Connection{
		Provider:       "gitlab",
		BaseURL:        web.URL,
		RequestTimeout: 5 * time.Second,
		Fields:         providers.Values{"token": l.issue()},
	}, SaveOptions{Verify: true}))
	return l
}

func (l *lab) works() {
	l.t.Helper()
	if err := l.process.CheckConnection(context.Background(), l.process.storage, "lab"); err != nil {
		l.t.Error(err)
	}
}

// tellsAndIsMended checks that the loss is shown with what to do, and does it.
func (l *lab) tellsAndIsMended() {
	l.t.Helper()
	ctx := context.Background()
	if err := l.process.CheckConnection(ctx, l.process.storage, "lab"); err == nil {
		l.t.Error("the credential is not lost")
	}
	state, err := l.process.RootRotation(ctx, l.storage, "lab")
	l.must(err)
	if !strings.Contains(state.LastError, "write a working one to config/lab") {
		l.t.Errorf("the connection says %q", state.LastError)
	}
	l.must(l.process.ChangeConnection(ctx, l.process.storage, "lab", func(c *Connection) (SaveOptions, error) {
		c.Fields["token"] = l.issue()
		return SaveOptions{Verify: true}, nil
	}))
	l.run(10*time.Minute, time.Minute)
}

// anotherAdmin makes an admin key at the sandbox, as an operator would.
func (w *world) anotherAdmin() string {
	w.t.Helper()
	request := httptest.NewRequest(http.MethodPost, "/v1/admin-keys", strings.NewReader(`{"name":"by-hand"}`))
	request.Header.Set("Authorization", "Bearer "+testAdminKey)
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	w.sandbox.ServeHTTP(recorder, request)
	var made struct{ Key string }
	if err := json.Unmarshal(recorder.Body.Bytes(), &made); err != nil || made.Key == "" {
		w.t.Fatalf("making an admin key: status %d, %v", recorder.Code, err)
	}
	return made.Key
}

// tokens is GitLab's self-rotation, by its documented rules: the old token ends
// with the request, and one that is rotated again takes its successors with it.
type tokens struct {
	mu      sync.Mutex
	states  map[string]bool // whether each token works
	misused int
	// onSwap is called when a token was swapped.
	onSwap func()
}

func (t *tokens) issue() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.add()
}

func (t *tokens) add() string {
	token := fmt.Sprintf("glpat-%020d", len(t.states)+1)
	t.states[token] = true
	return token
}

func (t *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	token := r.Header.Get("PRIVATE-TOKEN")
	works, known := t.states[token]
	rotates := r.Method == http.MethodPost && r.URL.Path == "/personal_access_tokens/self/rotate"
	switch {
	case rotates && known && !works:
		t.misused++
		for other := range t.states {
			t.states[other] = false
		}
		fallthrough
	case !works:
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"message":"401 Unauthorized"}`)
	case rotates:
		t.states[token] = false
		fmt.Fprintf(w, `{"id":42,"active":true,"token":%q}`, t.add())
		if t.onSwap != nil {
			t.onSwap()
		}
	case r.Method == http.MethodGet && r.URL.Path == "/personal_access_tokens/self":
		fmt.Fprint(w, `{"id":42,"active":true}`)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message":"404 Not Found"}`)
	}
}
