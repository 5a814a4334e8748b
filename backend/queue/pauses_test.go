package queue

import (
	"errors"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/retry"
)

// undecided is a failure of which nobody knows when another try could mend it.
type undecided struct{ error }

func (undecided) RetryAt() time.Time { return time.Time{} }

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
