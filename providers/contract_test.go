package providers_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/providers"
	"vault-plugin-secrets-apikeys/providers/internal/contract"
)

// specsVariable names the folder that holds the providers' OpenAPI documents.
const specsVariable = "PROVIDER_SPECS"

// TestContract lets each definition live whole lives of keys at a server made
// from its provider's own OpenAPI document. testdata/contract/NAME.hcl says
// with which fields; a new provider needs no more than that file.
func TestContract(t *testing.T) {
	specs := os.Getenv(specsVariable)
	if specs == "" {
		t.Skipf("%d definitions were not held against their providers' own OpenAPI documents: set %s to the folder of these", len(evidence(t, "contract")), specsVariable)
	}
	for _, name := range evidence(t, "contract") {
		t.Run(name, func(t *testing.T) {
			cases, err := contract.ReadCases(filepath.Join("testdata", "contract", name+".hcl"))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				t.Run(c.Title, func(t *testing.T) { holdToDocument(t, name, c, specs) })
			}
		})
	}
}

// evidence names the definitions that have a file in a folder of testdata.
func evidence(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(files))
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".hcl"))
	}
	return names
}

func holdToDocument(t *testing.T, name string, c *contract.Case, specs string) {
	d := load(t, name)
	document, err := contract.ReadDocument(filepath.Join(specs, c.Document))
	if err != nil {
		t.Fatal(err)
	}
	if d.BaseURL != "" && !document.ServedAt(d.BaseURL) {
		t.Errorf("base_url %s is none of the document's servers", d.BaseURL)
	}
	connection := merged(t, d.Connection, c.Connection)
	server, err := contract.NewServer(document, c, sensitive(d, connection))
	if err != nil {
		t.Fatal(err)
	}
	provider := httptest.NewServer(server)
	defer provider.Close()

	l := &life{
		Definition: d,
		connection: connection,
		role:       merged(t, d.Role, c.Role),
		baseURL:    provider.URL + basePath(t, d, c.BasePath),
		opens:      server.Opens,
	}
	l.live(t)
	for _, violation := range server.Violations() {
		t.Error(violation)
	}
	if left := server.Remaining(); len(left) > 0 {
		t.Errorf("every key is revoked, and these were left behind: %v", left)
	}
}

