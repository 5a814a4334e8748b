package contract

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// lifetime bounds one run of a case. Nothing waits: it is for a definition that
// asks without end.
const lifetime = time.Minute

// Hold takes keys of a definition through their lives at a server that is made of
// document, as a case says. It does so twice: with all that the document's answers
// may hold, and without what they need not hold and the definition can do without.
// It answers what was not as it should be, and in which run where it was in one alone;
// nil where all was.
func Hold(ctx context.Context, d *providers.Definition, c *Case, document *Document) []string {
	full, lean := holdRun(ctx, d, c, document, false), holdRun(ctx, d, c, document, true)
	var found []string
	for _, wrong := range full {
		if !slices.Contains(lean, wrong) {
			wrong = "with all that answers may hold: " + wrong
		}
		found = append(found, wrong)
	}
	for _, wrong := range lean {
		if !slices.Contains(full, wrong) {
			found = append(found, "without what answers need not hold: "+wrong)
		}
	}
	return found
}

// holdRun is one of the two runs: keys' lives, and the administrator's credential
// replaced.
func holdRun(ctx context.Context, d *providers.Definition, c *Case, document *Document, lean bool) []string {
	hold := holdOnce
	if d.Capabilities.InPlace {
		hold = holdInPlace
	}
	found := hold(ctx, d, c, document, lean)
	for _, wrong := range rotateOnce(ctx, d, c, document, lean) {
		found = append(found, "rotation: "+wrong)
	}
	return found
}

func holdOnce(ctx context.Context, d *providers.Definition, c *Case, document *Document, lean bool) []string {
	ctx, cancel := context.WithTimeout(ctx, lifetime)
	defer cancel()
	l, err := newLife(d, c, document, lean)
	if err != nil {
		return []string{err.Error()}
	}
	defer l.close()
	whole := l.live(ctx)
	l.complaints("after all")
	if left := l.server.Remaining(); whole && len(left) > 0 {
		l.wrong("every key is revoked, and these were left behind: %v", left)
	}
	return l.list
}

// life is what happens to keys of one definition, from the first to the last.
type life struct {
	*subject
	server  *Server
	lean    bool // its answers hold no more than they must
	clients []*providers.Client
	told    int // how many of the server's violations have been told
}

func newLife(d *providers.Definition, c *Case, document *Document, lean bool) (*life, error) {
	s, err := newSubject(d, c.Connection, c.Role)
	if err != nil {
		return nil, err
	}
	l := &life{subject: s, lean: lean}
	if l.server, err = NewServer(document, c, s.credentials(s.connection)); err != nil {
		return nil, err
	}
	if lean {
		l.server.leaveOut(needsOf(d))
	}
	if s.way, err = NewInternet(l.server); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *life) close() {
	for _, client := range l.clients {
		client.Close()
	}
	l.way.Close()
}

// with is a client of another connection; nil, and told, where there can be none.
func (l *life) with(connection providers.Values) *providers.Client {
	client, err := l.client(connection)
	if err != nil {
		l.wrong("%v", err)
		return nil
	}
	l.clients = append(l.clients, client)
	return client
}

// failed tells what went wrong in a call: what the document says of its requests
// where it says anything, since that explains the status that came back, and the
// error otherwise. It reports whether there was an error.
func (l *life) failed(what string, err error) bool {
	if !l.complaints(what) && err != nil {
		l.wrong("%s: %v", what, err)
	}
	return err != nil
}

// complaints tells what the document says of the requests since it was last asked.
func (l *life) complaints(what string) bool {
	all := l.server.Violations()
	fresh := all[l.told:]
	l.told = len(all)
	for _, violation := range fresh {
		l.wrong("%s: %s", what, violation)
	}
	return len(fresh) > 0
}

// live reports whether the keys came to the end of their lives, whatever was wrong there.
func (l *life) live(ctx context.Context) (whole bool) {
	client := l.with(l.connection)
	if client == nil {
		return false
	}
	l.isServed(client)
	if !l.check(ctx, client) {
		return false
	}
	keys := l.issue(ctx, client, "a", "b", "c")
	if keys == nil {
		return false
	}
	l.seen(ctx, client, keys...)
	l.probed(ctx, client, keys[0], providers.Alive)
	l.extended(ctx, client, keys[0])
	l.revoke(ctx, client, keys[1])
	l.seen(ctx, client, keys[0], keys[2])
	l.unseen(ctx, client, keys[1])
	l.revoke(ctx, client, keys[0])
	l.revoke(ctx, client, keys[2])
	l.probed(ctx, client, keys[0], providers.Dead)
	l.seen(ctx, client)
	return true
}

