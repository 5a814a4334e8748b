package acceptance

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// soon bounds the wait for what happens by itself, such as the end of a lease;
// it is long because the machine may be busy.
const soon = 2 * time.Minute

// mount is the plugin, mounted in a real Vault.
type mount struct {
	*vaulttest.Server

	mu      sync.Mutex
	secrets []string // values that no log may hold
}

// newMount starts a Vault with the plugin. When the test ends, none of the
// secrets that it met may be in a log.
func newMount(t *testing.T) *mount {
	t.Helper()
	m := &mount{Server: vaulttest.Start(t, vaulttest.Options{
		Audit:    true,
		Settings: map[string]string{"tick_interval": "1s"},
	})}
	t.Cleanup(func() { m.logsHoldNoSecret(t) })
	return m
}

func (m *mount) keepFromLogs(secret string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secrets = append(m.secrets, secret)
}

func (m *mount) logsHoldNoSecret(t *testing.T) {
	t.Helper()
	for name, log := range map[string]string{"Vault's log": m.Log(), "the audit log": m.AuditLog()} {
		for _, secret := range m.secrets {
			if before, after, found := strings.Cut(log, secret); found {
				t.Errorf("%s holds a secret: %s<THE SECRET>%s", name, lastOf(before, 300), firstOf(after, 300))
			}
		}
	}
}

func lastOf(text string, length int) string  { return text[max(0, len(text)-length):] }
func firstOf(text string, length int) string { return text[:min(length, len(text))] }

// tenant is one test's own connection and role in a mount, leading to a site
// that is the test's own as well.
type tenant struct {
	*mount
	t    *testing.T
	site site
	name string // of the connection and of the role
	// valueField is the field by whose value the engine knows a key.
	valueField string
}

// site is a part of a real server that belongs to one test alone, and is looked
// at without the plugin.
type site interface {
	// connection and role are the provider's fields of each, as an operator
	// writes them.
	connection() map[string]any
	role() map[string]any
	// alive says whether the server accepts a key. Any answer but the one to a
	// live key and the one to a dead key fails the test.
	alive(t *testing.T, token string) bool
	// keys are the ids of all keys that the server holds here, by name.
	keys(t *testing.T) map[string]string
	// create makes a key by that name, as somebody else would.
	create(t *testing.T, name string) (id string)
	// revoke ends a key by its id, behind the engine's back.
	revoke(t *testing.T, id string)
}

// traits are what a site has of its own.
type traits struct {
	// lag is how long the server may honour a key after it was revoked.
	lag time.Duration
	// seenBy is what shows that a revoked key is dead, where it cannot be asked itself.
	seenBy string
	// sealed says that the engine does not show the keys' ids.
	sealed bool
	// mintPath is the end of the path that makes a key, where the server takes
	// other POST requests too.
	mintPath string
	// mints says which requests make a key, where that is not told by mintPath.
	mints func(r *http.Request, body string) bool
	// token puts together, of the fields that the reader of a key gets, what
	// the other methods call its token; without it, it is the field "token".
	token func(fields map[string]any) string
	// secrets are the fields that no log may hold; without any, the token.
	secrets []string
}

// traitsOf are those of a site that has a method traits.
func traitsOf(s site) traits {
	if peculiar, ok := s.(interface{ traits() traits }); ok {
		return peculiar.traits()
	}
	return traits{}
}

// settings are what a test adds to a connection or a role.
type settings = map[string]any

// tenant configures the site's connection and role. When the test ends, the
// site must hold the keys that it holds now, and the engine none.
func (m *mount) tenant(t *testing.T, name string, s site, connection, role settings) *tenant {
	t.Helper()
	u := &tenant{mount: m, t: t, site: s, name: name}
	u.valueField = u.secretFields()[0]
	before := s.keys(t)
	u.mustWrite("config/"+name, s.connection(), settings{"allowed_roles": name}, connection)
	u.mustWrite("roles/"+name, s.role(), settings{"connection": name, "ttl": "10m", "max_ttl": "1h"}, role)
	t.Cleanup(func() { u.leavesNothing(before) })
	return u
}

// in is the same for a part of the test.
func (u *tenant) in(t *testing.T) *tenant {
	part := *u
	part.t = t
	return &part
}

