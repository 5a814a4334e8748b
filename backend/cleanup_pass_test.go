package backend

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/queue"
)

// TestUnknownMintsShareOnePass: of three hundred mints nobody knows whether they made
// a key, and each one did. They are looked for together, in a number of requests that
// does not grow with theirs, and hold up neither a revocation nor a mint.
func TestUnknownMintsShareOnePass(t *testing.T) {
	for name, test := range map[string]struct {
		listed func(time.Duration) // called for each request for the list
		most   int64
	}{
		"the list answers":       {listed: func(time.Duration) {}, most: 60},
		"the list takes a while": {listed: time.Sleep, most: 60},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			var lists atomic.Int64
			var lost atomic.Bool
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				switch {
				case r.Method == http.MethodGet && r.URL.Path == "/v1/keys":
					lists.Add(1)
					test.listed(3 * time.Second)
					pass()
				case r.Method == http.MethodPost && lost.Load():
					w.sandbox.ServeHTTP(&unheard{}, r)
					rw.Write([]byte("{")) // an answer that nobody can read
				default:
					pass()
				}
			})
			held := w.mustMint("app")
			lost.Store(true)
			var callers sync.WaitGroup
			for range 300 {
				callers.Go(func() {
					if _, err := w.mintWith(context.Background(), "app"); err == nil {
						t.Error("a mint succeeded whose answer was lost")
					}
				})
			}
			callers.Wait()
			lost.Store(false)
			w.must(w.revoke(held))
			stays := w.mustMint("app")
			w.run(30*time.Minute, 20*time.Second)
			if n := lists.Load(); n > test.most {
				t.Errorf("the list was asked for %d times, want at most %d", n, test.most)
			}
			if alive := w.alive(); len(alive) != 1 || !alive[w.dataOf(stays).KeyName] {
				t.Errorf("%d keys are alive, want the one that is held", len(alive))
			}
			if left := w.process.Queue(); len(left) > 0 {
				t.Errorf("%d entries are left on the queue, the first for %q", len(left), left[0].LastError)
			}
		}))
	}
}

// unheard is an answer that nobody gets.
type unheard struct{ header http.Header }

func (u *unheard) Header() http.Header {
	if u.header == nil {
		u.header = http.Header{}
	}
	return u.header
}
func (u *unheard) Write(p []byte) (int, error) { return len(p), nil }
func (u *unheard) WriteHeader(int)             {}

// TestUnknownMintThatCannotBeBelievedForLong is looked for, but not every few seconds
// for as long as a clock was ahead when it was queued, or as its provider may take to
// show it.
func TestUnknownMintThatCannotBeBelievedForLong(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		since, until time.Duration
		seldom       bool
		// pause is that until the next look; zero for the queue's own.
		pause time.Duration
	}{
		"in a minute":                       {0, time.Minute, false, 0},
		"in a day":                          {0, 24 * time.Hour, true, 0},
		"in a year":                         {0, 365 * 24 * time.Hour, true, 0},
		"in nine minutes":                   {time.Minute, 9 * time.Minute, false, 0},
		"in six minutes":                    {4 * time.Minute, 6 * time.Minute, true, time.Minute},
		"in a moment":                       {9 * time.Minute, time.Second, true, time.Second},
		"it was queued by a clock ahead":    {-time.Hour, time.Minute, false, 0},
		"it is believed from the next look": {time.Hour, 0, false, 0},
	} {
		err := w.process.stillUnknown(&queue.Entry{Since: w.time().Add(-test.since), TrustAbsenceAfter: w.time().Add(test.until)})
		var seldom *unproven
		if got := errors.As(err, &seldom); got != test.seldom {
			t.Errorf("%s: %v; seldom: %t, want %t", name, err, got, test.seldom)
		}
		if seldom == nil {
			continue
		}
		if at := seldom.RetryAt(); at.IsZero() != (test.pause == 0) || !at.IsZero() && !at.Equal(w.time().Add(test.pause)) {
			t.Errorf("%s: the next look is at %s, want it in %s", name, at, test.pause)
		}
	}
}
