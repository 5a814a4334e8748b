//go:build integration

package acceptance

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// realServer is a server at which the one suite of this file is run. What it has of
// its own is how it is started, and how its keys are looked at without the plugin.
type realServer struct {
	// start returns the one server of this test binary.
	start func() (catalogServer, error)
	// newSite makes the site of one test, whose keys' names begin with own.
	newSite func(t *testing.T, server catalogServer, own ownNames) *restSite
	// administrator makes a further administrator, whose credential may be replaced:
	// the settings of a connection that is theirs, and whether the credential in
	// them works. Without it the provider cannot replace one.
	administrator func(t *testing.T, server catalogServer, name string) (connection settings, works func() bool)
	// endsKeys says that keys end when that credential is replaced.
	endsKeys bool
	// alone runs it beside no other server: its requests cost so much that all of
	// them would run into their time-outs.
	alone bool
}

// catalogServer is one running server.
type catalogServer interface {
	Close()
	// Secret is what no log may hold.
	Secret() string
}

// realServers are those that the suite is run at, by the names of their definitions.
var realServers = map[string]realServer{
	"consul":    consulServer,
	"headscale": headscaleServer,
	"icinga2":   icinga2Server,
	"influxdb1": influxdb1Server,
	"miniflux":  minifluxServer,
	"rabbitmq":  rabbitmqServer,
	"verdaccio": verdaccioServer,
	"zabbix":    zabbixServer,
}

// TestIntegrationServers takes keys through the same life at every server: minted,
// used, renewed, revoked, lost on the way, found again, many at a time; and replaces
// the administrator's credential where that can be done.
func TestIntegrationServers(t *testing.T) {
	for name, server := range realServers {
		if server.alone {
			t.Run(name, func(t *testing.T) { testServer(t, server) })
		}
	}
	for name, server := range realServers {
		if !server.alone {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				testServer(t, server)
			})
		}
	}
}

var catalogSites atomic.Int64

func testServer(t *testing.T, s realServer) {
	server, err := s.start()
	needs(t, t.Name(), err)
	m := newMount(t)
	m.keepFromLogs(server.Secret())
	newSite := func(t *testing.T) (string, site) {
		own := ownNames(fmt.Sprintf("site%d", catalogSites.Add(1)))
		return string(own), s.newSite(t, server, own)
	}
	t.Run("life", func(t *testing.T) {
		newParallelSite := func(t *testing.T) (string, site) {
			t.Parallel()
			return newSite(t)
		}
		testLife(t, m, newParallelSite)
		testRecoveryOf(t, "lost answers", m, newParallelSite)
		testRecoveryOf(t, "outage", m, newParallelSite)
		t.Run("a wrong credential", func(t *testing.T) {
			name, site := newParallelSite(t)
			refusesWrongCredential(t, m, name, site.(*restSite))
		})
		if s.administrator != nil {
			t.Run("rotation", func(t *testing.T) {
				name, site := newParallelSite(t)
				connection, works := s.administrator(t, server, "admin-"+name)
				m.keepFromLogs(fmt.Sprint(connection[site.(*restSite).credential]))
				u := m.tenant(t, name, site, connection, nil)
				if s.endsKeys {
					u.rotatesUnlessHeld(works)
				} else {
					u.rotates(works)
				}
			})
		}
	})
	testRecoveryOf(t, "reconcile", m, newSite) // alone: it sees all keys of the server
	testHundreds(t, m, newSite)
}

// refusesWrongCredential: a wrong credential is not stored, and the right one stays.
func refusesWrongCredential(t *testing.T, m *mount, name string, s *restSite) {
	u := m.tenant(t, name, s, nil, nil)
	wrong := "not-the-credential-at-all"
	u.refusesToStore("a wrong credential", settings{s.credential: wrong}, wrong)
	u.mustMint()
}

// restSite is a site that a few requests look at.
type restSite struct {
	own        ownNames
	fields     settings // of the connection
	grants     settings // of the role
	credential string   // the connection's field that holds it
	peculiar   traits

	works func(t *testing.T, token string) bool
	list  func(t *testing.T) map[string]string // ids by the names at the server
	make  func(t *testing.T, name string) (id string)
	end   func(t *testing.T, id string)
}

func (s *restSite) traits() traits                        { return s.peculiar }
func (s *restSite) connection() map[string]any            { return s.fields }
func (s *restSite) role() map[string]any                  { return s.grants }
func (s *restSite) alive(t *testing.T, token string) bool { t.Helper(); return s.works(t, token) }
func (s *restSite) revoke(t *testing.T, id string)        { t.Helper(); s.end(t, id) }
func (s *restSite) create(t *testing.T, name string) (id string) {
	t.Helper()
	return s.make(t, s.own.at(name))
}

func (s *restSite) keys(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for name, id := range s.list(t) {
		if own, ours := s.own.of(name); ours {
			found[own] = id
		}
	}
	return found
}

// userAndPassword is the token of keys that are users with a password.
func userAndPassword(fields map[string]any) string {
	return fmt.Sprint(fields["username"], ":", fields["password"])
}
