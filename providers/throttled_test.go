package providers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// A rate limit is waited for, however the provider tells of it: nothing was made.
func TestThrottledInOtherWays(t *testing.T) {
	for name, c := range map[string]struct {
		errors  string
		status  int
		headers map[string]string
		body    string
		kind    Kind // of a single answer
		pause   time.Duration
	}{
		"403 that says when":           {"", 403, map[string]string{"Retry-After": "7"}, `{}`, Throttled, 7 * time.Second},
		"403 with nothing left":        {"", 403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9"}, `{}`, Throttled, 9 * time.Second},
		"403 with nothing left, alone": {"", 403, map[string]string{"X-RateLimit-Remaining": "0"}, `{}`, Throttled, transport.UnstatedPause},
		"403 with some left":           {"", 403, map[string]string{"X-RateLimit-Remaining": "7"}, `{}`, Refused, 0},
		"418":                          {"throttled = [418]", 418, nil, `{}`, Throttled, transport.UnstatedPause},
		"418 that says when":           {"throttled = [418]", 418, map[string]string{"Retry-After": "7"}, `{}`, Throttled, 7 * time.Second},
		"418, unsaid":                  {"", 418, nil, `{}`, Refused, 0},
		"200 with a code":              {"throttled = body.code == 10006", 200, nil, `{"code":10006}`, Throttled, transport.UnstatedPause},
		"200 with another code":        {"throttled = body.code == 10006", 200, nil, `{"code":1}`, Unknown, 0},
		"200 without a code":           {"throttled = body.code != 0", 200, nil, `{}`, Unknown, 0},
		"503 with a code":              {"throttled = status == 503 && body.code == 7", 503, nil, `{"code":7}`, Throttled, transport.UnstatedPause},
	} {
		t.Run(name, func(t *testing.T) {
			src := strings.Replace(wholeDefinition, "errors { message = body.error }", "errors {\n    "+c.errors+"\n  }", 1)
			calls, took, err := 0, time.Duration(0), error(nil)
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				client := newFakeOf(t, func(w http.ResponseWriter, _ *http.Request) {
					calls++
					for header, value := range c.headers {
						w.Header().Set(header, value)
					}
					w.WriteHeader(c.status)
					fmt.Fprint(w, c.body)
				}).client(t, src, nil)
				_, err = client.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}})
				took = time.Since(began)
			})
			if KindOf(err) != c.kind || err == nil {
				t.Errorf("the error is %v", err)
			}
			want := 1
			if c.kind == Throttled {
				want = transport.MaxAttempts
			}
			if calls != want || took != time.Duration(want-1)*c.pause {
				t.Errorf("%d requests in %s, want %d with %s between", calls, took, want, c.pause)
			}
			if c.kind == Throttled && err.(*Error).RetryAfter != c.pause {
				t.Errorf("it says to wait %s, want %s", err.(*Error).RetryAfter, c.pause)
			}
		})
	}
}

// What is throttled is not taken for gone, or dead.
func TestThrottledIsNotGone(t *testing.T) {
	f := newFake(t)
	f.do("DELETE /v1/projects/p1/keys/i", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(403)
	})
	src := strings.Replace(wholeDefinition, "gone   = [404]", "gone   = [403, 404]", 1)
	err := f.client(t, src, nil).Revoke(t.Context(), Handle{Name: "n", ID: "i", Role: Values{"project": "p1"}})
	if KindOf(err) != Throttled || err == nil {
		t.Errorf("the error is %v", err)
	}
}
