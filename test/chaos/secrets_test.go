//go:build !chaos

package chaos

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-cleanhttp"
	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// TestSecretsStayInside goes through all that the engine does, with a provider
// that misbehaves in every way, and searches what Vault and the plugin logged,
// audited and answered for the secrets of all keys and admin keys.
func TestSecretsStayInside(t *testing.T) {
	said := &record{}
	e := startEngine(t, 1, vaulttest.Options{LogLevel: "trace", Audit: true})
	e.Client = said.client(t, e)
	p := startProvider(t)
	said.secret(p.AdminKey())

	e.connect("app", "sandbox", p, nil, fields{"ttl": "10m", "max_ttl": "1h", "verify_revocation": "probe"})
	e.connect("steps", "sandbox-accounts", p, nil, fields{"ttl": "10m", "max_ttl": "1h"})
	for _, role := range []string{"app", "steps"} {
		e.liveOn(p, role)
	}
	e.lookAround()
	e.mistakes(p, said)
	e.misbehave(said)
	e.rotate(said)
	e.leak(p)
	e.reconcileAnOrphan(p)
	e.crash(p)
	e.revokeAll()

	for _, source := range []struct{ name, text, lively string }{
		// Each holds, beside what it must not, something of what was done.
		{"the log of Vault and the plugin", e.Log(), "removed what nobody holds"},
		{"the audit log", e.AuditLog(), mount + "/creds/steps"},
		{"the answers", said.answers(), "no key was handed out"},
	} {
		if !strings.Contains(source.text, source.lively) {
			t.Errorf("%s does not tell of %q: the search proves nothing", source.name, source.lively)
		}
		for _, place := range said.leaks(source.text) {
			t.Errorf("%s holds a secret: %s", source.name, place)
		}
	}
	t.Logf("searched %d kB of log, %d kB of audit log and %d kB of answers for %d secrets",
		len(e.Log())>>10, len(e.AuditLog())>>10, len(said.answers())>>10, len(said.secrets))
}

// liveOn takes keys of a role through their lives.
func (e *engine) liveOn(p *provider, role string) {
	e.t.Helper()
	e.mintMany(p, role, 3)
	l := e.mintMany(p, role, 1)[0]
	if err := e.renew(e.t.Context(), l); err != nil {
		e.t.Errorf("renewing: %v", err)
	}
	e.write("creds/"+role, fields{"ttl": "5m"})
	if _, err := e.Client.Logical().Write("sys/leases/lookup", fields{"lease_id": l.id}); err != nil {
		e.t.Errorf("looking a lease up: %v", err)
	}
	if err := e.revoke(e.t.Context(), l, true); err != nil {
		e.t.Errorf("revoking: %v", err)
	}
	if err := e.renew(e.t.Context(), l); err == nil {
		e.t.Error("a revoked lease was renewed")
	}
}

// lookAround reads and lists all that there is to see, and its help.
func (e *engine) lookAround() {
	e.t.Helper()
	raw := e.Client.Logical()
	for _, folder := range []string{"providers", "config", "roles", "static-roles", "keys", "queue"} {
		list, err := raw.List(mount + "/" + folder)
		if err != nil {
			e.t.Errorf("listing %s: %v", folder, err)
			continue
		}
		if list == nil {
			continue
		}
		for _, name := range texts(list.Data["keys"]) {
			if _, err := e.read(folder + "/" + name); err != nil {
				e.t.Errorf("reading %s/%s: %v", folder, name, err)
			}
		}
	}
	for _, path := range []string{mount + "/info", "sys/mounts", "sys/internal/specs/openapi"} {
		if _, err := raw.Read(path); err != nil {
			e.t.Errorf("reading %s: %v", path, err)
		}
	}
	if metrics, err := raw.ReadRaw(mount + "/metrics"); err != nil {
		e.t.Errorf("reading the metrics: %v", err)
	} else {
		metrics.Body.Close()
	}
	if _, err := e.Client.Help(mount + "/config/app"); err != nil {
		e.t.Errorf("asking for help: %v", err)
	}
	for _, connection := range []string{"app", "steps"} {
		e.write("check/"+connection, nil)
		e.write("reset/"+connection, nil)
		e.write("reconcile/"+connection, nil)
	}
}

