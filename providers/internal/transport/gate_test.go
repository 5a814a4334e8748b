package transport

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

func TestRevocationsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		g.awaitTurn(t.Context(), false) // takes the burst
		order := make(chan string, 7)
		line := func(name string, urgent bool) {
			go func() {
				g.awaitTurn(t.Context(), urgent)
				order <- name
			}()
			synctest.Wait()
		}
		for range 3 {
			line("mint", false)
		}
		for range 3 {
			line("revoke", true)
		}
		time.Sleep(1500 * time.Millisecond)
		line("revoke", true)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		close(order)
		var passed []string
		for name := range order {
			passed = append(passed, name)
		}
		if got := strings.Join(passed, " "); got != "revoke revoke revoke mint revoke mint mint" {
			t.Errorf("passed as %s", got)
		}
	})
}

func TestTheGateKeepsToItsRate(t *testing.T) {
	for _, c := range []struct {
		name      string
		perSecond float64
		requests  int
		want      time.Duration
	}{
		{"unlimited", 0, 1000, 0},
		{"half a second's worth at once", 10, 5, 0},
		{"a burst and more", 10, 30, 2500 * time.Millisecond},
		{"seldom", 0.5, 4, 6 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(c.perSecond)
				passed := make(chan struct{})
				began := time.Now()
				for range c.requests {
					go func() {
						g.awaitTurn(t.Context(), false)
						passed <- struct{}{}
					}()
				}
				for range c.requests {
					<-passed
				}
				if took := time.Since(began); took < c.want || took > c.want+time.Millisecond {
					t.Errorf("took %s, want %s", took, c.want)
				}
			})
		})
	}
}

func TestTheGateRefusesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		g.awaitTurn(t.Context(), false)
		for range 5 { // five wait, so a sixth would for 6 s
			go g.awaitTurn(t.Context(), false)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		began := time.Now()
		after, ok := g.awaitTurn(ctx, false)
		if ok || after.Round(time.Millisecond) != 6*time.Second || time.Since(began) != 0 {
			t.Errorf("got %v, %s after %s", ok, after, time.Since(began))
		}
		if _, ok := g.awaitTurn(ctx, true); !ok || time.Since(began) > 1001*time.Millisecond {
			t.Errorf("a revocation got %v after %s, though it goes first", ok, time.Since(began))
		}
		time.Sleep(time.Minute) // the others leave
	})
}

func TestAPauseSendsAwayThoseWhoCannotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		g.awaitTurn(t.Context(), false)
		type outcome struct {
			ok   bool
			took time.Duration
		}
		patient, hurried := make(chan outcome, 1), make(chan outcome, 1)
		line := func(limit time.Duration, to chan outcome) {
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				began := time.Now()
				_, ok := g.awaitTurn(ctx, false)
				to <- outcome{ok, time.Since(began)}
			}()
		}
		line(10*time.Second, hurried)
		line(time.Minute, patient)
		synctest.Wait()
		g.close(30 * time.Second)
		if got := <-hurried; got.ok || got.took != 0 {
			t.Errorf("the hurried one got %v", got)
		}
		if got := <-patient; !got.ok || got.took != 30*time.Second {
			t.Errorf("the patient one got %v", got)
		}
	})
}

func TestALeaverGivesItsSlotBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0.1)
		g.awaitTurn(t.Context(), false)
		for range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			if _, ok := g.awaitTurn(ctx, false); ok {
				t.Fatal("passed early")
			}
		}
		began := time.Now()
		if _, ok := g.awaitTurn(t.Context(), false); !ok || time.Since(began) > 5001*time.Millisecond {
			t.Errorf("passed after %s, want 5s", time.Since(began))
		}
	})
}

