package transport

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen, status atomic.Int32
		status.Store(500)
		tr := inMemory(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			seen.Add(1)
			w.WriteHeader(int(status.Load()))
		})
		mint := func() (*Response, *Failure) { return tr.Do(t.Context(), callTo(t, "http://provider.test", Mint)) }
		for range tripAfter {
			if tr.breaker.open() {
				t.Fatal("the breaker opened early")
			}
			mint()
		}

		if !tr.breaker.open() {
			t.Fatal("the breaker is not open")
		}
		for _, class := range classes {
			_, err := tr.Do(t.Context(), callTo(t, "http://provider.test", class))
			wantError(t, err, Unreachable, "circuit breaker open after 5 failures, last: the provider answered status 500 (Internal Server Error)")
		}
		if seen.Load() != tripAfter {
			t.Errorf("the provider saw %d requests, want %d", seen.Load(), tripAfter)
		}

		time.Sleep(openFor + time.Millisecond)
		mint() // let through, and fails
		_, err := mint()
		wantError(t, err, Unreachable, "after 6 failures")

		time.Sleep(openFor + time.Millisecond)
		status.Store(200)
		for range 2 * tripAfter {
			if _, err := mint(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestRetriesEndWhenTheBreakerOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen atomic.Int32
		tr := inMemory(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			seen.Add(1)
			w.WriteHeader(503)
		})
		for range 2 { // three attempts, then two
			a, err := tr.Do(t.Context(), callTo(t, "http://provider.test", Read))
			if err != nil || a.Status != 503 {
				t.Errorf("got %v, %v; want the provider's own answer", a, err)
			}
		}
		if seen.Load() != tripAfter {
			t.Errorf("the provider saw %d requests, want %d", seen.Load(), tripAfter)
		}
	})
}

func TestWhatLeavesTheBreakerClosed(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"refusals":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) },
		"throttling":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) },
		"cancellations":   hang,
		"unusable bodies": falseGzip,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := inMemory(t, Config{}, handler)
				for range 2 * tripAfter {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					tr.Do(ctx, callTo(t, "http://provider.test", Mint))
					cancel()
				}
				if tr.breaker.open() {
					t.Error("the breaker opened")
				}
			})
		})
	}
}

func TestACancelledTrialLeavesRoomForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mode atomic.Value
		mode.Store("fail")
		tr := inMemory(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			switch mode.Load() {
			case "fail":
				w.WriteHeader(500)
			case "hang":
				hang(w, r)
			}
		})
		for range tripAfter {
			tr.Do(t.Context(), callTo(t, "http://provider.test", Mint))
		}
		time.Sleep(openFor + time.Millisecond)
		mode.Store("hang")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := tr.Do(ctx, callTo(t, "http://provider.test", Mint))
		wantError(t, err, Unknown, "the caller's time ran out, 1s after")
		mode.Store("answer")
		if a, err := tr.Do(t.Context(), callTo(t, "http://provider.test", Mint)); err != nil || a.Status != 200 {
			t.Errorf("got %v, %v", a, err)
		}
	})
}

func TestAHostThatHangsOpensTheBreakerForImpatientCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := inMemory(t, Config{}, hang)
		for range tripAfter {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			tr.Do(ctx, callTo(t, "http://provider.test", Revoke))
			cancel()
		}
		if !tr.breaker.open() {
			t.Error("the breaker is not open")
		}
	})
}
