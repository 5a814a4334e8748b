package acceptance

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestGitea(t *testing.T) {
	server := startGitea(t)
	m := newMount(t)
	m.keepFromLogs(server.Password)
	newUser := func(t *testing.T) *giteaUser { return newGiteaUser(t, server) }

	newSite := func(t *testing.T) (string, site) {
		t.Parallel()
		user := newUser(t)
		return user.name, user
	}
	testLife(t, m, newSite)
	testRecovery(t, m, newSite)
	testEach(t, m, newUser, map[string]func(*testing.T, *mount, *giteaUser){
		"scopes":          giteaScopes,
		"refused mints":   giteaRefusedMints,
		"wrong password":  giteaWrongPassword,
		"purge of a user": giteaPurgedUser,
	})
}

// giteaScopes checks that a token can do what its role's scopes say, and no more.
func giteaScopes(t *testing.T, m *mount, user *giteaUser) {
	u := m.tenant(t, user.name, user, nil, nil)
	type request struct {
		method, path string
		body         any
	}
	whoAmI := request{http.MethodGet, "/user", nil}
	search := request{http.MethodGet, "/repos/search", nil}
	create := request{http.MethodPost, "/user/repos", settings{"name": "made-by-a-token"}}
	administer := request{http.MethodGet, "/admin/users", nil}

	for scopes, want := range map[string]struct{ allowed, refused []request }{
		"read:user":                   {[]request{whoAmI}, []request{search, create, administer}},
		"read:repository":             {[]request{search}, []request{whoAmI, create, administer}},
		"write:user,write:repository": {[]request{whoAmI, search, create}, []request{administer}},
		"all":                         {[]request{whoAmI, search}, []request{administer}}, // its user is no administrator
	} {
		u.mustWrite("roles/"+u.name, settings{"scopes": scopes})
		k, err := u.mint()
		if err != nil {
			t.Fatalf("minting with %s: %v", scopes, err)
		}
		for _, r := range want.allowed {
			got := user.as(t, k.token, r.method, r.path, r.body)
			if got.status != http.StatusOK && got.status != http.StatusCreated {
				t.Errorf("with %s, %s %s was answered %s", scopes, r.method, r.path, got)
			}
		}
		for _, r := range want.refused {
			got := user.as(t, k.token, r.method, r.path, r.body)
			if got.status != http.StatusForbidden {
				t.Errorf("with %s, %s %s was answered %s, want 403", scopes, r.method, r.path, got)
			}
		}
		u.mustRevoke(k)
		for _, r := range slices.Concat(want.allowed, want.refused) {
			got := user.as(t, k.token, r.method, r.path, r.body)
			if got.status != http.StatusUnauthorized {
				t.Errorf("after the revocation, %s %s was answered %s, want 401", r.method, r.path, got)
			}
		}
	}
}

// giteaRefusedMints are the operator's mistakes that only Gitea can know.
func giteaRefusedMints(t *testing.T, m *mount, user *giteaUser) {
	u := m.tenant(t, user.name, user, nil, nil)
	for name, c := range map[string]struct {
		role settings
		says string
	}{
		"unknown scope":         {settings{"scopes": "read:nothing"}, "invalid access token scope"},
		"no scope":              {settings{"scopes": []string{}}, "must have a scope"},
		"unknown user":          {settings{"username": "nobody-here"}, "404"},
		"user that is too much": {settings{"username": user.Username + "/tokens"}, "404"},
		"user that is a path":   {settings{"username": user.name + "/../" + user.Username}, "role.username"},
		"user that leads above": {settings{"username": ".."}, "role.username"},
		"user with a query":     {settings{"username": user.name + "?x="}, "404"},
	} {
		t.Run(name, func(t *testing.T) {
			u := u.in(t)
			u.mustWrite("roles/"+u.name, user.role(), c.role)
			u.refusesToMint(c.says)
		})
	}
}

func giteaWrongPassword(t *testing.T, m *mount, user *giteaUser) {
	u := m.tenant(t, user.name, user, nil, nil)
	wrong := "not-the-password-at-all"
	m.keepFromLogs(wrong)
	err := u.refusesToStore("a wrong password", settings{"password": wrong}, wrong)
	for _, says := range []string{"401", "invalid username, password or token"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("the error lacks %q: %v", says, err)
		}
	}
	u.mustMint() // with the right password, which is still there
}

// giteaPurgedUser: the keys of a user who is deleted die at once, and their
// leases can be revoked.
func giteaPurgedUser(t *testing.T, m *mount, user *giteaUser) {
	doomed := newGiteaUser(t, user.Server)
	u := m.tenant(t, user.name, user, nil, settings{"username": doomed.name})
	k := u.mustMint()
	user.asAdmin(t, http.MethodDelete, "/admin/users/"+doomed.name+"?purge=true", nil).
		want(t, "deleting a user", http.StatusNoContent)
	if doomed.alive(t, k.token) {
		t.Error("the token outlives its user")
	}
	u.mustRevoke(k)
	u.isForgotten(k)
}