// isServed holds the definition's own base_url against the document's servers.
func (l *life) isServed(client *providers.Client) {
	if base := client.BaseURL(); l.baseURL == "" && !l.server.served(base) {
		l.wrong("base_url %s is none of the document's servers", base)
	}
}

// check accepts the connection's credential and refuses another.
func (l *life) check(ctx context.Context, client *providers.Client) bool {
	if !l.Capabilities.Check {
		l.wrong("the definition has no check: a wrong credential would be found by the first lease only")
		return true
	}
	if l.failed("check", client.Check(ctx)) {
		return false
	}
	wrong := providers.Values{}
	for name, value := range l.connection {
		if _, text := value.(string); text && l.Connection.Lookup(name).Sensitive {
			value = "wrong"
		}
		wrong[name] = value
	}
	other := l.with(wrong)
	if other == nil {
		return true
	}
	err := other.Check(ctx)
	if !l.complaints("check with a wrong credential") && providers.KindOf(err) != providers.Unauthorized {
		l.wrong("check with a wrong credential: want the provider's refusal of it, and got %v", err)
	}
	return true
}

// name is a name of a key that the provider's rules allow, with this ending.
func (l *life) name(ending string) string {
	name := strings.Map(func(r rune) rune {
		if l.KeyName.Allows(r) {
			return r
		}
		return -1
	}, "vault-contract-"+ending)
	if lacking := l.KeyName.MinLength - len(name); lacking > 0 {
		name += strings.Repeat("0", lacking)
	}
	return name
}

func (l *life) request(name string) (providers.KeyRequest, error) {
	now := time.Now().UTC().Truncate(time.Second)
	end, err := l.Expiry.At(now, now.Add(time.Hour))
	if err != nil {
		return providers.KeyRequest{}, err
	}
	request := providers.KeyRequest{Name: name, Role: l.role, ExpiresAt: end, TTL: end.Sub(now)}
	if l.Capabilities.IPBinding {
		request.CIDRs = []string{"192.0.2.0/24", "2001:db8::/32"}
	}
	return request, nil
}

// issue makes keys with the given endings of their names; nil, and told, where it
// cannot.
func (l *life) issue(ctx context.Context, client *providers.Client, endings ...string) []*providers.Key {
	var keys []*providers.Key
	ids, values := map[string]string{}, map[string]string{}
	for _, ending := range endings {
		name := l.name(ending)
		request, err := l.request(name)
		if err != nil {
			l.wrong("issue: %v", err)
			return nil
		}
		key, err := client.Issue(ctx, request)
		if l.failed("issue", err) {
			return nil
		}
		l.isKey(key, name)
		if other, ok := ids[key.Handle.ID]; ok {
			l.wrong("issue: %s and %s have one id", name, other)
		}
		if other, ok := values[key.Value]; ok {
			l.wrong("issue: %s and %s have one value", name, other)
		}
		ids[key.Handle.ID], values[key.Value] = name, name
		keys = append(keys, key)
	}
	return keys
}

func (l *life) isKey(key *providers.Key, name string) {
	if key.Handle.Name != name || key.Handle.ID == "" || key.Value == "" {
		l.wrong("issue: name %q, id %q, and a value that is empty: %t", key.Handle.Name, key.Handle.ID, key.Value == "")
	}
	if !l.server.Opens(key.Value) {
		l.wrong("issue: the field of secret by which a key is recognised opens nothing: say which one is the key with identify, and in the case, by secret, where the answer has it")
	}
}

