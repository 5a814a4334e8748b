package transport

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRevocationsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		g.wait(t.Context(), false) // takes the burst
		order := make(chan string, 7)
		line := func(name string, urgent bool) {
			go func() {
				g.wait(t.Context(), urgent)
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
		{"a burst", 10, 10, 0},
		{"a burst and more", 10, 30, 2 * time.Second},
		{"seldom", 0.5, 4, 6 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(c.perSecond)
				passed := make(chan struct{})
				began := time.Now()
				for range c.requests {
					go func() {
						g.wait(t.Context(), false)
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
		g.wait(t.Context(), false)
		for range 5 { // five wait, so a sixth would for 6 s
			go g.wait(t.Context(), false)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		began := time.Now()
		after, ok := g.wait(ctx, false)
		if ok || after.Round(time.Millisecond) != 6*time.Second || time.Since(began) != 0 {
			t.Errorf("got %v, %s after %s", ok, after, time.Since(began))
		}
		if _, ok := g.wait(ctx, true); !ok || time.Since(began) > 1001*time.Millisecond {
			t.Errorf("a revocation got %v after %s, though it goes first", ok, time.Since(began))
		}
		time.Sleep(time.Minute) // the others leave
	})
}

func TestAPauseSendsAwayThoseWhoCannotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		g.wait(t.Context(), false)
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
				_, ok := g.wait(ctx, false)
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
		g.wait(t.Context(), false)
		for range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			if _, ok := g.wait(ctx, false); ok {
				t.Fatal("passed early")
			}
		}
		began := time.Now()
		if _, ok := g.wait(t.Context(), false); !ok || time.Since(began) > 5001*time.Millisecond {
			t.Errorf("passed after %s, want 5s", time.Since(began))
		}
	})
}
