package providers

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// A refusal tells when the clocks differ: the credential may be good.
func TestClockDifferenceIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		ahead  time.Duration
		age    string
		want   string
	}{
		"ahead":          {401, 6 * time.Minute, "", "6m0s ahead"},
		"behind":         {403, -31 * time.Second, "", "31s behind"},
		"a bad request":  {400, 20 * time.Second, "", "20s ahead"},
		"about the same": {401, 9 * time.Second, "", ""},
		"from a cache":   {401, -time.Hour, "3600", ""},
		"another status": {404, time.Hour, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			f := newFake(t)
			f.do("GET /v1/me", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", now.Add(c.ahead).Format(http.TimeFormat))
				if c.age != "" {
					w.Header().Set("Age", c.age)
				}
				w.WriteHeader(c.status)
			})
			client := f.client(t, wholeDefinition, nil)
			client.StopClock(now)
			err := client.Check(t.Context())
			if err == nil || strings.Contains(err.Error(), "clock") != (c.want != "") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want %q", err, c.want)
			}
		})
	}
}
