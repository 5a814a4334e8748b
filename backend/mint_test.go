package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/providers"
)

// TestStorageWrites is the price list: what each act writes.
func TestStorageWrites(t *testing.T) {
	w := newWorld(t)
	writes := func(act func()) string {
		w.process.gate.arm(fault{})
		act()
		var kinds []string
		for _, step := range w.process.gate.disarm() {
			if verb, path, _ := strings.Cut(step, " "); !strings.HasPrefix(path, "/v1/") {
				room, _, _ := strings.Cut(path, "/")
				kinds = append(kinds, verb+" "+room)
			}
		}
		return strings.Join(kinds, ", ")
	}
	var lease *heldLease
	for _, test := range []struct {
		name string
		act  func()
		want string
	}{
		{"first mint", func() { lease = w.mustMint("app") }, "PUT dirty, PUT ledger"},
		{"every further mint", func() { w.mustMint("app") }, "PUT ledger"},
		{"renewal that the provider hears of", func() { w.renew(lease, 2*time.Hour) }, "PUT ledger, PUT ledger"},
		{"renewal within the key's life", func() { w.renew(lease, time.Hour) }, "PUT ledger"},
		{"revocation", func() { w.revoke(lease) }, "DELETE ledger"},
		{"turn of the clockwork with nothing due", func() { w.turn() }, ""},
		{"turn after the connection became idle", func() { w.advance(marks.IdleBeforeClean); w.turn() }, "PUT ownership, DELETE dirty"},
	} {
		if got := writes(test.act); got != test.want {
			t.Errorf("%s writes %q, want %q", test.name, got, test.want)
		}
	}
}

// TestConflictWithOneself: what is between us and the provider sends a request again, whose
// first answer it has lost, and passes on that there is one of that name. Nobody knows the
// first one's secret, and it goes.
func TestConflictWithOneself(t *testing.T) {
	for name, act := range map[string]func(w *world) error{
		"a mint":     func(w *world) error { _, err := w.mint("keys"); return err },
		"a rotation": func(w *world) error { return w.process.RotateRoot(w.t.Context(), w.storage, "one") },
		"a static role's first key": func(w *world) error {
			return w.process.SaveStaticRole(w.t.Context(), w.storage, "static", &StaticRole{Role: Role{Connection: "one", Fields: providers.Values{"drawer": "keys"}}})
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, c := cabinetWorld(t, "keys")
			held := w.mustMint("keys")
			c.change(func(c *cabinet) { c.repeated = true })
			var mistake *usererror.Error
			if err := act(w); !errors.As(err, &mistake) || !strings.Contains(err.Error(), "there is one of that name") {
				t.Errorf("it ends with %v", err)
			}
			w.run(20*time.Minute, 20*time.Second)
			if left := c.ids(); !slices.Equal(left, []string{w.dataOf(held).Handle.ID}) {
				t.Errorf("at the provider are %v", left)
			}
			w.nothingIsQueued()
		}))
	}
}

// TestLedgerRecord holds what an auditor asks for, and not the secret.
func TestLedgerRecord(t *testing.T) {
	w := newWorld(t)
	lease := w.mustMint("app")
	mount, err := w.process.mount(context.Background(), w.storage)
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.process.Key(context.Background(), w.storage, mount.RecordID(lease.key))
	if err != nil || r == nil {
		t.Fatalf("a key is not found by its value: %v", err)
	}
	for _, field := range []struct{ name, got, want string }{
		{"role", r.Role, "app"},
		{"connection", r.Connection, "box"},
		{"provider", r.Provider, "sandbox"},
		{"entity", r.EntityID, "entity-1"},
		{"display name", r.DisplayName, "token-test"},
		{"client address", r.RemoteAddr, "127.0.0.1"},
		{"deadline", fmt.Sprint(r.Deadline.Sub(w.time())), fmt.Sprint(testTTL + w.longestMint("box") + deadlineMargin)},
	} {
		if field.got != field.want {
			t.Errorf("%s is %q, want %q", field.name, field.got, field.want)
		}
	}
	if r.RequestID == "" || !w.alive()[r.Handle.Name] || r.Handle.ID == "" {
		t.Errorf("the record does not tell of the key: %+v", r)
	}
	if err := w.noSecretIsStored(); err != nil {
		t.Error(err)
	}
}