// TestStorm: many revocations at once, at a provider that counts requests by a bucket
// of a second's worth, over a network that delivers late and in heaps. Nothing is
// refused where the rate is known, and little where it has to be learned; it takes
// little longer than the rate makes it, and mints in between hardly wait.
func TestStorm(t *testing.T) {
	const (
		revocations = 10_000
		workers     = 40
		latency     = 50 * time.Millisecond
		limit       = 100
	)
	for _, test := range []struct {
		name     string
		set      float64
		refused  int     // at most
		atMost   float64 // times the ideal
		lessThan time.Duration
	}{
		{"the rate is set", limit, 0, 1.15, 2 * latency},
		{"a higher one is set", 1.2 * limit, 5, 1.15, 2 * latency},
		{"none is set", 0, workers, 1.15, 2 * latency},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(test.set)
				bucket := rate.NewLimiter(limit, limit)
				var refused, lessons atomic.Int64
				ask := func(urgent bool, late time.Duration) {
					for {
						if _, ok := g.awaitTurn(t.Context(), urgent); !ok {
							t.Error("sent away")
							return
						}
						time.Sleep(late)
						taken := bucket.Allow()
						time.Sleep(latency - late)
						if taken {
							return
						}
						if refused.Add(1); g.remaining() == 0 {
							lessons.Add(1)
						}
						g.throttled(time.Second)
					}
				}
				began := time.Now()
				var left, minted atomic.Int64
				left.Store(revocations)
				var wg sync.WaitGroup
				for w := range workers {
					wg.Go(func() {
						for n := left.Add(-1); n >= 0; n = left.Add(-1) {
							ask(true, time.Duration((n*7919+int64(w)*31)%41)*time.Millisecond)
						}
					})
				}
				var took []time.Duration
				for left.Load() > 0 {
					at := time.Now()
					ask(false, 20*time.Millisecond)
					took = append(took, time.Since(at))
					minted.Add(1)
					time.Sleep(300 * time.Millisecond)
				}
				wg.Wait()
				all := time.Since(began)
				ideal := time.Duration(float64(revocations+minted.Load()) / limit * float64(time.Second))
				slices.Sort(took)
				middle := took[len(took)/2]
				t.Logf("%d refused in %d lessons, %s of %s (%.2f), mints in %s", refused.Load(), lessons.Load(), all.Round(time.Millisecond), ideal, all.Seconds()/ideal.Seconds(), middle)
				if n := refused.Load(); n > int64(test.refused) {
					t.Errorf("%d were refused, want at most %d", n, test.refused)
				}
				if all.Seconds() > test.atMost*ideal.Seconds() {
					t.Errorf("it took %s, want at most %.2f of %s", all, test.atMost, ideal)
				}
				if middle > test.lessThan {
					t.Errorf("a mint took %s, want at most %s", middle, test.lessThan)
				}
			})
		})
	}
}

// TestALessonIsForgotten: what the gate has learned holds for a while.
func TestALessonIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(100)
		for range 3 { // of one moment
			g.throttled(time.Second)
		}
		inASecond := func() int {
			passed := 0
			for began := time.Now(); time.Since(began) < time.Second; passed++ {
				g.awaitTurn(t.Context(), false)
			}
			return passed
		}
		time.Sleep(time.Second)
		if n := inASecond(); n > 100 || n < 90 {
			t.Errorf("%d passed in the second after a refusal, want nine tenths of the rate", n)
		}
		time.Sleep(learnedFor + time.Second)
		g.awaitTurn(t.Context(), false)
		time.Sleep(time.Second)
		if n := inASecond(); n < 140 {
			t.Errorf("%d passed in a second of a burst long after, want the rate that was set", n)
		}
	})
}

// TestManyMintsHoldUpNoRevocations: mints that go first have a quarter of the rate.
func TestManyMintsHoldUpNoRevocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(100)
		var revoked, minted atomic.Int64
		ctx, end := context.WithCancel(t.Context())
		for range 50 {
			for urgent, count := range map[bool]*atomic.Int64{true: &revoked, false: &minted} {
				go func() {
					for {
						if _, ok := g.awaitTurn(ctx, urgent); !ok {
							return
						}
						count.Add(1)
					}
				}()
			}
		}
		time.Sleep(100 * time.Second)
		end()
		synctest.Wait()
		if r, m := revoked.Load(), minted.Load(); r < 7000 || m < 2000 || r+m < 9900 {
			t.Errorf("%d revocations and %d mints in 100 seconds of 100, want some 7500 and 2500", r, m)
		}
	})
}
