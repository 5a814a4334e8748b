package providers

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestGranted reads the end that a provider gave a key out of the answers to
// issue and extend.
func TestGranted(t *testing.T) {
	requested := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	asked := requested.Add(time.Hour)
	tests := map[string]struct {
		reads string // attribute of both blocks
		tells any
		end   time.Time
		fails string
	}{
		"not read":             {"", "2026-03-01T12:10:00Z", asked, ""},
		"as asked":             {"expires_at = body.end", "2026-03-01T13:00:00Z", asked, ""},
		"cut":                  {"expires_at = body.end", "2026-03-01T12:10:00Z", requested.Add(10 * time.Minute), ""},
		"in another zone":      {"expires_at = body.end", "2026-03-01T13:10:00+01:00", requested.Add(10 * time.Minute), ""},
		"Unix seconds":         {"expires_at = body.end", requested.Unix() + 60, requested.Add(time.Minute), ""},
		"Unix milliseconds":    {"expires_at = body.end", requested.UnixMilli() + 60_000, requested.Add(time.Minute), ""},
		"a day":                {"expires_at = body.end", "2026-03-02", requested.Add(12 * time.Hour), ""},
		"none":                 {"expires_at = body.end", nil, time.Time{}, ""},
		"no time":              {"expires_at = body.end", "soon", time.Time{}, "expires_at is no time"},
		"beyond all numbers":   {"expires_at = body.end", json.Number("1e10000000"), time.Time{}, "expires_at is no time"},
		"after all years":      {"expires_at = body.end", 1e300, time.Time{}, "expires_at is no time"},
		"before all years":     {"expires_at = body.end", -5, time.Time{}, ""},
		"a list":               {"expires_at = body.end", []int{1}, time.Time{}, "expires_at is no time"},
		"not in the answer":    {"expires_at = body.until", "2026-03-01", asked, ""},
		"of nothing":           {"expires_at = body.until.at", "2026-03-01", asked, ""},
		"seconds":              {"expires_in = body.end", 600, requested.Add(10 * time.Minute), ""},
		"seconds as text":      {"expires_in = tonumber(body.end)", "600", requested.Add(10 * time.Minute), ""},
		"no seconds":           {"expires_in = body.end", 0, time.Time{}, ""},
		"no seconds at all":    {"expires_in = body.end", nil, time.Time{}, ""},
		"negative seconds":     {"expires_in = body.end", -1, time.Time{}, ""},
		"more than a lifetime": {"expires_in = body.end", 1e300, time.Time{}, ""},
		"a fraction":           {"expires_in = body.end", 600.5, requested.Add(600*time.Second + 500*time.Millisecond), ""},
		"text, untold":         {"expires_in = body.end", "600", requested.Add(10 * time.Minute), ""},
		"a duration":           {"expires_in = body.end", "10m", requested.Add(10 * time.Minute), ""},
		"never, in seconds":    {"expires_in = body.end", "never", time.Time{}, ""},
		"an empty text":        {"expires_at = body.end", "", time.Time{}, ""},
		"never":                {"expires_at = body.end", "Never", time.Time{}, ""},
		"minus one":            {"expires_at = body.end", -1, time.Time{}, ""},
		"the year 1":           {"expires_at = body.end", "0001-01-01T00:00:00Z", time.Time{}, ""},
		"Java's last time":     {"expires_at = body.end", json.Number("9223372036854775807"), time.Time{}, ""},
		"the same as text":     {"expires_at = body.end", "9223372036854775807", time.Time{}, ""},
		".NET's first time":    {"expires_at = body.end", "/Date(-62135596800000)/", time.Time{}, ""},
		".NET's last time":     {"expires_at = body.end", json.Number("253402300799"), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), ""},
		"seconds as a time":    {"expires_at = body.end", 3600, time.Time{}, "expires_at is no time"},
		"a day in digits":      {"expires_at = body.end", 20260302, requested.Add(12 * time.Hour), ""},
		"seconds of text":      {"expires_in = body.end", "an hour", time.Time{}, "expires_in is no number of seconds"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.on("POST /v1/projects/p1/keys", 201, object{"id": "i", "key": "sk-value-1", "owner": "o", "end": test.tells})
			f.on("PATCH /v1/keys/i", 200, object{"end": test.tells})
			src := strings.Replace(wholeDefinition, "    id     = body.id\n", "    id     = body.id\n    "+test.reads+"\n", 1)
			src = strings.Replace(src, "    json  = { expires = key.expires_at }\n", "    json  = { expires = key.expires_at }\n    "+test.reads+"\n", 1)
			c := f.client(t, src, nil)
			key, issueErr := c.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}, ExpiresAt: asked, TTL: time.Hour})
			extended, extendErr := c.Extend(t.Context(), Handle{Name: "n", ID: "i"}, asked, time.Hour)
			for what, got := range map[string]struct {
				err error
				end func() time.Time
			}{
				"issue":  {issueErr, func() time.Time { return key.ActualExpiry.End(requested, asked) }},
				"extend": {extendErr, func() time.Time { return extended.End(requested, asked) }},
			} {
				switch {
				case test.fails != "":
					if got.err == nil || KindOf(got.err) != Unknown || !strings.Contains(got.err.Error(), test.fails) {
						t.Errorf("%s: %v, want it unknown and %q", what, got.err, test.fails)
					}
				case got.err != nil:
					t.Errorf("%s: %v", what, got.err)
				case !got.end().Equal(test.end):
					t.Errorf("%s: the key ends at %s, want %s", what, got.end(), test.end)
				}
			}
		})
	}
}

