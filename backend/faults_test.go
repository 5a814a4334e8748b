package backend

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/internal/sandbox"
)

func mintFault(kind sandbox.Kind, change ...func(*sandbox.Fault)) []sandbox.Fault {
	f := sandbox.Fault{Kind: kind, Match: sandbox.Match{Route: "POST /v1/keys"}}
	for _, c := range change {
		c(&f)
	}
	return []sandbox.Fault{f}
}

func always(f *sandbox.Fault) { f.Count = new(int) }

// TestMintUnderFaults asserts what a caller is told, and what is left at the
// provider and on the queue, for every way a provider can misbehave in a mint.
func TestMintUnderFaults(t *testing.T) {
	for name, test := range map[string]struct {
		faults []sandbox.Fault
		// want is a part of the error; empty means that a key is handed out.
		want string
		// mistake: the error is one that the caller can mend.
		mistake bool
		// queued: the outcome could not be settled at once, be it only that the
		// request may have been carried out twice.
		queued bool
		// unseen: the key is alive for as long as no list shows it.
		unseen bool
	}{
		"made, then no answer":        {faults: mintFault(sandbox.CommitThenHang), want: "no key was handed out: issue: the provider gave no usable answer", queued: true},
		"made, then 500":              {faults: mintFault(sandbox.CommitThen500), want: "status 500", queued: true},
		"made, then reset":            {faults: mintFault(sandbox.CommitThenReset), want: "no usable answer", queued: true},
		"made, malformed JSON":        {faults: mintFault(sandbox.MalformedJSON), want: "status 201", queued: true},
		"made, wrong types":           {faults: mintFault(sandbox.WrongTypes), want: "no usable answer", queued: true},
		"made, truncated body":        {faults: mintFault(sandbox.TruncatedBody), want: "no usable answer", queued: true},
		"made, 50 MB body":            {faults: mintFault(sandbox.HugeBody), want: "no key was handed out", queued: true},
		"made, slow drip":             {faults: mintFault(sandbox.SlowDrip), want: "no usable answer", queued: true},
		"not made, no answer":         {faults: mintFault(sandbox.Hang), want: "no usable answer", queued: true},
		"not made, reset":             {faults: mintFault(sandbox.Reset), want: "no usable answer", queued: true},
		"not made, 500":               {faults: mintFault(sandbox.Status), want: "status 500", queued: true},
		"not made, 200 with an error": {faults: mintFault(sandbox.OKWithErrorBody), want: "no usable answer", queued: true},
		"not made, redirect":          {faults: mintFault(sandbox.Redirect), want: "status 307", mistake: true},
		"refused":                     {faults: mintFault(sandbox.Status, func(f *sandbox.Fault) { f.Status = http.StatusUnprocessableEntity }), want: "status 422", mistake: true},
		"admin key dead":              {faults: mintFault(sandbox.Unauthorized), want: "refused the connection's credential (status 401)", mistake: true},
		"throttled once":              {faults: mintFault(sandbox.RateLimit)},
		"throttled for long":          {faults: mintFault(sandbox.RateLimit, always, func(f *sandbox.Fault) { f.RetryAfter = 3600 }), want: "made no key"},
		"made late, unseen by two lists": {
			// The list lags from before the key is made.
			faults: append([]sandbox.Fault{{Kind: sandbox.StaleList, Count: new(2)}}, mintFault(sandbox.CommitThen500)...),
			want:   "status 500", queued: true, unseen: true,
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			w.addFaults(test.faults)
			_, err := w.mint("app")
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				w.mustSettle()
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want it to say %q", err, test.want)
			}
			var m *usererror.Error
			if errors.As(err, &m) != test.mistake {
				t.Errorf("a mistake: %v, want %v: %v", !test.mistake, test.mistake, err)
			}
			if queued := len(w.process.Queue()) > 0; queued != test.queued {
				t.Errorf("queued: %v, want %v", queued, test.queued)
			}
			if !test.unseen && len(w.alive()) > 0 {
				t.Errorf("alive at the provider: %v", w.alive())
			}
			if err := w.everyKeyIsTraced(); err != nil {
				t.Error(err)
			}
			w.sandbox.ClearFaults()
			w.run(5*time.Minute, 10*time.Second)
			if len(w.alive()) > 0 {
				t.Errorf("alive at the provider in the end: %v", w.alive())
			}
			w.run(2*longestBlind, time.Minute)
			w.nothingIsLeft()
		}))
	}
}

