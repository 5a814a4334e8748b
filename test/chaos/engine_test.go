package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

const mount = "apikeys"

// engine is the plugin in a real Vault, as its clients see it.
type engine struct {
	*vaulttest.Cluster
	t testing.TB
}

func startEngine(t testing.TB, nodes int, options vaulttest.Options) *engine {
	t.Helper()
	if options.Settings == nil {
		// A round of the reaper through the ledger's 256 shards is 26 s then.
		options.Settings = map[string]string{"tick_interval": "100ms"}
	}
	return &engine{Cluster: vaulttest.StartCluster(t, nodes, options), t: t}
}

type fields = map[string]any

// connect writes a connection to the provider and a role of the same name.
func (e *engine) connect(name, definition string, p *provider, connection, role fields) {
	e.t.Helper()
	e.write("config/"+name, with(fields{
		"provider": definition, "base_url": p.url, "admin_key": p.AdminKey(), "allowed_roles": name,
	}, connection))
	e.write("roles/"+name, with(fields{"connection": name, "scopes": "read"}, role))
}

func with(base, more fields) fields {
	for name, value := range more {
		base[name] = value
	}
	return base
}

func (e *engine) write(path string, data fields) *api.Secret {
	e.t.Helper()
	answer, err := e.Client.Logical().WriteWithContext(e.t.Context(), mount+"/"+path, data)
	if err != nil {
		e.t.Fatalf("writing %s: %v", path, err)
	}
	return answer
}

func (e *engine) read(path string) (*api.Secret, error) {
	answer, err := e.Client.Logical().ReadWithContext(e.t.Context(), mount+"/"+path)
	if err == nil && answer == nil {
		err = fmt.Errorf("there is nothing at %s", path)
	}
	return answer, err
}

// lease is what a reader of creds/ received.
type lease struct {
	id, role, keyName, secret string
	provider                  *provider

	mu sync.Mutex
	// end is when the lease ends at the earliest.
	end time.Time
	// revoking is set before the first call that asks for its revocation.
	revoking bool
}

// mint reads a key.
func (e *engine) mint(ctx context.Context, p *provider, role string) (*lease, error) {
	asked := time.Now()
	answer, err := e.Client.Logical().ReadWithContext(ctx, mount+"/creds/"+role)
	if err != nil {
		return nil, err
	}
	secret, _ := answer.Data["api_key"].(string)
	name, _ := answer.Data["key_name"].(string)
	if secret == "" || name == "" || answer.LeaseID == "" {
		return nil, fmt.Errorf("a lease without its parts: key name %q, lease id %q", name, answer.LeaseID)
	}
	return &lease{
		id: answer.LeaseID, role: role, keyName: name, secret: secret, provider: p,
		end: asked.Add(time.Duration(answer.LeaseDuration) * time.Second),
	}, nil
}

// mintMany reads so many keys, a few at a time.
func (e *engine) mintMany(p *provider, role string, count int) []*lease {
	e.t.Helper()
	leases := make([]*lease, count)
	errs := make([]error, count)
	places := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for i := range count {
		places <- struct{}{}
		wg.Go(func() {
			leases[i], errs[i] = e.mint(e.t.Context(), p, role)
			<-places
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		e.t.Fatalf("minting %d keys: %v", count, err)
	}
	return leases
}

// revoke ends a lease; with wait it answers when the key is revoked, or why it
// is not.
func (e *engine) revoke(ctx context.Context, l *lease, wait bool) error {
	l.mu.Lock()
	l.revoking = true
	l.mu.Unlock()
	_, err := e.Client.Logical().WriteWithContext(ctx, "sys/leases/revoke", fields{"lease_id": l.id, "sync": wait})
	return err
}

func (e *engine) renew(ctx context.Context, l *lease) error {
	asked := time.Now()
	answer, err := e.Client.Sys().RenewWithContext(ctx, l.id, 0)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end = asked.Add(time.Duration(answer.LeaseDuration) * time.Second)
	return nil
}

// holds says whether the lease surely runs: nobody asked for its end, and that
// has not come.
func (l *lease) holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.revoking && time.Now().Before(l.end)
}

// remains is how long the lease runs on at least.
func (l *lease) remains() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.end)
}

// broken says that the lease surely runs and its key does not work.
func (l *lease) broken() bool {
	return l.holds() && !l.provider.accepts(l.secret) && l.holds() // it may have ended in between
}

// youngest is for how long the provider's "no such key" proves nothing of a key
// just made, and somewhat more.
const youngest = 90 * time.Second

// revokeAll ends every lease of the mount as an operator would, without force,
// and fails the test unless Vault says that all are revoked. A key whose
// revocation was lost on its way back is believed to be gone once it is old
// enough to be known.
func (e *engine) revokeAll() {
	e.t.Helper()
	vaulttest.Eventually(e.t, youngest, "every lease is revoked", func() (bool, string) {
		err := e.tryRevokingAll()
		return err == nil, fmt.Sprint(err)
	})
}

func (e *engine) tryRevokingAll() error {
	_, err := e.Client.Logical().WriteWithContext(e.t.Context(), "sys/leases/revoke-prefix/"+mount+"/creds", fields{"sync": true})
	return err
}

// leaseIDs are the leases that Vault holds for a role.
func (e *engine) leaseIDs(role string) ([]string, error) {
	answer, err := e.Client.Logical().ListWithContext(e.t.Context(), "sys/leases/lookup/"+mount+"/creds/"+role)
	if err != nil || answer == nil {
		return nil, err
	}
	return texts(answer.Data["keys"]), nil
}

// ledger is what the engine knows to be alive: deadlines by key name, zero for
// keys of static roles.
func (e *engine) ledger() (map[string]time.Time, error) {
	deadlines := map[string]time.Time{}
	after := ""
	for {
		page, err := e.Client.Logical().ReadWithDataWithContext(e.t.Context(), mount+"/keys",
			map[string][]string{"list": {"true"}, "after": {after}})
		if err != nil || page == nil {
			return deadlines, err
		}
		info, _ := page.Data["key_info"].(map[string]any)
		for _, one := range info {
			record, _ := one.(map[string]any)
			name, _ := record["key_name"].(string)
			text, _ := record["deadline"].(string)
			deadline, err := time.Parse(time.RFC3339, text)
			if err != nil && record["static_role"] == nil || name == "" {
				return nil, fmt.Errorf("a ledger record without name or deadline: %v", record)
			}
			deadlines[name] = deadline
		}
		ids := texts(page.Data["keys"])
		if len(ids) == 0 {
			return deadlines, nil
		}
		after = ids[len(ids)-1]
	}
}

// queued is how many revocations wait, recovering the connections that a crash
// left to be reconciled.
func (e *engine) state() (queued int, recovering []string, err error) {
	answer, err := e.read("info")
	if err != nil {
		return 0, nil, err
	}
	number, _ := answer.Data["queued"].(json.Number)
	waiting, err := number.Int64()
	return int(waiting), texts(answer.Data["recovering"]), err
}

// unmount disables the mount as an operator would, which Vault refuses while a
// lease cannot be revoked.
func (e *engine) unmount() {
	e.t.Helper()
	if err := e.Client.Sys().UnmountWithContext(e.t.Context(), mount); err != nil {
		e.t.Errorf("disabling the mount: %v", err)
	}
}

func texts(value any) []string {
	list, _ := value.([]any)
	found := make([]string, 0, len(list))
	for _, one := range list {
		text, _ := one.(string)
		found = append(found, text)
	}
	return found
}

// some shows the first few of many.
func some(names []string) string {
	const shown = 5
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}