func TestRenewMovesDeadlineAndExpiry(t *testing.T) {
	w := newWorld(t)
	lease := w.mustMint("app")
	if err := w.renew(lease, 3*time.Hour); err != nil {
		t.Fatal(err)
	}
	page, err := w.process.Keys(context.Background(), w.storage, "", "", 0)
	if err != nil || len(page) != 1 {
		t.Fatalf("keys: %v, %v", page, err)
	}
	if got, want := page[0].Deadline.Sub(w.time()).Round(time.Second), 3*time.Hour+w.longestMint("box")+deadlineMargin; got != want {
		t.Errorf("the deadline is in %s, want %s", got, want)
	}
	key := w.sandbox.LiveKeys()[0]
	if key.ExpiresAt == nil || key.ExpiresAt.Before(w.time().Add(3*time.Hour)) {
		t.Errorf("the provider ends the key at %v, before its lease", key.ExpiresAt)
	}
	w.run(2*time.Hour, 30*time.Minute)
	w.heldKeysWork()
	w.mustSettle()
}

// A shorter lease leaves the deadline alone: Vault keeps to the longer one when
// the answer gets lost, or the write fails after it was carried out.
func TestRenewNeverMovesTheDeadlineBack(t *testing.T) {
	w := newWorld(t)
	lease := w.mustMint("app")
	deadline := func() time.Time {
		page, err := w.process.Keys(context.Background(), w.storage, "", "", 0)
		if err != nil || len(page) != 1 {
			t.Fatalf("%d records, error %v; want 1", len(page), err)
		}
		return page[0].Deadline
	}
	before := deadline()
	w.must(w.renew(lease, 5*time.Minute))
	if after := deadline(); after.Before(before) {
		t.Errorf("the deadline moved from %s to %s", before, after)
	}
}

func TestRenewIsRefused(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		before func(*world, *heldLease)
		want   string
	}{
		"role gone": {func(w *world, _ *heldLease) { w.process.DeleteRole(ctx, w.storage, "app") }, "role \"app\" is gone"},
		"key gone":  {func(w *world, l *heldLease) { w.revoke(l) }, "revoked already"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			lease := w.mustMint("app")
			test.before(w, lease)
			if err := w.renew(lease, testTTL); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestRevokeNeedsNoRole(t *testing.T) {
	w := newWorld(t)
	lease := w.mustMint("app")
	if err := w.process.DeleteRole(context.Background(), w.storage, "app"); err != nil {
		t.Fatal(err)
	}
	w.start(fault{})
	if err := w.revoke(lease); err != nil {
		t.Fatal(err)
	}
	if alive := w.alive(); len(alive) > 0 {
		t.Errorf("alive: %v", alive)
	}
}

// TestStrandingIsRefused: whatever may be left at the provider keeps its
// connection where it is.
func TestStrandingIsRefused(t *testing.T) {
	ctx := context.Background()
	for leftName, left := range map[string]struct {
		leave func(w *world)
		want  string
	}{
		"a key": {func(w *world) { w.mustMint("app") }, "has 1 live key,"},
		"a mint whose outcome is unknown": {func(w *world) {
			w.addFaults(mintFault(sandbox.Reset))
			w.mint("app")
		}, "has 1 unresolved call (see queue/),"},
		"a mint in flight": {func(w *world) {
			w.addFaults(mintFault(sandbox.Hang))
			done := make(chan struct{})
			go func() { defer close(done); w.mint("app") }()
			w.t.Cleanup(func() { w.sandbox.ClearFaults(); <-done })
			eventually(w.t, func() bool { return w.sandbox.State().Waiting > 0 })
		}, "has 1 unresolved call (see queue/),"},
		"a crash, and a key": {func(w *world) {
			w.mustMint("app")
			w.start(fault{})
		}, "has 1 live key and a crash to recover from (see info),"},
	} {
		for actName, act := range map[string]func(w *world, force bool) error{
			"deleting the connection": func(w *world, force bool) error {
				return w.process.DeleteConnection(ctx, w.storage, "box", SaveOptions{Force: force})
			},
			"another base_url": func(w *world, force bool) error {
				c, err := w.process.Connection(ctx, w.storage, "box")
				if err != nil {
					return err
				}
				c.BaseURL = "http://127.0.0.1:1"
				return w.process.SaveConnection(ctx, w.storage, "box", c, SaveOptions{Force: force})
			},
		} {
			t.Run(leftName+", "+actName, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				left.leave(w)
				var m *usererror.Error
				if err := act(w, false); !errors.As(err, &m) || !strings.Contains(err.Error(), left.want) {
					t.Errorf("without force the error is %v, want it to say %q", err, left.want)
				}
				if c, err := w.process.Connection(ctx, w.storage, "box"); err != nil || c == nil || c.BaseURL != w.front.URL {
					t.Errorf("the connection changed: %v, %v", c, err)
				}
				if err := act(w, true); err != nil {
					t.Errorf("with force: %v", err)
				}
			})
		}
	}
}
