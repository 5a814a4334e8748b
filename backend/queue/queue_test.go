package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// line is a queue with a clock of its own and a provider.
type line struct {
	*Queue
	t       *testing.T
	storage logical.Storage
	now     time.Time

	mu    sync.Mutex
	tried []string // ids, in order
	// answer is what the provider says to a try; nil does what it is asked.
	answer func(id string) error
}

func newLine(t *testing.T, ids ...string) *line {
	l := &line{t: t, storage: &logical.InmemStorage{}, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	l.Queue = New(func() time.Time {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.now
	})
	for _, id := range ids {
		l.add(Entry{ID: id, Kind: Revoke, Connection: "box"})
	}
	return l
}

func (l *line) add(entry Entry) {
	l.t.Helper()
	if err := l.Add(context.Background(), l.storage, entry, false); err != nil {
		l.t.Fatal(err)
	}
	l.pass(time.Millisecond) // ids are in order of age
}

func (l *line) pass(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(d)
}

func (l *line) work(entry Entry) error {
	l.mu.Lock()
	l.tried = append(l.tried, entry.ID)
	answer := l.answer
	l.mu.Unlock()
	if answer != nil {
		if err := answer(entry.ID); err != nil {
			return err
		}
	}
	return l.Remove(context.Background(), l.storage, entry.ID)
}

// run lets time pass in steps of a second, with all due worked on after each.
func (l *line) run(d time.Duration) {
	for range int(d / time.Second) {
		l.pass(time.Second)
		l.Start(l.work)
		l.Wait()
	}
}

// tries counts those of an entry, or of all for "".
func (l *line) tries(id string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == "" {
		return len(l.tried)
	}
	n := 0
	for _, other := range l.tried {
		if other == id {
			n++
		}
	}
	return n
}

func numbered(n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf("key-%03d", i))
	}
	return ids
}

func failing(kind providers.Kind, status int) error {
	return &providers.Error{Kind: kind, Status: status, Message: "no"}
}

// TestProviderThatDoesNothing: whatever it says to everything, it is asked for one
// entry at a time, and once it does what it is asked all is done within a minute.
func TestProviderThatDoesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		entries  int
		says     error
		lasts    time.Duration
		most     int // tries while it lasts
		recovers time.Duration
	}{
		"it denies everything":         {entries: 20, says: failing(providers.Refused, 403), lasts: 270 * time.Second, most: 30, recovers: time.Minute},
		"it denies the only one":       {entries: 1, says: failing(providers.Refused, 403), lasts: 270 * time.Second, most: 30, recovers: time.Minute},
		"it denies everything, a day":  {entries: 20, says: failing(providers.Refused, 403), lasts: 24 * time.Hour, most: 500, recovers: 15 * time.Minute},
		"it fails at everything":       {entries: 20, says: failing(providers.Unknown, 500), lasts: 270 * time.Second, most: 30, recovers: time.Minute},
		"it is away":                   {entries: 20, says: failing(providers.Unreachable, 0), lasts: time.Hour, most: 400, recovers: time.Minute},
		"it knows no credential":       {entries: 20, says: failing(providers.Unauthorized, 401), lasts: time.Hour, most: 400, recovers: time.Minute},
		"it has no time for anybody":   {entries: 20, says: failing(providers.Throttled, 429), lasts: time.Hour, most: 400, recovers: time.Minute},
		"it is away, and one is alone": {entries: 1, says: failing(providers.Unreachable, 0), lasts: time.Hour, most: 400, recovers: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, numbered(test.entries)...)
			l.answer = func(string) error { return test.says }
			l.run(test.lasts)
			if n := l.tries(""); n > test.most {
				t.Errorf("%d tries, want at most %d", n, test.most)
			}
			l.answer = nil
			l.run(test.recovers)
			if left := l.List(); len(left) > 0 {
				t.Errorf("%d are left %s after its return", len(left), test.recovers)
			}
		})
	}
}

// TestOneBadEntry: what the provider does not do for one key, whatever it says, says
// nothing of the others, and is tried ever more seldom.
func TestOneBadEntry(t *testing.T) {
	for name, says := range map[string]error{
		"denied":        failing(providers.Refused, 403),
		"refused":       failing(providers.Refused, 422),
		"failed":        failing(providers.Unknown, 500),
		"not reached":   failing(providers.Unreachable, 0),
		"unauthorized":  failing(providers.Unauthorized, 401),
		"unproven":      errUntil{},
		"by hand":       ErrByHand,
		"engine failed": errors.New("a fault in the engine"),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, "bad")
			l.answer = func(id string) error {
				if id == "bad" {
					return says
				}
				return nil
			}
			done := 0
			for n := range 120 { // two hours, with others' keys all the time
				l.add(Entry{ID: fmt.Sprintf("good-%03d", n), Kind: Revoke, Connection: "box"})
				l.run(time.Minute)
				if left := l.List(); len(left) == 1 && left[0].ID == "bad" {
					done++
				}
				if l.Failing("box") {
					t.Fatal("one entry makes the connection count as failing")
				}
			}
			if done < 120 {
				t.Errorf("the others waited more than a minute %d times", 120-done)
			}
			if most := 40; name != "engine failed" && l.tries("bad") > most {
				t.Errorf("the bad one was tried %d times in two hours, want at most %d", l.tries("bad"), most)
			}
		})
	}
}