// TestEndThatWasSaved: a saved value that the answer does not hold tells nothing of the
// key's end, and null says that there is none.
func TestEndThatWasSaved(t *testing.T) {
	asked := time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		answer object
		end    time.Time
	}{
		"absent": {object{"id": "i", "key": "sk-value-1", "owner": "o"}, asked},
		"null":   {object{"id": "i", "key": "sk-value-1", "owner": "o", "end": nil}, time.Time{}},
		"told":   {object{"id": "i", "key": "sk-value-1", "owner": "o", "end": "2026-03-01T12:10:00Z"}, asked.Add(-50 * time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.on("POST /v1/projects/p1/keys", 201, test.answer)
			src := strings.Replace(wholeDefinition, "owner = body.owner", "owner = body.owner, end = body.end", 1)
			src = strings.Replace(src, "    id     = body.id\n", "    id     = body.id\n    expires_at = saved.end\n", 1)
			key, err := f.client(t, src, nil).Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}, ExpiresAt: asked, TTL: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			if got := key.ActualExpiry.End(asked.Add(-time.Hour), asked); !got.Equal(test.end) {
				t.Errorf("the key ends at %s, want %s", got, test.end)
			}
		})
	}
}

// TestEndByAnotherClock: a time that the provider tells is one of its own clock, of
// which its answer's Date tells, within bounds.
func TestEndByAnotherClock(t *testing.T) {
	const life = time.Hour
	for name, test := range map[string]struct {
		ahead   time.Duration // of the provider's clock
		sooner  time.Duration // than it tells
		byDelay bool          // it tells how long, and not until when
	}{
		"the same":                 {},
		"less than a Date can say": {ahead: time.Second},
		"behind":                   {ahead: -time.Minute},
		"ahead":                    {ahead: 20 * time.Second, sooner: 21 * time.Second},
		"ahead by more than half":  {ahead: 10 * life, sooner: life / 2},
		"ahead, and tells a while": {ahead: time.Minute, byDelay: true},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			end := now.Add(life)
			reads, tells := "expires_at = body.end", any(end.Format(time.RFC3339))
			if test.byDelay {
				reads, tells = "expires_in = body.end", life.Seconds()
			}
			f := newFake(t)
			for request, status := range map[string]int{"POST /v1/projects/p1/keys": 201, "PATCH /v1/keys/i": 200} {
				f.do(request, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Date", now.Add(test.ahead).Format(http.TimeFormat))
					w.WriteHeader(status)
					_ = json.NewEncoder(w).Encode(map[string]any{"id": "i", "key": "sk-value-1", "owner": "o", "end": tells})
				})
			}
			src := strings.Replace(wholeDefinition, "    id     = body.id\n", "    id     = body.id\n    "+reads+"\n", 1)
			src = strings.Replace(src, "    json  = { expires = key.expires_at }\n", "    json  = { expires = key.expires_at }\n    "+reads+"\n", 1)
			c := f.client(t, src, nil)
			c.now = func() time.Time { return now }
			key, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}, ExpiresAt: end, TTL: life})
			if err != nil {
				t.Fatal(err)
			}
			extended, err := c.Extend(t.Context(), Handle{Name: "n", ID: "i"}, end, life)
			if err != nil {
				t.Fatal(err)
			}
			for what, got := range map[string]time.Time{"issue": key.ActualExpiry.End(now, end), "extend": extended.End(now, end)} {
				if want := end.Add(-test.sooner); !got.Equal(want) {
					t.Errorf("%s: the end is %s, want %s", what, got, want)
				}
			}
		})
	}
}
