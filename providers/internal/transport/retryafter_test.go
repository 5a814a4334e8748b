package transport

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	soon := now.Add(30 * time.Second)
	for _, c := range []struct {
		name   string
		header map[string]string
		want   time.Duration
	}{
		{"nothing", nil, 0},
		{"seconds", map[string]string{"Retry-After": "30"}, 30 * time.Second},
		{"a fraction", map[string]string{"Retry-After": "0.25"}, 250 * time.Millisecond},
		{"date", map[string]string{"Retry-After": soon.Format(http.TimeFormat)}, 30 * time.Second},
		{"past date", map[string]string{"Retry-After": now.Add(-time.Hour).Format(http.TimeFormat)}, 0},
		{"negative", map[string]string{"Retry-After": "-3"}, 0},
		{"not a number", map[string]string{"Retry-After": "NaN"}, 0},
		{"infinite", map[string]string{"Retry-After": "Inf"}, longestWait},
		{"beyond all bounds", map[string]string{"Retry-After": "999999999"}, longestWait},
		{"words", map[string]string{"Retry-After": "soon"}, 0},
		{"standard, seconds", map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, 30 * time.Second},
		{"unix time", map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1893553475"}, 30 * time.Second},
		{"unix milliseconds", map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1893553475000"}, 30 * time.Second},
		{"duration", map[string]string{"X-RateLimit-Remaining-Requests": "0", "X-RateLimit-Reset-Requests": "1m30s"}, 90 * time.Second},
		{"RFC 3339", map[string]string{"Anthropic-RateLimit-Requests-Remaining": "0", "Anthropic-RateLimit-Requests-Reset": soon.Format(time.RFC3339)}, 30 * time.Second},
		{"something left", map[string]string{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "30"}, 0},
		{"nothing said of what is left", map[string]string{"X-RateLimit-Reset": "30"}, 0},
		{"structured", map[string]string{"RateLimit": `"burst";r=0;t=30, "daily";r=7;t=5000`}, 30 * time.Second},
		{"structured, something left", map[string]string{"RateLimit": `"default";r=50;t=30`}, 0},
		{"Retry-After before all", map[string]string{"Retry-After": "5", "RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			for name, value := range c.header {
				h.Set(name, value)
			}
			if got := RetryAfter(h, now); got.Round(time.Millisecond) != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