// errUntil is an answer that proves nothing, and will not before a time; zero for one that
// is not known.
type errUntil struct{ at time.Time }

func (errUntil) Error() string        { return "another credential made it" }
func (e errUntil) RetryAt() time.Time { return e.at }

// TestChangeOfCredentialIsWaitedFor: what only an operator can mend is tried ever
// more seldom, and at once when the connection is written.
func TestChangeOfCredentialIsWaitedFor(t *testing.T) {
	for name, until := range map[string]time.Duration{"for a time not known": 0, "until a moment that is past": -time.Second} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, numbered(10)...)
			l.answer = func(string) error {
				if until == 0 {
					return errUntil{}
				}
				return errUntil{l.now.Add(until)}
			}
			l.run(12 * time.Hour)
			if n := l.tries("key-000"); n > 80 {
				t.Errorf("one entry was tried %d times in twelve hours", n)
			}
			l.answer = nil
			l.RetryAll("box")
			l.run(time.Second)
			if left := l.List(); len(left) > 0 {
				t.Errorf("%d are left after the change", len(left))
			}
		})
	}
}

// TestHangingEntryHoldsUpNobody: the places beside one that hangs go round, also for
// what comes later.
func TestHangingEntryHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, append([]string{"hangs"}, numbered(20)...)...)
		let := make(chan struct{})
		l.answer = func(id string) error {
			if id == "hangs" {
				<-let
			}
			return nil
		}
		left := func() []string {
			var ids []string
			for _, entry := range l.List() {
				ids = append(ids, entry.ID)
			}
			return ids
		}
		l.pass(time.Second)
		l.Start(l.work)
		synctest.Wait()
		if got := left(); !slices.Equal(got, []string{"hangs"}) {
			t.Errorf("beside the one that hangs wait %v", got)
		}
		l.add(Entry{ID: "later", Kind: Revoke, Connection: "box"})
		l.Start(l.work)
		synctest.Wait()
		if got := left(); !slices.Equal(got, []string{"hangs"}) {
			t.Errorf("what came later waits: %v", got)
		}
		close(let)
		l.Wait()
		if got := left(); len(got) > 0 {
			t.Errorf("left are %v", got)
		}
	})
}

// TestRevocationsGoBeforeCleanUps, and a provider that does not revoke holds up no
// clean-ups.
func TestRevocationsGoBeforeCleanUps(t *testing.T) {
	l := newLine(t)
	for _, id := range numbered(20) {
		l.add(Entry{ID: "clean-" + id, Kind: CleanUp, Connection: "box"})
	}
	for _, id := range numbered(20) {
		l.add(Entry{ID: id, Kind: Revoke, Connection: "box"})
	}
	l.run(3 * time.Second)
	if len(l.tried) != 40 {
		t.Fatalf("%d tries", len(l.tried))
	}
	for at, id := range l.tried[:20] {
		if id[0] != 'k' {
			t.Errorf("%s came as number %d", id, at)
		}
	}

	l.tried = nil
	l.answer = func(id string) error {
		if id[0] == 'k' {
			return failing(providers.Unreachable, 0)
		}
		return nil
	}
	l.add(Entry{ID: "key", Kind: Revoke, Connection: "box"})
	l.add(Entry{ID: "clean", Kind: CleanUp, Connection: "box"})
	l.run(5 * time.Second)
	if l.tries("clean") != 1 {
		t.Errorf("the clean-up was tried %d times", l.tries("clean"))
	}
}

// TestNothingIsWaitedFor: clean-ups wait for no revocation that was done without the queue,
// as those are for which Vault asks again.
func TestNothingIsWaitedFor(t *testing.T) {
	for name, beside := range map[string]bool{"the only one": false, "one of several": true} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, "key")
			l.answer = func(id string) error {
				if id != "clean" {
					return failing(providers.Unreachable, 0)
				}
				return nil
			}
			l.run(10 * time.Second) // in doubt, one is tried at a time
			if beside {
				l.answer = func(id string) error {
					if id == "refused" {
						return failing(providers.Refused, 403)
					}
					return nil
				}
				l.add(Entry{ID: "refused", Kind: Revoke, Connection: "box"})
			}
			if err := l.Remove(context.Background(), l.storage, "key"); err != nil {
				t.Fatal(err)
			}
			l.Observe("box", "key", nil)
			l.add(Entry{ID: "clean", Kind: CleanUp, Connection: "box"})
			l.run(5 * time.Second)
			if l.tries("clean") != 1 {
				t.Errorf("the clean-up was tried %d times", l.tries("clean"))
			}
		})
	}
}

// TestEveryKindIsTold: help and documentation tell of a kind what it is.
func TestEveryKindIsTold(t *testing.T) {
	for _, kind := range Kinds {
		if kind.Describe() == Kind("other").Describe() {
			t.Errorf("%s is not told of", kind)
		}
	}
}