// TestRevokeUnderFaults asserts what Vault is told, and that the key is dead in
// the end, for every way a provider can misbehave in a revocation.
func TestRevokeUnderFaults(t *testing.T) {
	remove := sandbox.Match{Method: http.MethodDelete}
	for name, test := range map[string]struct {
		faults []sandbox.Fault
		gone   bool // the key was deleted behind the engine's back
		want   string
	}{
		"404":                      {gone: true},
		"403 on a gone key":        {gone: true, faults: []sandbox.Fault{{Kind: sandbox.ForbiddenOnGone, Match: remove}}, want: "status 403"},
		"done, no answer":          {faults: []sandbox.Fault{{Kind: sandbox.CommitThenReset, Match: remove}}},
		"done, then 500 for long":  {faults: []sandbox.Fault{{Kind: sandbox.CommitThen500, Match: remove, Count: new(0)}}, want: "status 500"},
		"one 503":                  {faults: []sandbox.Fault{{Kind: sandbox.Status, Status: 503, Match: remove}}},
		"503 for long":             {faults: []sandbox.Fault{{Kind: sandbox.Status, Status: 503, Match: remove, Count: new(0)}}, want: "status 503"},
		"admin key dead":           {faults: []sandbox.Fault{{Kind: sandbox.Unauthorized, Match: remove, Count: new(0)}}, want: "refused the connection's credential"},
		"refused, and still alive": {faults: []sandbox.Fault{{Kind: sandbox.Status, Status: 403, Match: remove, Count: new(0)}}, want: "status 403"},
		"throttled for long":       {faults: []sandbox.Fault{{Kind: sandbox.RateLimit, RetryAfter: 3600, Match: remove, Count: new(0)}}, want: "queued"},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			lease := w.mustMint("app")
			w.advance(2 * listLag)
			if test.gone {
				w.deleteAll()
			}
			w.addFaults(test.faults)
			err := w.revoke(lease)
			if test.want == "" && err != nil {
				t.Errorf("revoking: %s", err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("the error is %v, want it to say %q", err, test.want)
			}
			w.sandbox.ClearFaults()
			if err != nil {
				w.process.ResetConnection("box") // as an operator may, so that no pause outlasts the test
				if retryErr := w.process.RetryNow(w.process.Queue()[0].ID); retryErr != nil {
					t.Fatal(retryErr)
				}
				w.turn()
				if err := w.revoke(lease); err != nil {
					t.Errorf("Vault's next try: %s", err)
				}
			}
			if len(w.alive()) > 0 {
				t.Errorf("alive at the provider: %v", w.alive())
			}
			w.mustSettle()
		}))
	}
}

// TestRevocationIsVerified keeps the record while a deleted key goes on working.
func TestRevocationIsVerified(t *testing.T) { inBubble(testRevocationIsVerified)(t) }

func testRevocationIsVerified(t *testing.T) {
	w := newWorld(t)
	w.configure("sandbox", "box", "app", func(_ *Connection, r *Role) { r.VerifyRevocation = ledger.ByProbe })
	lease := w.mustMint("app")
	// A deletion that the provider confirms and does not carry out.
	w.addFaults([]sandbox.Fault{{Kind: sandbox.Status, Status: http.StatusNoContent, Match: sandbox.Match{Method: http.MethodDelete}, Count: new(2)}})
	if err := w.revoke(lease); !errors.Is(err, errStillAlive) {
		t.Fatalf("the error is %v, want %v", err, errStillAlive)
	}
	if len(w.process.Queue()) != 1 {
		t.Fatalf("queue: %v", w.process.Queue())
	}
	w.run(2*time.Minute, 10*time.Second)
	if alive := w.alive(); len(alive) > 0 {
		t.Errorf("alive at the provider: %v", alive)
	}
	if err := w.revoke(lease); err != nil {
		t.Errorf("Vault's next try: %s", err)
	}
	w.mustSettle()
}

// TestKeySeenAliveIsNotForgotten: no time that passes makes a key dead that works.
func TestKeySeenAliveIsNotForgotten(t *testing.T) { inBubble(testKeySeenAliveIsNotForgotten)(t) }

func testKeySeenAliveIsNotForgotten(t *testing.T) {
	w := newWorld(t)
	w.configure("sandbox", "box", "app", func(_ *Connection, r *Role) { r.VerifyRevocation = ledger.ByProbe })
	lease := w.mustMint("app")
	w.addFaults([]sandbox.Fault{{Kind: sandbox.Status, Status: http.StatusNoContent, Match: sandbox.Match{Method: http.MethodDelete}, Count: new(0)}})
	if err := w.revoke(lease); !errors.Is(err, errStillAlive) {
		t.Fatalf("the error is %v, want %v", err, errStillAlive)
	}
	w.run(3*time.Hour, 10*time.Minute)
	if queued := w.process.Queue(); len(queued) != 1 || len(w.alive()) != 1 {
		t.Fatalf("after hours in which the provider lied, %d are queued and %d alive", len(queued), len(w.alive()))
	}
	w.sandbox.ClearFaults()
	w.run(30*time.Minute, time.Minute)
	if alive := w.alive(); len(alive) > 0 {
		t.Errorf("alive at the provider: %v", alive)
	}
	if err := w.revoke(lease); err != nil {
		t.Errorf("Vault's next try: %s", err)
	}
	w.mustSettle()
}

