package backend

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// TestAnswerOfALostMintsKey: the answer to a mint is lost, and that to the next one
// tells the id of the key which the first one made. The holder's key lives as long as
// its lease, whichever of the two it is, and both end with it.
func TestAnswerOfALostMintsKey(t *testing.T) {
	for name, test := range map[string]struct {
		found bool // the first one's key is come upon while the second is held
		act   func(w *world)
	}{
		"it is looked for while the other is held": {found: true, act: func(*world) {}},
		"it is looked for after that":              {act: func(*world) {}},
		"the note of it is answered with an error": {found: true, act: func(w *world) { w.process.gate.failAfter("PUT ledger/") }},
		"the note of it fails":                     {found: true, act: func(w *world) { w.process.gate.hitAfter("PUT ledger/", fault{}) }},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, c := cabinetWorld(t)
			w.turn()
			list := func(status int) { c.change(func(c *cabinet) { c.broken["main"] = status }) }
			list(http.StatusServiceUnavailable)
			w.process.gate.failAfter("POST ")
			if _, err := w.mint("main"); err == nil {
				t.Fatal("a mint whose answer was lost succeeded")
			}
			lost := c.ids()
			c.change(func(c *cabinet) { c.misnamed = true })
			lease := w.mustMint("main")
			c.change(func(c *cabinet) { c.misnamed = false })
			test.act(w)
			if test.found {
				list(0)
				w.run(6*time.Minute, 20*time.Second)
				if left := c.ids(); len(left) != 2 || !slices.Contains(left, lost[0]) {
					t.Fatalf("at the provider are %v, want the key that is held and %s, the id of which its record tells", left, lost)
				}
			}
			w.startAlone() // what is known of it outlasts a process
			w.must(w.revoke(lease))
			w.startAlone()
			list(0)
			w.run(6*time.Minute, 20*time.Second)
			if left := c.ids(); len(left) > 0 {
				t.Errorf("at the provider are %v, which nobody holds", left)
			}
			w.nothingIsQueued()
		}))
	}
}