// mistakes are requests that are refused, with secrets in them where an
// operator would have put some.
func (e *engine) mistakes(p *provider, said *record) {
	e.t.Helper()
	wrong := "sbx_" + strings.Repeat("WRONG234", 6)
	said.secret(wrong)
	app := func(more fields) fields {
		return with(fields{"provider": "sandbox", "base_url": p.url, "admin_key": p.AdminKey()}, more)
	}
	for path, data := range map[string]fields{
		"config/wrong-key":     app(fields{"admin_key": wrong}),
		"config/broken-key":    app(fields{"admin_key": wrong + "\n" + p.AdminKey()}),
		"config/list-for-key":  app(fields{"admin_key": []string{wrong}}),
		"config/wrong-name":    app(fields{"admin_kee": wrong}),
		"config/key-in-url":    app(fields{"base_url": "http://admin:" + wrong + "@127.0.0.1:1/"}),
		"config/key-as-query":  app(fields{"base_url": "http://127.0.0.1:1/?key=" + wrong}),
		"config/key-in-proxy":  app(fields{"proxy_url": "http://admin:" + wrong + "@127.0.0.1:1/"}),
		"config/key-as-pem":    app(fields{"client_cert": wrong, "client_key": wrong}),
		"config/nobody-there":  app(fields{"base_url": "http://127.0.0.1:1"}),
		"config/no-such":       app(fields{"provider": "sandbocks"}),
		"roles/wrong-name":     {"connection": "app", "scoops": "read"},
		"roles/nowhere":        {"connection": "nowhere"},
		"creds/nothing":        {},
		"creds/app":            {"ttl": "1000h"},
		"check/nothing":        {},
		"reconcile/nothing":    {},
		"queue/nothing/retry":  {},
		"reset/nothing":        {},
		"queue/none/give-up":   {},
		"config/forced-to-err": app(fields{"request_timeout": "soon"}),
	} {
		if _, err := e.Client.Logical().Write(mount+"/"+path, data); err == nil {
			e.t.Errorf("writing %s went well", path)
		}
	}
	if _, err := e.Client.Logical().Delete(mount + "/config/app"); err == nil {
		e.t.Error("a connection with live keys was deleted")
	}
}

// misbehave mints and revokes once under each fault of a provider.
func (e *engine) misbehave(said *record) {
	// A real one has quoted the credential that it was sent.
	quoted := func(p *provider) sandbox.Fault {
		return sandbox.Fault{Kind: sandbox.Status, Status: http.StatusBadRequest,
			Body: fmt.Sprintf(`{"error":{"message":"Bearer %s may not do that"}}`, p.AdminKey())}
	}
	faults := map[string]func(*provider) sandbox.Fault{"quotes-the-credential": quoted}
	for _, kind := range []sandbox.Kind{
		sandbox.Hang, sandbox.Reset, sandbox.Status, sandbox.RateLimit, sandbox.Unauthorized, sandbox.Redirect, sandbox.OKWithErrorBody,
		sandbox.CommitThenHang, sandbox.CommitThenReset, sandbox.CommitThen500, sandbox.MalformedJSON, sandbox.WrongTypes,
		sandbox.TruncatedBody, sandbox.HugeBody, sandbox.SlowDrip, sandbox.BodyAfter204,
	} {
		faults[string(kind)] = func(*provider) sandbox.Fault { return sandbox.Fault{Kind: kind} }
	}
	var wg sync.WaitGroup
	for name, fault := range faults {
		p := startProvider(e.t)
		said.secret(p.AdminKey())
		e.connect(name, "sandbox", p, fields{"request_timeout": "1s"}, fields{"ttl": "10m"})
		wg.Go(func() { e.suffer(p, name, fault(p)) })
	}
	wg.Wait()
}

