package backend

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestRecent: of all who come when an answer has become too old, one asks.
func TestRecent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recent[int64]
		var asked atomic.Int64
		takes, ok := 100*time.Millisecond, true
		get := func() int64 {
			return r.of(time.Now(), time.Second, func() (int64, bool) {
				time.Sleep(takes)
				return asked.Add(1), ok
			})
		}
		many := func() {
			for range 64 {
				go get()
			}
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
		}
		if get() != 1 {
			t.Fatal("nobody asked")
		}
		many()
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times within a second, want once", n)
		}
		time.Sleep(time.Second)
		many()
		if n := asked.Load(); n != 2 {
			t.Errorf("64 who come at once have asked %d times, want once more", n)
		}

		ok = false // Vault cannot be asked
		time.Sleep(time.Second)
		get()
		ok = true
		if before := asked.Load(); get() != before+1 {
			t.Error("what could not be asked is believed")
		}

		takes = time.Hour // one asks and comes to no end
		time.Sleep(time.Second)
		go get()
		synctest.Wait()
		before := asked.Load()
		time.Sleep(longestAsked * time.Second)
		takes = 0
		if get() != before+1 {
			t.Error("an old answer is believed for as long as somebody asks")
		}
		time.Sleep(2 * time.Hour)
	})
}
