package providers

import (
	"fmt"
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
			client.now = func() time.Time { return now }
			err := client.Check(t.Context())
			if err == nil || strings.Contains(err.Error(), "clock") != (c.want != "") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want %q", err, c.want)
			}
		})
	}
}

// clockedProvider takes requests whose time is within a second and a half of its own
// clock, as the strictest exchanges do.
type clockedProvider struct {
	now   time.Time
	shown time.Duration // by how much its Date differs from its clock
	no    func(http.ResponseWriter)
	// after that, it refuses whatever it is sent
	locked  bool
	answers int
}

func (p *clockedProvider) answer(w http.ResponseWriter, r *http.Request) {
	p.answers++
	w.Header().Set("Date", p.now.Add(p.shown).Format(http.TimeFormat))
	signed, err := time.Parse(time.RFC3339, r.Header.Get("X-Time"))
	if err != nil || p.locked || p.now.Sub(signed).Abs() > 1500*time.Millisecond {
		p.no(w)
		return
	}
	fmt.Fprint(w, `{"code": 0, "id": "k1", "key": "secret-value"}`)
}

func refuseWith(status int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// A signature that tells a time which the provider does not take is corrected by
// the provider's own, and later ones need no correction.
func TestSignatureIsCorrectedByTheProvidersClock(t *testing.T) {
	const dated = `auth "signature" {
    algorithm = "hmac-sha256"
    key       = connection.secret
    message   = "${request.time}${request.path}"
    headers   = { X-Time = request.time, X-Sign = signature }
  }`
	undated := strings.Replace(dated, "${request.time}", "", 1)
	undated = strings.Replace(undated, "X-Time = request.time, ", "", 1)
	ours := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		auth   string
		ahead  time.Duration
		shown  time.Duration
		no     func(http.ResponseWriter)
		locked bool
		works  bool
		// first and then are how many requests two issues take
		first, then int
	}{
		"the same time":             {auth: dated, no: refuseWith(401, ""), works: true, first: 1, then: 1},
		"ahead":                     {auth: dated, ahead: 6 * time.Minute, no: refuseWith(401, ""), works: true, first: 2, then: 1},
		"behind":                    {auth: dated, ahead: -5 * time.Second, no: refuseWith(403, ""), works: true, first: 2, then: 1},
		"a year ahead":              {auth: dated, ahead: 365 * 24 * time.Hour, no: refuseWith(400, `{"code": -1021}`), works: true, first: 2, then: 1},
		"told under a 200":          {auth: dated, ahead: time.Hour, no: refuseWith(200, `{"code": 10002}`), works: true, first: 2, then: 1},
		"a Date that is wrong":      {auth: dated, shown: time.Hour, no: refuseWith(401, ""), works: true, first: 1, then: 1},
		"both wrong":                {auth: dated, ahead: time.Hour, shown: time.Minute, no: refuseWith(401, ""), first: 2, then: 2},
		"a credential that is gone": {auth: dated, ahead: time.Hour, no: refuseWith(401, ""), locked: true, first: 2, then: 2},
		"no difference and refused": {auth: dated, no: refuseWith(401, ""), locked: true, first: 1, then: 1},
		"a signature without time":  {auth: undated, ahead: time.Hour, no: refuseWith(401, ""), first: 1, then: 1},
		"too many requests":         {auth: dated, ahead: time.Hour, no: refuseWith(429, ""), first: 1, then: 1},
		"an answer that says neither": {
			auth: dated, ahead: time.Hour, no: refuseWith(500, ""), first: 1, then: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			provider := &clockedProvider{now: ours.Add(c.ahead), shown: c.shown, no: c.no, locked: c.locked}
			f := newFake(t)
			f.do("POST /keys", provider.answer)
			source := strings.Replace(authDefinition(c.auth), "id     = body.id", "ok     = body.code == 0\n    id     = body.id", 1)
			client, err := NewClient(mustParse(t, source), Settings{Values: Values{"secret": "s3cret"}, BaseURL: f.URL, Dial: network.Dial})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			client.now = func() time.Time { return ours }
			for i, want := range []int{c.first, c.then} {
				provider.answers = 0
				_, err := client.Issue(t.Context(), KeyRequest{Name: "ci"})
				if (err == nil) != c.works {
					t.Errorf("issue %d: %v", i+1, err)
				}
				if provider.answers != want {
					t.Errorf("issue %d took %d requests, want %d", i+1, provider.answers, want)
				}
			}
		})
	}
}

// What comes after a refusal is judged for itself: the second request may have
// made a key.
func TestCorrectedRequestMayHaveMadeAKey(t *testing.T) {
	ours := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	provider := &clockedProvider{now: ours.Add(time.Hour), no: refuseWith(401, "")}
	f := newFake(t)
	f.do("POST /keys", func(w http.ResponseWriter, r *http.Request) {
		if provider.answers == 1 {
			provider.answers++
			dropConnection(w, r)
			return
		}
		provider.answer(w, r)
	})
	client := authClient(t, `auth "signature" {
    algorithm = "hmac-sha256"
    key       = connection.secret
    message   = request.time
    headers   = { X-Time = request.time, X-Sign = signature }
  }`, f.URL, Values{"secret": "s3cret"}, ours)
	_, err := client.Issue(t.Context(), KeyRequest{Name: "ci"})
	if err == nil || NothingMade(err) {
		t.Errorf("after a second request without an answer the error is %v, which says that nothing was made", err)
	}
}