// suffer mints under the fault, and revokes under it.
func (e *engine) suffer(p *provider, role string, fault sandbox.Fault) {
	minting, revoking := fault, fault
	minting.Match.Method, revoking.Match.Method = http.MethodPost, http.MethodDelete
	revoking.Count = new(int)
	p.once(minting)
	e.mint(e.t.Context(), p, role) // whatever comes of it
	p.ClearFaults()
	if _, err := e.mint(e.t.Context(), p, role); err != nil {
		e.t.Errorf("%s: minting after the fault: %v", role, err)
	}
	p.always(revoking)
	_, err := e.Client.Logical().Write("sys/leases/revoke-prefix/"+mount+"/creds/"+role, fields{"sync": true})
	list, _ := e.Client.Logical().List(mount + "/queue")
	if err != nil && list != nil {
		for _, id := range texts(list.Data["keys"]) {
			e.read("queue/" + id)
			e.Client.Logical().Write(mount+"/queue/"+id+"/retry", nil)
		}
	}
	p.ClearFaults()
	e.write("reset/"+role, nil)
}

// rotate replaces an admin credential and a static role's key, well and under
// faults, and looks at what is shown of them.
func (e *engine) rotate(said *record) {
	e.t.Helper()
	const name = "turns"
	p := startProvider(e.t)
	said.secret(p.AdminKey())
	e.connect(name, "sandbox", p, fields{"request_timeout": "1s"}, nil)
	e.write("static-roles/"+name, fields{"connection": name, "scopes": "read", "overlap": "1h", "rotation_period": "24h"})
	for _, kind := range []sandbox.Kind{sandbox.Pass, sandbox.Status, sandbox.CommitThen500, sandbox.MalformedJSON, sandbox.WrongTypes, sandbox.OKWithErrorBody} {
		for path, route := range map[string]string{"rotate-root/": "POST /v1/admin-keys", "rotate-role/": "POST /v1/keys"} {
			p.once(sandbox.Fault{Kind: kind, Match: sandbox.Match{Route: route}})
			if _, err := e.Client.Logical().Write(mount+"/"+path+name, nil); (err == nil) != (kind == sandbox.Pass) {
				e.t.Errorf("%s under %s: %v", path, kind, err)
			}
			p.ClearFaults()
			e.write("reset/"+name, nil)
		}
	}
	for _, path := range []string{"config/", "static-roles/", "static-creds/"} {
		if _, err := e.read(path + name); err != nil {
			e.t.Errorf("reading %s: %v", path, err)
		}
	}
	if _, err := e.Client.Logical().Delete(mount + "/static-roles/" + name); err != nil {
		e.t.Errorf("deleting a static role: %v", err)
	}
}

// leak traces and revokes a key by its value, and gets the requests wrong.
func (e *engine) leak(p *provider) {
	e.t.Helper()
	leaked := e.mintMany(p, "app", 1)[0]
	e.write("lookup-key", fields{"value": leaked.secret})
	for path, data := range map[string]fields{
		"lookup-key": {"value": leaked.secret + "x"},
		"revoke-key": {"id": leaked.secret},
		"keys/x":     {"value": leaked.secret},
	} {
		if _, err := e.Client.Logical().Write(mount+"/"+path, data); err == nil {
			e.t.Errorf("a wrong request to %s went well", path)
		}
	}
	e.write("revoke-key", fields{"value": leaked.secret})
	if p.undeleted()[leaked.keyName] {
		e.t.Error("the leaked key lives")
	}
}

// reconcileAnOrphan makes a key behind the engine's back under a name that the
// engine could have given, and has it found.
func (e *engine) reconcileAnOrphan(p *provider) {
	e.t.Helper()
	name := e.mintMany(p, "app", 1)[0].keyName
	last := "a"
	if strings.HasSuffix(name, last) {
		last = "b"
	}
	orphan := name[:len(name)-1] + last
	if made := p.ask(http.MethodPost, "/v1/keys", p.AdminKey(), fmt.Sprintf(`{"name": %q}`, orphan)); made.Code != http.StatusCreated {
		e.t.Fatalf("making an orphan: status %d", made.Code)
	}
	for _, data := range []fields{nil, {"delete": true}} {
		answer := e.write("reconcile/app", data)
		if found := fmt.Sprint(answer.Data["orphans"]); !strings.Contains(found, orphan) {
			e.t.Errorf("reconciling does not report the orphan %s but %s", orphan, found)
		}
	}
	if p.undeleted()[orphan] {
		e.t.Error("reconciling left the orphan alive")
	}
}