// secretFields are what a reader of the site's keys gets, in order.
func (u *tenant) secretFields() []string {
	u.t.Helper()
	answer, err := u.Client.Logical().Read(fmt.Sprint("apikeys/providers/", u.site.connection()["provider"]))
	if err != nil {
		u.t.Fatalf("reading the provider: %v", err)
	}
	var shown struct {
		Fields []string `json:"secret_fields"`
	}
	decodeInto(u.t, answer.Data, &shown)
	return shown.Fields
}

// leavesNothing revokes what the test did not, and checks that nothing is left.
func (u *tenant) leavesNothing(before map[string]string) {
	u.t.Helper()
	err := untilDone(func() error {
		return u.Client.Sys().RevokeWithOptions(&api.RevokeOptions{LeaseID: "apikeys/creds/" + u.name, Prefix: true, Sync: true})
	})
	if err != nil {
		u.t.Errorf("revoking what is left of the test's leases: %v", err)
	}
	if got := u.ledger(); len(got) != 0 {
		u.t.Errorf("the ledger still holds %v", got)
	}
	u.queueEmpties()
	if got := u.site.keys(u.t); !slices.Equal(sortedNames(got), sortedNames(before)) {
		u.t.Errorf("the server holds the keys %v, and held %v before", sortedNames(got), sortedNames(before))
	}
}

