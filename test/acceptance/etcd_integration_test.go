//go:build integration

package acceptance

import (
	"net/http"
	"strings"
	"testing"
)

// TestIntegrationEtcd is about a server that is spoken to by remote calls: a
// login comes before everything, a password is ours to choose, a key takes two
// steps to make, and what is gone is a 400.
func TestIntegrationEtcd(t *testing.T) {
	t.Parallel()
	server := newEtcdUsers(t)
	m := newMount(t)
	m.keepFromLogs(server.Password)
	newSite := func(t *testing.T) (string, site) {
		users := newEtcdUsers(t)
		return string(users.own), users
	}
	t.Run("life", func(t *testing.T) {
		testTogether(t, m, newSite)
		testEach(t, m, newEtcdUsers, map[string]func(*testing.T, *mount, *etcdUsers){
			"refused mints":    etcdRefusedMints,
			"forgotten logins": etcdForgottenLogins,
			"wrong password":   etcdWrongPassword,
		})
		t.Run("rotation", func(t *testing.T) {
			t.Parallel()
			etcdRotation(t, m)
		})
	})
	testRecoveryOf(t, "reconcile", m, newSite) // alone: it sees all users of the server
	t.Run("roles", func(t *testing.T) { etcdRolesHold(t, m, newEtcdUsers(t)) })
	testHundreds(t, m, newSite)
}

// etcdRolesHold checks that a user can do what its role says, and no more. It runs
// alone, since etcd refuses requests that it took just before any user changed.
func etcdRolesHold(t *testing.T, m *mount, users *etcdUsers) {
	u := m.tenant(t, string(users.own), users, nil, nil)
	k := u.mustMint()
	login := users.login(t, k.token)
	requests := []struct {
		path string
		body settings
		want int
	}{
		{"/v3/kv/range", settings{"key": bytesOf("/read/a")}, http.StatusOK},
		{"/v3/kv/put", settings{"key": bytesOf("/read/a"), "value": "MQ=="}, http.StatusForbidden},
		{"/v3/kv/put", settings{"key": bytesOf("/write/a"), "value": "MQ=="}, http.StatusOK},
		{"/v3/kv/range", settings{"key": bytesOf("/write/a")}, http.StatusForbidden},
		{"/v3/kv/range", settings{"key": bytesOf("/elsewhere")}, http.StatusForbidden},
		{"/v3/auth/user/list", settings{}, http.StatusForbidden},
		{"/v3/auth/user/add", settings{"name": "more", "password": "more"}, http.StatusForbidden},
	}
	for _, r := range requests {
		if got := users.as(t, login, r.path, r.body); got.status != r.want {
			t.Errorf("%s %v was answered %s, want %d", r.path, r.body, got, r.want)
		}
	}
	u.mustRevoke(k)
	for _, r := range requests {
		if got := users.as(t, login, r.path, r.body); got.status != http.StatusUnauthorized {
			t.Errorf("after the revocation, %s was answered %s, want 401", r.path, got)
		}
	}
}

// etcdRefusedMints are the operator's mistakes that only etcd can know: the user
// is made, cannot have its role, and is undone.
func etcdRefusedMints(t *testing.T, m *mount, users *etcdUsers) {
	u := m.tenant(t, string(users.own), users, nil, settings{"role": "no-such-role"})
	for range 3 {
		u.refusesToMint("role name not found")
	}
	if left := users.keys(t); len(left) > 0 {
		t.Errorf("the users %v are left", sortedNames(left))
	}
}

// etcdForgottenLogins: etcd forgets a login when it likes; the next request
// logs in anew, and the caller sees nothing of it.
func etcdForgottenLogins(t *testing.T, m *mount, users *etcdUsers) {
	const administrator, password = "forgetful", "Passw0rd-of-forgetful"
	m.keepFromLogs(password)
	users.asAdmin(t, "/v3/auth/user/add", settings{"name": administrator, "password": password}).want(t, "adding a user", http.StatusOK)
	users.asAdmin(t, "/v3/auth/user/grant", settings{"user": administrator, "role": "root"}).want(t, "granting", http.StatusOK)
	u := m.tenant(t, string(users.own), users, settings{"username": administrator, "password": password}, nil)
	k := u.mustMint()
	// Setting the password, even to what it was, ends the user's logins.
	forget := func() {
		users.asAdmin(t, "/v3/auth/user/changepw", settings{"name": administrator, "password": password}).want(t, "setting a password", http.StatusOK)
	}
	forget()
	u.mustMint()
	forget()
	u.mustRevoke(k)
	u.isDead(k)
}

func etcdWrongPassword(t *testing.T, m *mount, users *etcdUsers) {
	u := m.tenant(t, string(users.own), users, nil, nil)
	k := u.mustMint()
	name, password, _ := strings.Cut(k.token, ":")
	for what, wrong := range map[string]settings{
		"wrong password":                    {"password": "not-the-password"},
		"password of a user without rights": {"username": name, "password": password},
	} {
		u.refusesToStore("a "+what, wrong, wrong["password"].(string))
	}
	u.mustMint()
}

// etcdRotation changes the password of the connection's user, at an etcd of its
// own since the old one ends at once.
func etcdRotation(t *testing.T, m *mount) {
	server, err := runEtcd()
	needs(t, "etcd", err)
	users := newEtcdUsersAt(t, server)
	m.keepFromLogs(server.Password)
	const administrator, first = "rotated", "Passw0rd-of-rotated"
	m.keepFromLogs(first)
	users.asAdmin(t, "/v3/auth/user/add", settings{"name": administrator, "password": first}).want(t, "adding a user", http.StatusOK)
	users.asAdmin(t, "/v3/auth/user/grant", settings{"user": administrator, "role": "root"}).want(t, "granting", http.StatusOK)
	u := m.tenant(t, string(users.own), users, settings{"username": administrator, "password": first}, nil)
	u.rotates(func() bool { return users.alive(t, administrator+":"+first) })
}