func load(t *testing.T, name string) *providers.Definition {
	t.Helper()
	d, err := providers.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// basePath is the path of the base URL that a connection would have.
func basePath(t *testing.T, d *providers.Definition, given *string) string {
	t.Helper()
	if given != nil {
		return *given
	}
	base, err := url.Parse(d.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	return base.Path
}

// sensitive are the credentials that the provider knows.
func sensitive(d *providers.Definition, connection providers.Values) []string {
	var credentials []string
	for _, field := range d.Connection {
		if value, ok := connection[field.Name].(string); ok && field.Sensitive {
			credentials = append(credentials, value)
		}
	}
	return credentials
}

// life is what happens to keys of one definition, from the first to the last.
type life struct {
	*providers.Definition
	connection, role providers.Values
	baseURL          string
	// way is how to get to the hosts that the definition names, nil where
	// baseURL is the provider.
	way *contract.Internet
	// opens says whether the provider takes a value for a living key.
	opens func(value string) bool
}

func (l *life) client(t *testing.T, connection providers.Values) *providers.Client {
	t.Helper()
	settings := providers.Settings{
		Values: connection, BaseURL: l.baseURL, Timeout: 10 * time.Second, RequestsPerSecond: 1000,
	}
	if l.way != nil {
		settings.ProxyURL, settings.CACert = l.way.ProxyURL, l.way.CACert
	}
	client, err := providers.NewClient(l.Definition, settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func (l *life) live(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client := l.client(t, l.connection)
	l.check(ctx, t, client)
	keys := l.issue(ctx, t, client, "vault-contract-a", "vault-contract-b", "vault-contract-c")
	if t.Failed() {
		return
	}
	l.seen(ctx, t, client, keys...)
	l.probed(ctx, t, client, keys[0], providers.Alive)
	l.extended(ctx, t, client, keys[0])
	l.revoke(ctx, t, client, keys[1])
	l.seen(ctx, t, client, keys[0], keys[2])
	l.unseen(ctx, t, client, keys[1])
	l.revoke(ctx, t, client, keys[0])
	l.revoke(ctx, t, client, keys[2])
	l.probed(ctx, t, client, keys[0], providers.Dead)
	l.seen(ctx, t, client)
}

// check accepts the connection's credential and refuses another.
func (l *life) check(ctx context.Context, t *testing.T, client *providers.Client) {
	if !l.Capabilities.Check {
		t.Error("the definition has no check: a wrong credential would be found by the first lease only")
		return
	}
	if err := client.Check(ctx); err != nil {
		t.Fatalf("check: %v", err)
	}
	wrong := providers.Values{}
	for name, value := range l.connection {
		if _, text := value.(string); text && l.Connection.Lookup(name).Sensitive {
			value = "wrong"
		}
		wrong[name] = value
	}
	if err := l.client(t, wrong).Check(ctx); providers.KindOf(err) != providers.Unauthorized {
		t.Errorf("check with a wrong credential: got %v, want the provider's refusal of it", err)
	}
}

func (l *life) request(t *testing.T, name string) providers.KeyRequest {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	end, err := l.Expiry.At(now, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	request := providers.KeyRequest{Name: name, Role: l.role, ExpiresAt: end, TTL: end.Sub(now)}
	if l.Capabilities.IPBinding {
		request.CIDRs = []string{"192.0.2.0/24", "2001:db8::/32"}
	}
	return request
}

func (l *life) issue(ctx context.Context, t *testing.T, client *providers.Client, names ...string) []*providers.Key {
	var keys []*providers.Key
	ids, values := map[string]string{}, map[string]string{}
	for _, name := range names {
		key, err := client.Issue(ctx, l.request(t, name))
		if err != nil {
			t.Errorf("issue: %v", err)
			return nil
		}
		if key.Handle.Name != name || key.Handle.ID == "" || key.Value == "" {
			t.Errorf("issue: name %q, id %q, and a value that is empty: %t", key.Handle.Name, key.Handle.ID, key.Value == "")
		}
		if !l.opens(key.Value) {
			t.Errorf("issue: the first field of secret is not the key: it opens nothing")
		}
		if other, ok := ids[key.Handle.ID]; ok {
			t.Errorf("issue: %s and %s have one id", name, other)
		}
		if other, ok := values[key.Value]; ok {
			t.Errorf("issue: %s and %s have one value", name, other)
		}
		ids[key.Handle.ID], values[key.Value] = name, name
		keys = append(keys, key)
	}
	return keys
}

// seen lists exactly these keys, and finds each by its name.
func (l *life) seen(ctx context.Context, t *testing.T, client *providers.Client, keys ...*providers.Key) {
	t.Helper()
	scope := l.Scope(l.role, l.connection)
	if l.Capabilities.Reconcile {
		want := map[string]string{}
		for _, key := range keys {
			want[key.Handle.Name] = key.Handle.ID
		}
		got := map[string]string{}
		for listed, err := range client.List(ctx, scope) {
			if err != nil {
				t.Fatalf("list: %v", err)
			}
			if _, twice := got[listed.Handle.Name]; twice {
				t.Errorf("list: %s is there twice", listed.Handle.Name)
			}
			got[listed.Handle.Name] = listed.Handle.ID
		}
		if len(got) != len(want) || !containsAll(got, want) {
			t.Errorf("list: got %v, want %v", got, want)
		}
	}
	if !l.Capabilities.Lookup {
		return
	}
	for _, key := range keys {
		found, err := client.Find(ctx, scope, providers.Look{Name: key.Handle.Name})
		if err != nil || len(found.Keys) != 1 || found.Keys[0].Handle.ID != key.Handle.ID {
			t.Errorf("find %s: got %v, %v, want the key with id %s", key.Handle.Name, found, err, key.Handle.ID)
		}
	}
}

func containsAll(all, some map[string]string) bool {
	for name, id := range some {
		if all[name] != id {
			return false
		}
	}
	return true
}

func (l *life) unseen(ctx context.Context, t *testing.T, client *providers.Client, key *providers.Key) {
	t.Helper()
	if !l.Capabilities.Lookup {
		return
	}
	found, err := client.Find(ctx, l.Scope(l.role, l.connection), providers.Look{Name: key.Handle.Name})
	if err != nil || !found.Absent() {
		t.Errorf("find %s after revoke: got %v, %v, want none", key.Handle.Name, found, err)
	}
}

func (l *life) probed(ctx context.Context, t *testing.T, client *providers.Client, key *providers.Key, want providers.Liveness) {
	t.Helper()
	if !l.Capabilities.Probe {
		return
	}
	if got, err := client.Probe(ctx, key.Secret); err != nil || got != want {
		t.Errorf("probe: got %v, %v, want %v", got, err, want)
	}
}

func (l *life) extended(ctx context.Context, t *testing.T, client *providers.Client, key *providers.Key) {
	t.Helper()
	if !l.Capabilities.Extend {
		return
	}
	now := time.Now().UTC().Truncate(time.Second)
	end, err := l.Expiry.At(now, now.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Extend(ctx, key.Handle, end, end.Sub(now)); err != nil {
		t.Errorf("extend: %v", err)
	}
}

// revoke ends a key; that it is gone already is success as well.
func (l *life) revoke(ctx context.Context, t *testing.T, client *providers.Client, key *providers.Key) {
	t.Helper()
	for _, when := range []string{"revoke", "revoke again"} {
		if err := client.Revoke(ctx, key.Handle); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
}

// TestExchanges lets each definition make the requests, and read the answers,
// that its provider's documentation shows: testdata/exchanges/NAME.hcl.
func TestExchanges(t *testing.T) {
	for _, name := range evidence(t, "exchanges") {
		t.Run(name, func(t *testing.T) {
			exchanges, err := contract.ReadExchanges(filepath.Join("testdata", "exchanges", name+".hcl"))
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range exchanges {
				t.Run(x.Title, func(t *testing.T) { replay(t, name, x) })
			}
		})
	}
}

func replay(t *testing.T, name string, x *contract.Exchange) {
	d := load(t, name)
	player, err := contract.NewPlayer(x, describedBy(t, x.Document))
	if err != nil {
		t.Fatal(err)
	}
	r := &replaying{life: &life{
		Definition: d,
		connection: merged(t, d.Connection, x.Connection),
		role:       merged(t, d.Role, x.Role),
	}}
	if x.NamesHosts() {
		internet, err := contract.NewInternet(player)
		if err != nil {
			t.Fatal(err)
		}
		defer internet.Close()
		r.way = internet
	} else {
		provider := httptest.NewServer(player)
		defer provider.Close()
		r.baseURL = provider.URL + basePath(t, d, x.BasePath)
	}
	r.client = r.life.client(t, r.connection)
	if x.Now != "" {
		now, err := time.Parse(time.RFC3339, x.Now)
		if err != nil {
			t.Fatal(err)
		}
		r.client.StopClock(now)
	}
	for _, step := range x.Steps {
		player.Expect(step.Trips)
		r.do(t, step)
		for _, wrong := range player.Wrong() {
			t.Errorf("%s: %s", step.Do, wrong)
		}
	}
	for _, needed := range r.needed(x) {
		if !slices.ContainsFunc(x.Steps, func(s *contract.Step) bool { return s.Do == needed }) {
			t.Errorf("the exchange has no step %q", needed)
		}
	}
}

// describedBy is the document that an exchange names, nil for none and where
// there are no documents at hand.
func describedBy(t *testing.T, file string) *contract.Document {
	t.Helper()
	specs := os.Getenv(specsVariable)
	if file == "" || specs == "" {
		return nil
	}
	document, err := contract.ReadDocument(filepath.Join(specs, file))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// replaying carries out the steps of an exchange, on the key issued last.
type replaying struct {
	*life
	client   *providers.Client
	key      *providers.Key
	rotation *providers.Rotation
}

func (r *replaying) do(t *testing.T, step *contract.Step) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if r.key == nil && !slices.Contains([]string{"check", "issue", "rotate", "stray", "retire"}, step.Do) {
		t.Fatalf("%s: there is no key yet", step.Do)
	}
	var err error
	switch step.Do {
	case "check":
		err = r.client.Check(ctx)
	case "issue":
		err = r.issued(ctx, t, step)
	case "list":
		err = r.listed(ctx, t, step)
	case "find":
		err = r.found(ctx, t, step)
	case "extend":
		err = r.extended(ctx, t, step)
	case "probe":
		err = r.alive(ctx, t, step)
	case "revoke":
		err = r.client.Revoke(ctx, r.key.Handle)
	case "rotate":
		err = r.rotated(ctx, t, step)
	case "stray":
		err = r.strayed(ctx, t, step)
	case "retire":
		err = r.retired(ctx, t, step)
	default:
		t.Fatalf("there is no step %q: write check, issue, list, find, extend, probe, revoke, rotate, stray or retire", step.Do)
	}
	if got := failure(err); got != step.Fails {
		t.Errorf("%s: got %q (%v), want %q", step.Do, got, err, step.Fails)
	}
}

// failure is the kind of an error as exchanges write it, "" for none.
func failure(err error) string {
	var e *providers.Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &e):
		return err.Error()
	}
	return map[providers.Kind]string{
		providers.Unknown: "unknown", providers.Refused: "refused", providers.Unauthorized: "unauthorized",
		providers.Throttled: "throttled", providers.Unreachable: "unreachable",
	}[e.Kind]
}

func (r *replaying) wanted(t *testing.T, step *contract.Step) providers.KeyRequest {
	t.Helper()
	if step.Key == nil {
		t.Fatalf("%s: write key { name = … }", step.Do)
	}
	request := providers.KeyRequest{Name: step.Key.Name, Role: r.role, CIDRs: step.Key.CIDRs, TTL: time.Duration(step.Key.TTL) * time.Second}
	if step.Key.ExpiresAt != "" {
		end, err := time.Parse(time.RFC3339, step.Key.ExpiresAt)
		if err != nil {
			t.Fatal(err)
		}
		request.ExpiresAt = end
	}
	return request
}

func (r *replaying) issued(ctx context.Context, t *testing.T, step *contract.Step) error {
	t.Helper()
	request := r.wanted(t, step)
	key, err := r.client.Issue(ctx, request)
	if err != nil {
		return err
	}
	r.wasGranted(t, step, request, key.Granted)
	if key.Handle.ID != step.ID {
		t.Errorf("issue: id %q, want %q", key.Handle.ID, step.ID)
	}
	if len(key.Secret) != len(step.Secret) {
		t.Errorf("issue: got %d secret fields, want %d", len(key.Secret), len(step.Secret))
	}
	for name, want := range step.Secret {
		if key.Secret[name] != want {
			t.Errorf("issue: secret.%s is %v, want %s", name, key.Secret[name], want)
		}
	}
	r.key = key
	return nil
}

func (r *replaying) extended(ctx context.Context, t *testing.T, step *contract.Step) error {
	t.Helper()
	request := r.wanted(t, step)
	granted, err := r.client.Extend(ctx, r.key.Handle, request.ExpiresAt, request.TTL)
	if err == nil {
		r.wasGranted(t, step, request, granted)
	}
	return err
}

func (r *replaying) wasGranted(t *testing.T, step *contract.Step, request providers.KeyRequest, granted providers.Granted) {
	t.Helper()
	want := request.ExpiresAt
	if step.Ends != "" {
		var err error
		if want, err = time.Parse(time.RFC3339, step.Ends); err != nil {
			t.Fatal(err)
		}
	}
	if got := granted.End(request.ExpiresAt.Add(-request.TTL), request.ExpiresAt); !got.Equal(want) {
		t.Errorf("%s: the key ends at %s, want %s", step.Do, got, want)
	}
}

func (r *replaying) listed(ctx context.Context, t *testing.T, step *contract.Step) error {
	t.Helper()
	var ids []string
	for listed, err := range r.client.List(ctx, r.Scope(r.role, r.connection)) {
		if err != nil {
			return err
		}
		ids = append(ids, listed.Handle.ID)
	}
	if !slices.Equal(ids, step.IDs) {
		t.Errorf("list: got %v, want %v", ids, step.IDs)
	}
	return nil
}

func (r *replaying) found(ctx context.Context, t *testing.T, step *contract.Step) error {
	t.Helper()
	found, err := r.client.Find(ctx, r.Scope(r.role, r.connection), providers.Look{Name: r.key.Handle.Name})
	if err != nil {
		return err
	}
	var ids []string
	for _, listed := range found.Keys {
		ids = append(ids, listed.Handle.ID)
	}
	if !slices.Equal(ids, step.IDs) {
		t.Errorf("find: got %v, want %v", ids, step.IDs)
	}
	return nil
}

func (r *replaying) alive(ctx context.Context, t *testing.T, step *contract.Step) error {
	t.Helper()
	want := providers.Unclear
	if step.Alive != nil {
		want = providers.Dead
		if *step.Alive {
			want = providers.Alive
		}
	}
	got, err := r.client.Probe(ctx, r.key.Secret)
	if err == nil && got != want {
		t.Errorf("probe: got %v, want %v", got, want)
	}
	return err
}