// crash has the engine recover.
func (e *engine) crash(p *provider) {
	e.t.Helper()
	e.mintMany(p, "steps", 1)
	e.Nodes[0].Kill()
	e.Restart(e.Nodes[0])
	e.Active()
	vaulttest.Eventually(e.t, time.Minute, "a key can be minted after the crash", func() (bool, string) {
		_, err := e.mint(e.t.Context(), p, "app")
		return err == nil, fmt.Sprint(err)
	})
}

// record keeps what Vault answered, and which secrets there are.
type record struct {
	mu      sync.Mutex
	text    strings.Builder
	secrets []string
}

// client is one to the single Vault of e, all of whose answers are recorded.
func (r *record) client(t *testing.T, e *engine) *api.Client {
	t.Helper()
	config := api.DefaultConfig()
	config.Address = e.Nodes[0].Addr
	config.MaxRetries = 0
	config.HttpClient.Transport = recorder{r, cleanhttp.DefaultPooledTransport()}
	client, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(e.RootToken)
	return client
}

func (r *record) secret(value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = append(r.secrets, value)
}

func (r *record) answers() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

type recorder struct {
	*record
	base http.RoundTripper
}

func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	r.mu.Lock()
	defer r.mu.Unlock()
	if resp.StatusCode == http.StatusOK && answersKeys.MatchString(req.URL.Path) {
		r.secrets = append(r.secrets, sandboxSecret.FindAllString(string(body), -1)...)
		return resp, nil
	}
	fmt.Fprintf(&r.text, "%s %s: %s\n%v\n%s\n", req.Method, req.URL, resp.Status, resp.Header, body)
	return resp, nil
}

// answersKeys matches the two paths whose answers a key belongs in.
var answersKeys = regexp.MustCompile("^/v1/" + mount + "/(static-)?creds/")

// sandboxSecret matches every secret of a sandbox, and what a careless hand
// would leave of it: also those of keys that nobody received.
var sandboxSecret = regexp.MustCompile(`sbx_[A-Z2-7]{8,}`)

// leaks are the places of secrets in a text, as they are or encoded.
func (r *record) leaks(text string) []string {
	var places []string
	for _, at := range sandboxSecret.FindAllStringIndex(text, 10) {
		places = append(places, around(text, at[0]))
	}
	for _, secret := range r.secrets {
		for _, form := range forms(secret) {
			if at := strings.Index(text, form); at >= 0 {
				places = append(places, around(text, at))
			}
		}
	}
	return places
}

// forms are what a secret may look like: without its telling prefix, in base64
// wherever it begins in what was encoded, and in hexadecimal.
func forms(secret string) []string {
	core := strings.TrimPrefix(secret, "sbx_")
	all := []string{core, hex.EncodeToString([]byte(core))}
	for shift := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + core))
		all = append(all, encoded[4:len(encoded)-4]) // what does not depend on its neighbours
	}
	return all
}

func around(text string, at int) string {
	return fmt.Sprintf("%q", text[max(0, at-200):min(len(text), at+20)])
}

// TestLeaksAreFound makes sure that the search for secrets finds some.
func TestLeaksAreFound(t *testing.T) {
	admin := startProvider(t).AdminKey()
	r := &record{secrets: []string{admin}}
	for name, leak := range map[string]string{
		"plain":              "token " + admin + " refused",
		"cut short":          admin[:20] + "…",
		"without its prefix": "refused: " + admin[4:],
		"in a header":        "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+admin)),
		"base64":             base64.RawURLEncoding.EncodeToString([]byte(admin)),
		"hexadecimal":        hex.EncodeToString([]byte(admin)),
		"another one's":      "made sbx_" + strings.Repeat("A2", 26),
	} {
		if len(r.leaks("before "+leak+" after")) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	if places := r.leaks("hmac-sha256:" + strings.Repeat("0a", 32) + " sbx_key"); len(places) > 0 {
		t.Errorf("found where there is none: %v", places)
	}
}
