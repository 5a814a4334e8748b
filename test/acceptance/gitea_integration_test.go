//go:build integration

package acceptance

import (
	"net/http"
	"testing"
)

// TestIntegrationGitea adds to TestGitea what takes longer.
func TestIntegrationGitea(t *testing.T) {
	t.Parallel()
	server := startGitea(t)
	m := newMount(t)
	m.keepFromLogs(server.Password)
	newSite := func(t *testing.T) (string, site) {
		user := newGiteaUser(t, server)
		return user.name, user
	}
	testHundreds(t, m, newSite) // alone: it leaves the others no time
	newParallelSite := func(t *testing.T) (string, site) {
		t.Parallel()
		return newSite(t)
	}
	testFaults(t, m, newParallelSite)
	t.Run("rotation", func(t *testing.T) {
		t.Parallel()
		giteaRotation(t, m, newGiteaUser(t, server))
	})
}

// giteaRotation changes the password of a site administrator, which cannot be
// one of the others' since the old one ends at once.
func giteaRotation(t *testing.T, m *mount, user *giteaUser) {
	administrator := newGiteaUser(t, user.Server)
	first := "Passw0rd-" + administrator.name
	m.keepFromLogs(first)
	user.asAdmin(t, http.MethodPatch, "/admin/users/"+administrator.name, settings{
		"admin": true, "login_name": administrator.name, "source_id": 0,
	}).want(t, "making an administrator", http.StatusOK)
	u := m.tenant(t, user.name, user, settings{"username": administrator.name, "password": first}, nil)
	u.rotates(func() bool {
		return send(t, http.MethodGet, user.URL+"/api/v1/user", nil, func(r *http.Request) { r.SetBasicAuth(administrator.name, first) }).
			want(t, "the first password", http.StatusOK, http.StatusUnauthorized).status == http.StatusOK
	})
}