// TestProviderDownForDays: what Vault gave up on is revoked within a minute of
// the provider's return, by the queue alone.
func TestProviderDownForDays(t *testing.T) { inBubble(testProviderDownForDays)(t) }

func testProviderDownForDays(t *testing.T) {
	w := newWorld(t)
	var leases []*heldLease
	for range 20 {
		leases = append(leases, w.mustMint("app"))
	}
	w.addFaults([]sandbox.Fault{{Kind: sandbox.Reset, Count: new(0)}})
	for _, lease := range leases {
		if err := w.revoke(lease); err == nil {
			t.Fatal("a revocation at a dead provider succeeded")
		}
	}
	w.run(72*time.Hour, 6*time.Hour)
	if queued := len(w.process.Queue()); queued != len(leases) {
		t.Fatalf("%d revocations are queued, want %d", queued, len(leases))
	}
	w.start(fault{}) // a failover meanwhile loses nothing
	w.turn()
	w.sandbox.ClearFaults()
	w.process.ResetConnection("box")
	w.run(time.Minute, 5*time.Second)
	if alive := w.alive(); len(alive) > 0 {
		t.Errorf("%d keys are alive a minute after the provider's return", len(alive))
	}
	for _, lease := range leases {
		if err := w.revoke(lease); err != nil {
			t.Errorf("Vault's next try: %s", err)
		}
	}
}

// TestCallerHangsUp: a caller that goes away in mid-mint leaves nothing behind.
func TestCallerHangsUp(t *testing.T) { inBubble(testCallerHangsUp)(t) }

func testCallerHangsUp(t *testing.T) {
	w := newWorld(t)
	ctx, hangUp := context.WithCancel(context.Background())
	w.addFaults([]sandbox.Fault{{Kind: sandbox.Delay, Delay: sandbox.Duration(time.Second), Match: sandbox.Match{Route: "POST /v1/keys"}}})
	done := make(chan error)
	go func() {
		_, err := w.mintWith(ctx, "app")
		done <- err
	}()
	eventually(t, func() bool { return w.sandbox.State().Waiting > 0 })
	hangUp()
	if err := <-done; err == nil {
		t.Error("a mint whose caller went away handed a key out")
	}
	if alive := w.alive(); len(alive) > 0 {
		t.Errorf("alive at the provider: %v", alive)
	}
	w.mustSettle()
}

// TestStorageIsGone: a node that can no longer write revokes on the spot.
func TestStorageIsGone(t *testing.T) { inBubble(testStorageIsGone)(t) }

func testStorageIsGone(t *testing.T) {
	w := newWorld(t)
	w.mustMint("app") // the connection is marked dirty already
	w.process.gate.failWrites()
	if _, err := w.mint("app"); err == nil {
		t.Fatal("a key was handed out that is not in the ledger")
	}
	if alive := w.alive(); len(alive) != 1 {
		t.Errorf("%d keys are alive, want the first one only", len(alive))
	}
}

func (w *world) addFaults(faults []sandbox.Fault) {
	w.t.Helper()
	for _, f := range faults {
		if err := w.sandbox.AddFault(f); err != nil {
			w.t.Fatal(err)
		}
	}
}

// deleteAll deletes every key at the provider behind the engine's back.
func (w *world) deleteAll() {
	w.t.Helper()
	for _, key := range w.sandbox.LiveKeys() {
		w.atProvider(http.MethodDelete, "/v1/keys/"+key.ID, "")
	}
}

// atProvider does something at the provider behind the engine's back.
func (w *world) atProvider(method, path, body string) {
	w.t.Helper()
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+testAdminKey)
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	w.sandbox.ServeHTTP(recorder, request)
	if recorder.Code >= 300 {
		w.t.Fatalf("%s %s: status %d: %s", method, path, recorder.Code, recorder.Body)
	}
}

func eventually(t testing.TB, condition func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for !condition() {
		select {
		case <-deadline:
			t.Fatal("it did not come to that")
		case <-time.After(time.Millisecond):
		}
	}
}
