package queue

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/retry"
	"vault-plugin-secrets-apikeys/providers"
)

// undecided is a failure of which nobody knows when another try could mend it.
type undecided struct{ error }

func (undecided) RetryAt() time.Time { return time.Time{} }

// TestPausesBesideOthers is how long an entry waits for its next try that fails while
// the provider serves others: soon where nothing that it said is about the entry.
func TestPausesBesideOthers(t *testing.T) {
	for name, test := range map[string]struct {
		err            error
		soon, inTheEnd time.Duration
	}{
		"it did not answer":     {failing(providers.Unknown, 0), shortAlone, retry.LongestRefused},
		"it failed":             {failing(providers.Unknown, 500), shortAlone, retry.LongestRefused},
		"it was not reached":    {failing(providers.Unreachable, 0), shortAlone, retry.LongestRefused},
		"it was asked too much": {failing(providers.Throttled, 429), shortAlone, retry.LongestRefused},
		"it did not allow it":   {failing(providers.Refused, 403), retry.LongestRefused, retry.LongestRefused},
		"it said no":            {failing(providers.Refused, 409), retry.LongestRefused, retry.LongestRefused},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, "poison")
			l.answer = func(id string) error {
				if id == "poison" {
					return test.err
				}
				return nil
			}
			longest := func(lasts time.Duration) (pause time.Duration) {
				for end := l.now.Add(lasts); l.now.Before(end); {
					l.add(Entry{ID: fmt.Sprint("other-", l.now.UnixNano()), Kind: Revoke, Connection: "box"})
					l.run(5 * time.Second)
					pause = max(pause, l.Get("poison").NextTry.Sub(l.now))
				}
				return pause
			}
			if pause := longest(3 * time.Minute); pause > test.soon {
				t.Errorf("at first it waits up to %s, want %s", pause, test.soon)
			}
			longest(time.Hour)
			if pause := longest(time.Hour); pause < test.inTheEnd/2-5*time.Second || pause > test.inTheEnd {
				t.Errorf("in the end it waits up to %s, want about %s", pause, test.inTheEnd)
			}
		})
	}
}

// TestPauses is how long an entry waits at most for its next try.
func TestPauses(t *testing.T) {
	for name, test := range map[string]struct {
		err     error
		longest time.Duration
	}{
		"what may go by":          {errors.New("storage is busy"), retry.LongestUnreachable},
		"what time does not mend": {undecided{errors.New("no proof that it is gone")}, retry.LongestRefused},
		"what is left to people":  {ErrByHand, retry.LongestRefused},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			q := New(func() time.Time { return now })
			q.AddUnstored(Entry{ID: "one", Connection: "box", Kind: Revoke})
			var pause time.Duration
			for range 30 {
				q.Start(func(Entry) error { return test.err })
				q.Wait()
				pause = q.Get("one").NextTry.Sub(now)
				now = now.Add(pause)
			}
			if pause < test.longest/2 || pause > test.longest {
				t.Errorf("after many tries it waits %s, want about %s", pause, test.longest)
			}
		})
	}
}
