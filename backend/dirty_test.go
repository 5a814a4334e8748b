package backend

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/stored"
)

// recoverOnly lets time pass with nothing at work but recovery.
func (w *world) recoverOnly(d, step time.Duration) {
	for passed := time.Duration(0); passed < d; passed += step {
		w.advance(step)
		w.process.recoverDirty(context.Background())
		w.process.waitBackground()
	}
}

// cleanIdle clears the marks of idle connections, of which the signature has to
// tell first.
func (w *world) cleanIdle() {
	w.t.Helper()
	ctx := context.Background()
	for len(w.marks()) > 0 {
		w.must(w.process.books.marks.CleanIdle(ctx, w.process.storage))
		w.must(w.process.keepSigning(ctx, w.process.storage))
	}
}

// marks are the paths of the dirty marks on disk.
func (w *world) marks() []string {
	w.t.Helper()
	marks, err := logical.CollectKeysWithPrefix(context.Background(), w.storage, marks.Prefix)
	w.must(err)
	return marks
}

// TestMarkTellsOfEveryMint has a mint die after whatever can go wrong with the
// mark and the clock before it, and the clock jump before the recovery. The key
// of that mint goes, and the one that is held stays.
func TestMarkTellsOfEveryMint(t *testing.T) {
	ctx := context.Background()
	const year = 365 * 24 * time.Hour
	idle := func(w *world, after bool) {
		w.advance(marks.IdleBeforeClean + time.Second)
		w.must(w.process.books.marks.CleanIdle(ctx, w.process.storage)) // which waits for the signature
		w.must(w.process.keepSigning(ctx, w.process.storage))
		step := fault{at: 1, after: after}
		w.process.gate.arm(step)
		if err := w.process.books.marks.CleanIdle(ctx, w.process.storage); err == nil {
			w.t.Fatal("clearing the mark did not fail")
		}
		w.process.gate.disarm()
	}
	befores := map[string]func(w *world){
		"in one go": func(*world) {},
		"idle, and the mark is gone": func(w *world) {
			w.advance(marks.IdleBeforeClean)
			w.cleanIdle()
		},
		"idle, and clearing the mark failed":        func(w *world) { idle(w, false) },
		"idle, and clearing it failed all the same": func(w *world) { idle(w, true) },
		"the window is nearly over":                 func(w *world) { w.advance(marks.WindowLength - marks.WindowLeft - time.Second) },
		"the window is over":                        func(w *world) { w.advance(3 * marks.WindowLength) },
		"the clock goes back an hour":               func(w *world) { w.advance(-time.Hour) },
		"the clock goes back a second":              func(w *world) { w.advance(-time.Second) },
		"the clock goes back a year":                func(w *world) { w.advance(-year) },
		"the clock goes on a year":                  func(w *world) { w.advance(year) },
		"the clock goes on a year and comes back":   func(w *world) { w.advance(year); w.forget(w.mustMint("main")); w.advance(-year) },
		"a write of the mark fails, another mint":   func(w *world) { w.failMark(false) },
		"a write of the mark fails, and is done":    func(w *world) { w.failMark(true) },
		"the timeout is raised":                     func(w *world) { w.raiseTimeout() },
		"another process was there for a while":     func(w *world) { w.succeed(); w.forget(w.mustMint("main")) },
		"the name is made a second before the mark": func(w *world) { w.slowMark() },
		"the same, on a connection that was not busy": func(w *world) {
			w.advance(marks.IdleBeforeClean)
			w.cleanIdle()
			w.slowMark()
		},
	}
	afters := map[string]time.Duration{
		"at once": 0, "an hour later": time.Hour, "an hour sooner": -time.Hour, "a year later": year, "a year sooner": -year,
	}
	for before, prepare := range befores {
		for after, jump := range afters {
			t.Run(before+", "+after, inBubble(func(t *testing.T) {
				w, c := cabinetWorld(t)
				lease := w.mustMint("main")
				prepare(w)
				held := slices.DeleteFunc(c.ids(), func(id string) bool { return w.isForgotten(id) })
				w.process.gate.killAfter("POST ")
				if _, err := w.mint("main"); err == nil {
					t.Fatal("the process did not die")
				}
				lost := c.ids()[len(c.ids())-1]
				if len(w.marks()) == 0 {
					t.Fatal("nothing on disk tells of the mint")
				}
				w.advance(jump)
				w.succeed()
				w.recoverOnly(10*time.Minute, 20*time.Second)
				left := c.ids()
				if slices.Contains(left, lost) {
					t.Errorf("%s is not held and at the provider; there are %v", lost, left)
				}
				if !slices.Contains(left, idOf(lease)) || !slices.Equal(left, held) {
					t.Errorf("at the provider are %v, want %v, which is held", left, held)
				}
				if marks := w.marks(); len(marks) > 0 {
					t.Errorf("the marks stay: %v", marks)
				}
			}))
		}
	}
}

// isForgotten reports whether no record of the ledger is of the key with this id.
func (w *world) isForgotten(id string) bool {
	for r, err := range ledger.All(context.Background(), w.storage) {
		w.must(err)
		if r.Handle.ID == id {
			return false
		}
	}
	return true
}

// failMark has a mint fail at the write of its mark.
func (w *world) failMark(done bool) {
	w.t.Helper()
	w.advance(marks.WindowLength)
	w.process.gate.arm(fault{at: 1, after: done})
	if _, err := w.mint("main"); err == nil {
		w.t.Fatal("the mint did not fail")
	}
	if steps := w.process.gate.disarm(); len(steps) != 1 || !strings.HasPrefix(steps[0], "PUT "+marks.Prefix) {
		w.t.Fatalf("the steps are %v", steps)
	}
}

func (w *world) raiseTimeout() {
	w.t.Helper()
	w.must(w.process.ChangeConnection(context.Background(), w.process.storage, "one", func(c *Connection) (SaveOptions, error) {
		c.RequestTimeout = time.Minute
		return SaveOptions{}, nil
	}))
}

// slowMark has time pass between the making of a name and the mark.
func (w *world) slowMark() {
	w.setTime(w.time().Truncate(time.Second).Add(999 * time.Millisecond))
	w.process.books.marks.Now = func() time.Time { return w.time().Add(1500 * time.Millisecond) }
}

// TestMarkKnowsTheLongestMint: how long a mint may last is on disk before it
// begins, also where the mark is there already.
func TestMarkKnowsTheLongestMint(t *testing.T) {
	w, _ := cabinetWorld(t)
	w.mustMint("main")
	w.raiseTimeout()
	w.mustMint("main")
	stored, err := stored.Read[marks.Mark](context.Background(), w.storage, w.marks()[0])
	w.must(err)
	if want := 2 * time.Minute; stored.LongestMint != want {
		t.Errorf("the mark tells of mints of %s, want %s", stored.LongestMint, want)
	}
}
