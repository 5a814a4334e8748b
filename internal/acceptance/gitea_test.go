package acceptance

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestGitea(t *testing.T) {
	server := startGitea(t)
	m := newMount(t)
	m.keepFromLogs(server.Password)
	newUser := func(t *testing.T) *giteaUser { return newGiteaUser(t, server) }

	testLife(t, m, func(t *testing.T) (string, site) {
		t.Parallel()
		user := newUser(t)
		return user.name, user
	})
	for name, test := range map[string]func(*testing.T, *mount, *giteaUser){
		"scopes":          giteaScopes,
		"lost answers":    giteaLostAnswers,
		"outage":          giteaOutage,
		"reconcile":       giteaReconcile,
		"refused mints":   giteaRefusedMints,
		"wrong password":  giteaWrongPassword,
		"purge of a user": giteaPurgedUser,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, m, newUser(t))
		})
	}
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

// giteaLostAnswers loses the answer to a mint that Gitea has carried out: the
// caller gets an error, and nobody has a key.
func giteaLostAnswers(t *testing.T, m *mount, user *giteaUser) {
	proxy := newLossyProxy(t, user.URL)
	u := m.tenant(t, user.name, user, settings{"base_url": proxy.URL, "request_timeout": "2s"}, nil)
	foreign := user.create(t, "somebody-elses")
	t.Cleanup(func() { user.revoke(t, foreign) })
	for name, how := range map[string]loss{
		"reset":             reset,
		"truncated":         truncate,
		"never sent":        hang,
		"gateway's error":   page(http.StatusBadGateway),
		"gateway's welcome": page(http.StatusOK),
	} {
		t.Run(name, func(t *testing.T) {
			u := u.in(t)
			proxy.loseNext(how)
			k, err := u.mint()
			if err == nil {
				t.Fatalf("the caller got a key: %s", k.name)
			}
			if committed := <-proxy.lost; committed != http.StatusCreated {
				t.Fatalf("Gitea answered %d, so there was no answer worth losing", committed)
			}
			if strings.Contains(err.Error(), "stand by") {
				t.Errorf("the error quotes what came instead of the answer: %v", err)
			}
			eventually(t, "nothing is left of the mint", func() (bool, any) {
				held := sortedNames(user.keys(t))
				return slices.Equal(held, []string{"somebody-elses"}), held
			})
			if held := u.ledger(); len(held) != 0 {
				t.Errorf("the ledger holds %v", held)
			}
		})
	}
}

// giteaOutage loses the answer to a mint, and the server with it: the engine
// finds and revokes the token once Gitea is back.
func giteaOutage(t *testing.T, m *mount, user *giteaUser) {
	proxy := newLossyProxy(t, user.URL)
	u := m.tenant(t, user.name, user, settings{"base_url": proxy.URL, "request_timeout": "2s"}, nil)
	held := u.mustMint()
	proxy.loseNext(func(w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
		proxy.down.Store(true)
		reset(w, r, nil)
	})
	if k, err := u.mint(); err == nil {
		t.Fatalf("the caller got a key: %s", k.name)
	}
	if got := user.keys(t); len(got) != 2 {
		t.Fatalf("Gitea holds %v, want the first token and the one nobody got", got)
	}
	if got := u.queue(); len(got) != 1 {
		t.Errorf("the queue holds %v, want the one whose fate is unknown", got)
	}
	if err := u.revoke(held); err == nil {
		t.Error("a revocation is said to have succeeded with the server away")
	}
	if !user.alive(t, held.token) {
		t.Error("the first token died while nobody could reach Gitea")
	}
	proxy.down.Store(false)
	within(t, 90*time.Second, "both are revoked", func() (bool, any) {
		left := user.keys(t)
		return len(left) == 0, left
	})
	within(t, 90*time.Second, "the queue is empty", func() (bool, any) {
		waiting := u.queue()
		return len(waiting) == 0, waiting
	})
	u.mustMint()
}

// giteaReconcile leaves a token that the ledger lacks, as a crash does, over
// more than a page of others.
func giteaReconcile(t *testing.T, m *mount, user *giteaUser) {
	u := m.tenant(t, user.name, user, nil, nil)
	held := inParallel(t, make([]*key, many), func(*key) (*key, error) { return u.mint() })
	orphan := sibling(held[0].name)
	foreign := []string{"somebody-elses", "looks-alike-v00000" + orphan[len(orphan)-16:]}
	ids := map[string]string{orphan: user.create(t, orphan)}
	for _, name := range foreign {
		ids[name] = user.create(t, name)
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
		if _, there := user.keys(t)[orphan]; there == deleted {
			t.Errorf("%s: the orphan is there: %t", c.what, there)
		}
	}
	left := user.keys(t)
	for _, name := range foreign {
		if left[name] != ids[name] {
			t.Errorf("%s, which is somebody else's, is gone", name)
			continue
		}
		user.revoke(t, ids[name])
	}
	if len(left) != many+len(foreign) {
		t.Errorf("Gitea holds %d tokens, want %d", len(left), many+len(foreign))
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
			k, err := u.mint()
			if err == nil {
				t.Fatalf("it made %s", k.name)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error lacks %q: %v", c.says, err)
			}
			if waiting := u.queue(); len(waiting) != 0 {
				t.Errorf("the refusal left the queue with %v", waiting)
			}
		})
	}
}

func giteaWrongPassword(t *testing.T, m *mount, user *giteaUser) {
	u := m.tenant(t, user.name, user, nil, nil)
	wrong := "not-the-password-at-all"
	m.keepFromLogs(wrong)
	err := u.write("config/"+u.name, settings{"password": wrong})
	if err == nil {
		t.Fatal("a wrong password was stored")
	}
	for _, says := range []string{"401", "invalid username, password or token"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("the error lacks %q: %v", says, err)
		}
	}
	if strings.Contains(err.Error(), wrong) {
		t.Errorf("the error quotes the password: %v", err)
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
