//go:build integration

package acceptance

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/toxiproxy"
)

// faults are what a network does to the connections between the engine and a
// server. Some let a mint through.
var faults = map[string]fault{
	"reset after the request": {toxic: toxiproxy.Toxic{Type: "reset_peer", Stream: "downstream", Attributes: settings{"timeout": 0}}},
	"reset in the request":    {toxic: toxiproxy.Toxic{Type: "reset_peer", Stream: "upstream", Attributes: settings{"timeout": 0}}},
	"truncated answer":        {toxic: toxiproxy.Toxic{Type: "limit_data", Stream: "downstream", Attributes: settings{"bytes": 200}}},
	"latency":                 {toxic: toxiproxy.Toxic{Type: "latency", Stream: "downstream", Attributes: settings{"latency": 20_000}}},
	"a few bytes per second":  {toxic: toxiproxy.Toxic{Type: "slicer", Stream: "downstream", Attributes: settings{"average_size": 2, "size_variation": 1, "delay": 500_000}}},
	"a slow line":             {toxic: toxiproxy.Toxic{Type: "bandwidth", Stream: "downstream", Attributes: settings{"rate": 1}}, mild: true},
	"refused connections":     {refuses: true},
}

type fault struct {
	toxic   toxiproxy.Toxic
	refuses bool // connections, in place of a toxic
	mild    bool // the request timeout is long enough to bear it
}

// faultPatience bounds the wait for order: a mint may be in flight for two
// request timeouts, a list may lag for a minute, and the queue pauses for 20 s.
const faultPatience = 6 * time.Minute

// toxiproxyOnce is the one Toxiproxy of this test binary.
var toxiproxyOnce = sync.OnceValues(func() (*toxiproxy.Server, error) {
	return started("toxiproxy", build.Toxiproxy, func(path, dir string) (*toxiproxy.Server, error) {
		return toxiproxy.Start(context.Background(), toxiproxy.Options{Toxiproxy: path, Dir: dir})
	})
})

// testFaults runs each fault at a site of its own.
func testFaults(t *testing.T, m *mount, newSite func(t *testing.T) (name string, s site)) {
	for what, fault := range faults {
		t.Run("fault: "+what, func(t *testing.T) {
			name, site := newSite(t)
			bearsFaults(t, m, name, site, nil, fault)
		})
	}
}

// testTogether runs, beside each other, what a server bears that keeps the keys of
// all tests in one place.
func testTogether(t *testing.T, m *mount, newSite func(t *testing.T) (name string, s site)) {
	newParallelSite := func(t *testing.T) (string, site) {
		t.Parallel()
		return newSite(t)
	}
	testLife(t, m, newParallelSite)
	testFaults(t, m, newParallelSite)
	testRecoveryOf(t, "lost answers", m, newParallelSite)
	testRecoveryOf(t, "outage", m, newParallelSite)
}

// bearsFaults mints and revokes while the faults last, one after the other: the
// caller gets an error or a key, and some time later no key is left that nobody
// holds.
func bearsFaults(t *testing.T, m *mount, name string, s site, role settings, faults ...fault) {
	proxy := newToxicProxy(t, name, s)
	u := m.tenant(t, name, s, settings{"base_url": proxy.URL, "request_timeout": "5s"}, role)
	var held []string // by callers that did not give them back
	for _, fault := range faults {
		given, kept := u.eventuallyMints(), u.eventuallyMints()
		held = append(held, kept.name)
		proxy.spoil(t, fault)
		minted, failures := u.mintInTrouble()
		if !fault.mild && failures == 0 {
			t.Errorf("%+v: nothing failed, so there was no fault", fault)
		}
		for _, k := range minted {
			held = append(held, k.name)
		}
		if err := u.revoke(given); err != nil {
			t.Logf("revoking is answered: %v", err)
		}
		proxy.cure(t, fault)
		held = append(held, u.eventuallyMints().name)
	}
	slices.Sort(held)
	within(t, faultPatience, "every key is held", func() (bool, any) {
		there, known, waiting := sortedNames(s.keys(t)), sortedNames(u.ledger()), sortedNames(u.queue())
		ordered := slices.Equal(there, known) && len(waiting) == 0
		return ordered, settings{"at the server": there, "in the ledger": known, "in the queue": waiting}
	})
	if there := sortedNames(s.keys(t)); role["ttl"] == nil && !slices.Equal(there, held) {
		t.Errorf("the server holds %v, and callers hold %v", there, held)
	}
}

// mintInTrouble asks for some keys, and returns those that work.
func (u *tenant) mintInTrouble() (minted []*key, failures int) {
	u.t.Helper()
	const asked = 4
	keys, errs := make([]*key, asked), make([]error, asked)
	var callers sync.WaitGroup
	for i := range asked {
		callers.Go(func() { keys[i], errs[i] = u.mint() })
	}
	callers.Wait()
	for i, k := range keys {
		if errs[i] != nil {
			failures++
			continue
		}
		if !u.site.alive(u.t, k.token) {
			u.t.Errorf("%s was handed out dead", k.name)
		}
		minted = append(minted, k)
	}
	return minted, failures
}

// toxicProxy is a Toxiproxy before a site.
type toxicProxy struct{ *toxiproxy.Proxy }

func newToxicProxy(t *testing.T, name string, s site) toxicProxy {
	t.Helper()
	server, err := toxiproxyOnce()
	if err != nil {
		t.Fatalf("starting Toxiproxy: %v", err)
	}
	target, err := url.Parse(s.connection()["base_url"].(string))
	if err != nil {
		t.Fatal(err)
	}
	unique := name + "-" + strings.NewReplacer("/", "-", " ", "-", ":", "").Replace(t.Name())
	proxy, err := server.To(t.Context(), unique, target.Host)
	if err != nil {
		t.Fatal(err)
	}
	return toxicProxy{proxy}
}

func (p toxicProxy) spoil(t *testing.T, f fault) {
	t.Helper()
	p.must(t, p.turn(t.Context(), f, p.Spoil, false))
}

func (p toxicProxy) cure(t *testing.T, f fault) {
	t.Helper()
	p.must(t, p.turn(t.Context(), f, p.Cure, true))
}

func (p toxicProxy) turn(ctx context.Context, f fault, turn func(context.Context, toxiproxy.Toxic) error, listen bool) error {
	if f.refuses {
		return p.Listen(ctx, listen)
	}
	return turn(ctx, f.toxic)
}

func (p toxicProxy) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("Toxiproxy: %v", err)
	}
}

// hundreds is how many keys are made and revoked at a time, atOnce of them.
const hundreds = 200

// testHundreds makes and revokes many keys at the same time; the server ends
// with exactly the keys it began with.
func testHundreds(t *testing.T, m *mount, newSite func(t *testing.T) (name string, s site)) {
	t.Run("hundreds", func(t *testing.T) {
		name, site := newSite(t)
		u := m.tenant(t, name, site, nil, nil)
		foreign := site.create(t, "somebody-elses")
		t.Cleanup(func() { site.revoke(t, foreign) })
		before := site.keys(t)
		inParallel(t, make([]*key, hundreds), func(*key) (*key, error) {
			k, err := u.mint()
			if err != nil {
				return nil, err
			}
			return k, u.revokeUntilDone(k)
		})
		if after := site.keys(t); !slices.Equal(sortedNames(after), sortedNames(before)) {
			t.Errorf("the server holds %v, and held %v", sortedNames(after), sortedNames(before))
		}
		if left := u.ledger(); len(left) > 0 {
			t.Errorf("the ledger holds %v", left)
		}
	})
}
