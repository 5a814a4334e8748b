package acceptance

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// recovery is what has to hold, at every provider whose keys can be listed, of
// keys that nobody holds.
var recovery = map[string]func(t *testing.T, m *mount, name string, s site){
	"lost answers": losesAnswers,
	"outage":       outlastsAnOutage,
	"reconcile":    findsOrphans,
}

// testRecovery runs all of recovery, as testLife does life.
func testRecovery(t *testing.T, m *mount, newSite func(t *testing.T) (name string, s site)) {
	for what := range recovery {
		testRecoveryOf(t, what, m, newSite)
	}
}

func testRecoveryOf(t *testing.T, what string, m *mount, newSite func(t *testing.T) (name string, s site)) {
	t.Run(what, func(t *testing.T) {
		name, site := newSite(t)
		recovery[what](t, m, name, site)
	})
}

// newSiteProxy stands before the site's server. It loses answers to the request
// that makes a key.
func newSiteProxy(t *testing.T, s site) *lossyProxy {
	t.Helper()
	proxy := newLossyProxy(t, s.connection()["base_url"].(string))
	proxy.only, proxy.mints = traitsOf(s).mintPath, traitsOf(s).mints
	return proxy
}

// losesAnswers loses the answer to a mint that the server has carried out: the
// caller gets an error, and nobody has a key.
func losesAnswers(t *testing.T, m *mount, name string, s site) {
	proxy := newSiteProxy(t, s)
	u := m.tenant(t, name, s, settings{"base_url": proxy.URL, "request_timeout": "15s"}, nil)
	foreign := s.create(t, "somebody-elses")
	t.Cleanup(func() { s.revoke(t, foreign) })
	// A key that is held shows the engine that such keys are listed: where nothing at all
	// is, it does not believe for long that a mint made none.
	kept := []string{"somebody-elses", u.mustMint().name}
	slices.Sort(kept)
	for name, how := range map[string]loss{
		"reset":             reset,
		"truncated":         truncate,
		"never sent":        hang,
		"gateway's error":   page(http.StatusBadGateway),
		"gateway's welcome": page(http.StatusOK),
	} {
		t.Run(name, func(t *testing.T) {
			u := u.in(t)
			// On a busy machine a mint may fail before the server hears of it, or
			// has answered.
			var err error
			eventually(t, "an answer is lost", func() (bool, any) {
				proxy.loseNext(how)
				var k *key
				if k, err = u.mint(); err == nil {
					t.Fatalf("the caller got a key: %s", k.name)
				}
				return len(proxy.lost) > 0 && <-proxy.lost/100 == 2, err
			})
			if strings.Contains(err.Error(), "stand by") {
				t.Errorf("the error quotes what came instead of the answer: %v", err)
			}
			eventually(t, "nothing is left of the mint", func() (bool, any) {
				held := sortedNames(s.keys(t))
				return slices.Equal(held, kept), held
			})
			if held := u.ledger(); len(held) != 1 {
				t.Errorf("the ledger holds %v", held)
			}
		})
	}
}

// outlastsAnOutage loses the answer to a mint, and the server with it: the
// engine finds and revokes the key once the server is back.
func outlastsAnOutage(t *testing.T, m *mount, name string, s site) {
	proxy := newSiteProxy(t, s)
	u := m.tenant(t, name, s, settings{"base_url": proxy.URL, "request_timeout": "15s"}, nil)
	held := u.mustMint()
	proxy.loseNext(func(w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
		proxy.down.Store(true)
		reset(w, r, nil)
	})
	if k, err := u.mint(); err == nil {
		t.Fatalf("the caller got a key: %s", k.name)
	}
	if got := s.keys(t); len(got) != 2 {
		t.Fatalf("the server holds %v, want the first key and the one nobody got", got)
	}
	if got := u.queue(); len(got) != 1 {
		t.Errorf("the queue holds %v, want the one whose fate is unknown", got)
	}
	if err := u.revoke(held); err == nil {
		t.Error("a revocation is said to have succeeded with the server away")
	}
	if !s.alive(t, held.token) {
		t.Error("the first key died while nobody could reach the server")
	}
	proxy.down.Store(false)
	within(t, 90*time.Second, "both are revoked", func() (bool, any) {
		left := s.keys(t)
		return len(left) == 0, left
	})
	u.queueEmpties()
	u.eventuallyMints()
}

// findsOrphans leaves a key that the ledger lacks, as a crash does, over more
// than a page of others.
func findsOrphans(t *testing.T, m *mount, name string, s site) {
	u := m.tenant(t, name, s, nil, nil)
	held := inParallel(t, make([]*key, many), func(*key) (*key, error) { return u.mint() })
	orphan := sibling(held[0].name)
	foreign := []string{"somebody-elses", "looks-alike-v00000" + orphan[len(orphan)-16:]}
	ids := map[string]string{orphan: s.create(t, orphan)}
	for _, name := range foreign {
		ids[name] = s.create(t, name)
	}
	for _, c := range []struct {
		what    string
		options settings
		orphans bool // are there to be found
	}{
		{"a dry run", nil, true},
		{"a dry run changes nothing", settings{"delete": false}, true},
		{"a clean-up", settings{"delete": true}, true},
		{"after the clean-up", settings{"delete": true}, false},
	} {
		report := u.reconcile(c.options)
		deleted := c.options["delete"] == true
		want := many
		if c.orphans {
			want++
		}
		if report.Listed != want || len(report.Missing) != 0 {
			t.Errorf("%s: listed %d of ours, want %d; missing %v", c.what, report.Listed, want, report.Missing)
		}
		switch {
		case !c.orphans && len(report.Orphans) != 0:
			t.Errorf("%s: orphans %+v, want none", c.what, report.Orphans)
		case c.orphans && (len(report.Orphans) != 1 || report.Orphans[0].Name != orphan || report.Orphans[0].Revoked != deleted):
			t.Errorf("%s: orphans %+v, want %s alone, revoked: %t", c.what, report.Orphans, orphan, deleted)
		}
		if _, there := s.keys(t)[orphan]; there == deleted {
			t.Errorf("%s: the orphan is there: %t", c.what, there)
		}
	}
	left := s.keys(t)
	for _, name := range foreign {
		if left[name] != ids[name] {
			t.Errorf("%s, which is somebody else's, is gone", name)
			continue
		}
		s.revoke(t, ids[name])
	}
	if len(left) != many+len(foreign) {
		t.Errorf("the server holds %d keys, want %d", len(left), many+len(foreign))
	}
}

// sibling is the name of a key that the same mount could have given at the same
// time: the last nine characters are random.
func sibling(name string) string { return name[:len(name)-9] + "000000000" }

// report is what reconcile answers.
type report struct {
	Listed  int
	Missing []string
	Orphans []struct {
		Name    string
		Revoked bool
		Error   string
	}
}

func (u *tenant) reconcile(options settings) report {
	u.t.Helper()
	secret, err := u.Client.Logical().WriteWithContext(u.t.Context(), "apikeys/reconcile/"+u.name, options)
	if err != nil {
		u.t.Fatalf("reconciling: %v", err)
	}
	var r report
	decodeInto(u.t, secret.Data, &r)
	return r
}