// seen lists exactly these keys, and finds each by its name.
func (l *life) seen(ctx context.Context, client *providers.Client, keys ...*providers.Key) {
	if (l.Capabilities.Reconcile || l.Capabilities.Candidates) && !l.listed(ctx, client, keys) || !l.Capabilities.ShowsKeys() {
		return
	}
	for _, key := range keys {
		what := "find " + key.Handle.Name
		found, err := client.Find(ctx, l.scope(), l.look(key))
		if l.failed(what, err) {
			return
		}
		if len(found.Keys) != 1 || found.Keys[0].Handle.ID != key.Handle.ID {
			l.wrong("%s: want the one key with id %s, and got %v", what, key.Handle.ID, found)
			continue
		}
		l.dated(what, found.Keys[0])
	}
}

// dated holds the dates of a listed key: where the answer holds all that it may, each that
// the definition reads is there.
func (l *life) dated(what string, key providers.Listed) {
	if l.lean {
		return
	}
	for _, date := range []struct {
		member string
		isRead bool
		at     time.Time
	}{
		{"last_used_at", l.Capabilities.LastUsed, key.LastUsedAt},
		{"expires_at", l.Capabilities.ShowsRenewals, key.ExpiresAt},
	} {
		if date.isRead && date.at.IsZero() && !slices.Contains(l.server.rules.Lacks, date.member) {
			l.wrong("%s: item.%s reads no time in an answer that holds all that it may; where the document does not have it, write lacks = [%[2]q] into the case", what, date.member)
		}
	}
}

// listed reports whether the keys could be listed.
func (l *life) listed(ctx context.Context, client *providers.Client, keys []*providers.Key) bool {
	want, got := map[string]string{}, map[string]string{}
	for _, key := range keys {
		want[l.nameOf(key.Handle)] = key.Handle.ID
	}
	for listed, err := range client.List(ctx, l.scope()) {
		if l.failed("list", err) {
			return false
		}
		name := l.nameOf(listed.Handle)
		if _, twice := got[name]; twice {
			l.wrong("list: %s is there twice", name)
		}
		l.dated("list", listed)
		got[name] = listed.Handle.ID
	}
	l.complaints("list")
	if !maps.Equal(got, want) {
		l.wrong("list: want %v, and got %v", want, got)
	}
	return true
}

// nameOf tells a listed key from others: its name, or its id where keys have none.
func (l *life) nameOf(h providers.Handle) string {
	if l.Capabilities.Candidates && !l.Capabilities.Reconcile {
		return h.ID
	}
	return h.Name
}

// look finds a key: by its name, or by its id where it has none.
func (l *life) look(key *providers.Key) providers.Look {
	if l.Capabilities.Lookup {
		return providers.Look{Name: key.Handle.Name}
	}
	return providers.Look{ID: key.Handle.ID}
}

func (l *life) unseen(ctx context.Context, client *providers.Client, key *providers.Key) {
	if !l.Capabilities.ShowsKeys() {
		return
	}
	what := fmt.Sprintf("find %s after it was revoked", key.Handle.Name)
	found, err := client.Find(ctx, l.scope(), l.look(key))
	if !l.failed(what, err) && !found.Absent() {
		l.wrong("%s: want none, and got %v", what, found)
	}
}

func (l *life) probed(ctx context.Context, client *providers.Client, key *providers.Key, want providers.Liveness) {
	if !l.Capabilities.Probe {
		return
	}
	got, err := client.Probe(ctx, key.Secret)
	if !l.failed("probe", err) && got != want {
		l.wrong("probe: want %v, and got %v", want, got)
	}
}

func (l *life) extended(ctx context.Context, client *providers.Client, key *providers.Key) {
	if !l.Capabilities.Extend {
		return
	}
	now := time.Now().UTC().Truncate(time.Second)
	end, err := l.Expiry.At(now, now.Add(2*time.Hour))
	if err == nil {
		_, err = client.Extend(ctx, key.Handle, end, end.Sub(now))
	}
	l.failed("extend", err)
}

// revoke ends a key. That it is gone already is success as well, but for a key
// that is not.
func (l *life) revoke(ctx context.Context, client *providers.Client, key *providers.Key) {
	for _, what := range []string{"revoke", "revoke again"} {
		if l.failed(what, client.Revoke(ctx, key.Handle)) {
			return
		}
		if l.server.Opens(key.Value) {
			l.wrong("%s: the provider's answer is taken for success, and the key still works: look at the path, and at gone; if the operation does delete, name it among the case's deletes", what)
			return
		}
	}
}