// queueEmpties waits for the queue: it looks once more for a key that it did not
// find before it believes that there is none.
func (u *tenant) queueEmpties() {
	u.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for got := u.queue(); len(got) != 0; got = u.queue() {
		if time.Now().After(deadline) {
			u.t.Errorf("the queue still holds %v", got)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// write writes the fields, the later ones over the earlier.
func (u *tenant) write(path string, fields ...settings) error {
	all := settings{}
	for _, some := range fields {
		maps.Copy(all, some)
	}
	_, err := u.Client.Logical().Write("apikeys/"+path, all)
	return err
}

func (u *tenant) mustWrite(path string, fields ...settings) {
	u.t.Helper()
	if err := u.write(path, fields...); err != nil {
		u.t.Fatalf("writing %s: %v", path, err)
	}
}

// key is a key as its reader holds it.
type key struct {
	name  string
	token string
	value string // by which the engine knows it
	lease string
	ttl   time.Duration
}

func (u *tenant) mint() (*key, error) {
	secret, err := u.Client.Logical().ReadWithContext(u.t.Context(), "apikeys/creds/"+u.name)
	if err != nil {
		return nil, err
	}
	name, _ := secret.Data["key_name"].(string)
	token := u.tokenIn(secret.Data)
	if token == "" || name == "" || secret.LeaseID == "" {
		return nil, fmt.Errorf("the answer lacks the key, key_name or lease: fields %v, lease %q", sortedNames(secret.Data), secret.LeaseID)
	}
	value, _ := secret.Data[u.valueField].(string)
	return &key{name: name, token: token, value: value, lease: secret.LeaseID, ttl: time.Duration(secret.LeaseDuration) * time.Second}, nil
}

// tokenIn finds a key's token in what its reader gets, and keeps it from logs.
func (u *tenant) tokenIn(fields map[string]any) string {
	traits := traitsOf(u.site)
	for _, name := range traits.secrets {
		if secret, _ := fields[name].(string); secret != "" {
			u.keepFromLogs(secret)
		}
	}
	if traits.token != nil {
		return traits.token(fields)
	}
	token, _ := fields["token"].(string)
	if token != "" {
		u.keepFromLogs(token)
	}
	return token
}

func (u *tenant) mustMint() *key {
	u.t.Helper()
	k, err := u.mint()
	if err != nil {
		u.t.Fatalf("minting: %v", err)
	}
	if !u.site.alive(u.t, k.token) {
		u.t.Fatalf("the new key %s is dead", k.name)
	}
	return k
}

// refusesToMint wants an error that says so, about a key that surely was not
// made.
func (u *tenant) refusesToMint(says string) {
	u.t.Helper()
	k, err := u.mint()
	if err == nil {
		u.t.Fatalf("it made %s", k.name)
	}
	if !strings.Contains(err.Error(), says) {
		u.t.Errorf("the error lacks %q: %v", says, err)
	}
	if waiting := u.queue(); len(waiting) != 0 {
		u.t.Errorf("the refusal left the queue with %v", waiting)
	}
}

// refusesToStore wants the connection to keep its credential, and an error that
// does not quote the wrong one.
func (u *tenant) refusesToStore(what string, wrong settings, credential string) error {
	u.t.Helper()
	err := u.write("config/"+u.name, wrong)
	if err == nil {
		u.t.Fatalf("%s was stored", what)
	}
	if strings.Contains(err.Error(), credential) {
		u.t.Errorf("%s: the error quotes it: %v", what, err)
	}
	return err
}

// eventuallyMints waits for a key, since the engine may spare a server that has
// just failed, and a busy machine may need longer than the connection allows.
func (u *tenant) eventuallyMints() (k *key) {
	u.t.Helper()
	eventually(u.t, "a key is made", func() (bool, any) {
		var err error
		k, err = u.mint()
		return err == nil, err
	})
	return k
}

// revoke ends a key's lease and returns once it is carried out.
func (u *tenant) revoke(k *key) error {
	return u.Client.Sys().RevokeWithOptionsWithContext(u.t.Context(), &api.RevokeOptions{LeaseID: k.lease, Sync: true})
}

// mustRevoke ends a key's lease, and fails the test where that is refused.
func (u *tenant) mustRevoke(k *key) {
	u.t.Helper()
	if err := u.revokeUntilDone(k); err != nil {
		u.t.Fatalf("revoking %s: %v", k.name, err)
	}
}

// revokeUntilDone ends a key's lease.
func (u *tenant) revokeUntilDone(k *key) error {
	return untilDone(func() error { return u.revoke(k) })
}

// untilDone revokes as Vault does, which asks again when it is told that the engine
// goes on: a loaded server may take longer than one call, and that it does not know
// the key proves nothing until the key is old enough.
func untilDone(revoke func() error) error {
	for end := time.Now().Add(soon); ; time.Sleep(100 * time.Millisecond) {
		err := revoke()
		goesOn := err != nil && (strings.Contains(err.Error(), "proves nothing yet") || strings.Contains(err.Error(), "is queued and retried"))
		if !goesOn || time.Now().After(end) {
			return err
		}
	}
}

// renew asks for a lease of that length from now on, and returns what is
// granted.
func (u *tenant) renew(k *key, increment time.Duration) (time.Duration, error) {
	secret, err := u.Client.Sys().RenewWithContext(u.t.Context(), k.lease, int(increment.Seconds()))
	if err != nil {
		return 0, err
	}
	return time.Duration(secret.LeaseDuration) * time.Second, nil
}

// dies waits for a key's death.
func (u *tenant) dies(k *key) {
	u.t.Helper()
	within(u.t, soon+traitsOf(u.site).lag, "the server refuses "+k.name, func() (bool, any) {
		return !u.site.alive(u.t, k.token), "it is accepted"
	})
}

// isDead ends the test if a revoked key works: any more, or after the time that
// the server takes for it.
func (u *tenant) isDead(k *key) {
	u.t.Helper()
	if lag := traitsOf(u.site).lag; lag > 0 {
		u.dies(k)
	} else if u.site.alive(u.t, k.token) {
		u.t.Fatalf("%s survives its revocation", k.name)
	}
}

// ledger is the engine's record of the test's keys, by their names.
func (u *tenant) ledger() map[string]map[string]any { return u.list("keys") }

// queue is what of the test's waits to be revoked, by the keys' names. What a provider
// said that it did not know, as after an answer that was lost, is only looked for until
// another key of the mount is shown there, and is not among it.
func (u *tenant) queue() map[string]map[string]any {
	waiting := u.list("queue")
	maps.DeleteFunc(waiting, func(_ string, entry map[string]any) bool { return entry["kind"] == "missing" })
	return waiting
}

func (u *tenant) list(path string) map[string]map[string]any {
	u.t.Helper()
	answer, err := u.Client.Logical().ListWithContext(context.WithoutCancel(u.t.Context()), "apikeys/"+path)
	if err != nil {
		u.t.Fatalf("listing %s: %v", path, err)
	}
	found := map[string]map[string]any{}
	if answer == nil {
		return found
	}
	info, _ := answer.Data["key_info"].(map[string]any)
	for id, of := range info {
		fields, _ := of.(map[string]any)
		if fields["connection"] == u.name {
			fields["id"] = id
			found[fmt.Sprint(fields["key_name"])] = fields
		}
	}
	return found
}

func sortedNames[V any](of map[string]V) []string {
	return slices.Sorted(maps.Keys(of))
}
