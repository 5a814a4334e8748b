package backend

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-apikeys/backend/marks"
)

// recovering are the connections that the process has to recover.
func (w *world) recovering() []string { return w.process.pending.recoveries.names() }

// TestStopLeavesNothingToRecover: a process that stops in good order with nothing in
// flight leaves no mark, so that its successor asks no provider and reads nothing, and
// what it has just made is nobody else's.
func TestStopLeavesNothingToRecover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := cabinetWorld(t)
		var leases []*heldLease
		for range 3 { // the last key is made in the moment of the stop
			leases = append(leases, w.mustMint("main"))
			w.advance(time.Second)
		}
		w.process.Cleanup(context.Background())
		if left := w.marks(); len(left) > 0 {
			t.Fatalf("the marks stay: %v", left)
		}
		asked := c.lists["main"]
		w.start(fault{})
		if names := w.recovering(); len(names) > 0 {
			t.Errorf("there is to recover: %v", names)
		}
		w.run(3*time.Minute, 10*time.Second)
		if n := c.lists["main"] - asked; n > 0 {
			t.Errorf("the provider was asked for its list %d times", n)
		}
		if w.process.passive() {
			t.Error("the successor is passive")
		}
		for _, lease := range leases {
			if !slices.Contains(c.ids(), idOf(lease)) {
				t.Errorf("a held key is gone, %s", idOf(lease))
			}
			w.must(w.revoke(lease))
		}
		if left := c.ids(); len(left) > 0 {
			t.Errorf("at the provider are %v", left)
		}
	})
}

// TestStopDuringAMint: a mint in flight when the process stops, or one that begins
// after that, is marked, so that a successor finds its key.
func TestStopDuringAMint(t *testing.T) {
	ctx := context.Background()
	for name, mint := range map[string]func(w *world){
		"a mint in flight": func(w *world) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = w.mint("main")
			}()
			time.Sleep(300 * time.Millisecond) // its key is made, and the answer is under way
			w.process.Cleanup(ctx)
			w.process.gate.kill()
			<-done
		},
		"a mint that begins after the stop": func(w *world) {
			w.forget(w.mustMint("main"))
			w.process.Cleanup(ctx)
			if left := w.marks(); len(left) > 0 {
				w.t.Fatalf("the marks stay: %v", left)
			}
			w.process.gate.killAfter("POST ")
			_, _ = w.mint("main")
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, c := slowCabinet(t, 500*time.Millisecond)
			held := w.mustMint("main")
			mint(w)
			if len(w.marks()) == 0 {
				t.Fatal("nothing on disk tells of the mint")
			}
			lost := c.ids()[len(c.ids())-1]
			w.succeed()
			w.recoverOnly(10*time.Minute, 20*time.Second)
			if left := c.ids(); slices.Contains(left, lost) || !slices.Contains(left, idOf(held)) {
				t.Errorf("at the provider are %v; %s is held, and %s by nobody", left, idOf(held), lost)
			}
			if marks := w.marks(); len(marks) > 0 {
				t.Errorf("the marks stay: %v", marks)
			}
		}))
	}
}

// slowCabinet is a cabinet that takes so long for each new key.
func slowCabinet(t testing.TB, latency time.Duration) (*world, *cabinet) {
	t.Helper()
	w := newWorld(t)
	c := newCabinet()
	provider := w.gated(c)
	front := w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			time.Sleep(latency / 2)
		}
		provider.ServeHTTP(rw, r)
		if r.Method == http.MethodPost {
			time.Sleep(latency / 2)
		}
	}))
	w.uploadCabinet(cabinetDefinition)
	w.connectCabinet("one", front.URL, "main", "")
	return w, c
}

// TestStopThatFails: whatever of a stop fails or is cut off, the successor acts, and
// ends nothing that is held. A key of which the marks were to tell is then found.
func TestStopThatFails(t *testing.T) {
	ctx := context.Background()
	stop := func(t *testing.T, f fault) []string {
		w, c := cabinetWorld(t)
		lease := w.mustMint("main")
		w.process.gate.arm(f)
		w.process.Cleanup(ctx)
		steps := w.process.gate.disarm()
		w.start(fault{})
		w.run(10*time.Minute, 20*time.Second)
		if w.process.passive() {
			t.Error("the successor is passive")
		}
		if left := c.ids(); !slices.Equal(left, []string{idOf(lease)}) {
			t.Errorf("at the provider are %v, want %s, which is held", left, idOf(lease))
		}
		if left := w.marks(); len(left) > 0 {
			t.Errorf("the marks stay: %v", left)
		}
		return steps
	}
	var steps []string
	t.Run("whole", func(t *testing.T) { steps = stop(t, fault{}) })
	if n := len(steps); n != 2 || !strings.Contains(steps[0], ownershipPath) || !strings.Contains(steps[1], marks.Prefix) {
		t.Errorf("a stop writes %q, want the signature, and then the mark's end", steps)
	}
	atEveryStep(t, steps, func(t *testing.T, f fault) { stop(t, f) })
}

// TestStopOfAFormerLeader leaves the marks to its successor, which may be recovering
// from them.
func TestStopOfAFormerLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := cabinetWorld(t)
		w.mustMint("main")
		former := w.process
		w.process = nil // it lives on
		w.start(fault{})
		before := w.marks()
		former.Cleanup(context.Background())
		if after := w.marks(); len(before) == 0 || !slices.Equal(before, after) {
			t.Errorf("the marks were %v and are %v", before, after)
		}
	})
}
