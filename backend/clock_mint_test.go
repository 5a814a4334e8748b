package backend

import (
	"net/http"
	"testing"
	"time"
)

// TestMintUnderAClockThatIsSet: whenever the wall clock is set while a key is made, and
// however far, for a moment or for good, the key lives as long as the lease that Vault
// makes of the answer; where the two clocks leave it no time, nobody gets it.
func TestMintUnderAClockThatIsSet(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for name, test := range map[string]struct{ planned, answered, after bool }{ // when it is set
		"for good":                            {true, true, true},
		"until after the answer":              {true, true, false},
		"until the provider has made it":      {true, false, false},
		"as the provider makes it":            {false, true, true},
		"as the provider makes it, and back":  {false, true, false},
		"after the answer":                    {false, false, true},
		"as the key is ordered, and later on": {true, false, true},
	} {
		for _, jump := range []time.Duration{time.Minute, 14 * time.Minute, time.Hour, year, -time.Minute, -time.Hour, -year} {
			for _, ends := range []time.Duration{0, 15 * time.Minute} {
				of := func(set bool) time.Duration {
					if set {
						return jump
					}
					return 0
				}
				t.Run(name+" by "+jump.String()+", keys end after "+ends.String(), inBubble(func(t *testing.T) {
					w := newWorld(t)
					w.behind(func(_ http.ResponseWriter, r *http.Request, pass func()) {
						pass()
						if r.Method == http.MethodPost {
							w.set(of(test.answered) - of(test.planned))
						}
					})
					planned := max(0, of(test.planned))
					end := planned + testTTL + expiryMargin
					if ends > 0 {
						w.capExpiry(ends)
						end = ends
					}
					began := w.time()
					w.set(of(test.planned))
					lease, err := w.mint("app")
					w.set(of(test.after) - of(test.answered))
					if refused := end-max(planned, of(test.answered)) < time.Second; refused != (err != nil) {
						t.Errorf("the key ends %s after it was made, and the answer is: %v", end, err)
					}
					if err != nil {
						if alive := w.alive(); len(alive) > 0 {
							t.Errorf("nobody has %v", alive)
						}
						return
					}
					ttl := lease.secret.TTL
					lease.end = began.Add(of(test.after) + ttl) // Vault goes by the time that passes
					if ttl > end {
						t.Errorf("the lease lasts %s, and its key %s", ttl, end)
					}
					w.run(ttl-time.Minute, time.Minute)
					w.heldKeysWork()
					w.run(time.Minute-time.Second, 20*time.Second-time.Second/3)
					w.heldKeysWork()
				}))
			}
		}
	}
}
