package paths_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// accepted is a mount in a real Vault, beside a sandbox provider of its own.
type accepted struct {
	t       *testing.T
	vault   *vaulttest.Server
	client  *api.Client
	mount   string
	sandbox *sandbox.Server
	url     string // of the sandbox
}

func TestUnderVault(t *testing.T) {
	t.Parallel()
	vault := vaulttest.Start(t, vaulttest.Options{Mount: "-"})
	for mount, test := range map[string]func(*testing.T, *accepted){
		"bad-input":       answersBadInputInOneSentence,
		"rotation":        rotatesWithoutARefusal,
		"broken-provider": mintsNothingAtABrokenProvider,
		"policies":        policiesTellCreateFromUpdate,
		"sudo":            definitionsTakeSudo,
		"numbers":         numbersCrossTheBridgeWhole,
		"pages":           listsAreReadInPages,
	} {
		t.Run(mount, func(t *testing.T) { test(t, mountIn(t, vault, mount)) })
	}
}

func mountIn(t *testing.T, vault *vaulttest.Server, mount string) *accepted {
	t.Helper()
	if err := vault.Mount(t.Context(), mount); err != nil {
		t.Fatal(err)
	}
	sandbox := sandbox.New(sandbox.Options{AdminKey: adminKey})
	web := httptest.NewServer(sandbox)
	t.Cleanup(web.Close)
	t.Cleanup(sandbox.Close)
	return &accepted{t: t, vault: vault, client: vault.Client, mount: mount + "/", sandbox: sandbox, url: web.URL}
}

func (a *accepted) write(path string, input data) {
	a.t.Helper()
	if _, err := a.client.Logical().WriteWithContext(a.t.Context(), a.mount+path, input); err != nil {
		a.t.Fatalf("writing %s: %v", path, err)
	}
}

// read is what is at the path, nil for nothing.
func (a *accepted) read(path string) any {
	a.t.Helper()
	secret, err := a.client.Logical().ReadWithContext(a.t.Context(), a.mount+path)
	if err != nil {
		a.t.Fatalf("reading %s: %v", path, err)
	}
	if secret == nil {
		return nil
	}
	return secret.Data
}

// all is what an operator can see of the mount.
func (a *accepted) all() data {
	a.t.Helper()
	seen := data{}
	for _, folder := range []string{"config/", "roles/", "static-roles/", "keys/", "queue/"} {
		secret, err := a.client.Logical().ListWithContext(a.t.Context(), a.mount+folder)
		if err != nil {
			a.t.Fatalf("listing %s: %v", folder, err)
		}
		if secret == nil {
			continue
		}
		for _, name := range secret.Data["keys"].([]any) {
			path := folder + name.(string)
			seen[path] = a.read(path)
		}
	}
	return seen
}

// refusal sends a write that has to fail with the status, and returns the one
// sentence that Vault answers.
func (a *accepted) refusal(status int, path string, input data) string {
	a.t.Helper()
	_, err := a.client.Logical().WriteWithContext(a.t.Context(), a.mount+path, input)
	var response *api.ResponseError
	if !errors.As(err, &response) {
		a.t.Fatalf("writing %s: got %v, want it refused", path, err)
	}
	if response.StatusCode != status || len(response.Errors) != 1 {
		a.t.Fatalf("writing %s: status %d with %d errors, want %d with one: %v", path, response.StatusCode, len(response.Errors), status, err)
	}
	return response.Errors[0]
}

// rubbish answers everything with the status and a page that is not JSON.
func rubbish(t *testing.T, status int) string {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html>raw-body-of-the-provider</html>")
	}))
	t.Cleanup(web.Close)
	return web.URL
}

// unreachable is an address at which nobody listens any more.
func unreachable() string {
	web := httptest.NewServer(http.NotFoundHandler())
	web.Close()
	return web.URL
}

func answersBadInputInOneSentence(t *testing.T, a *accepted) {
	a.write("config/main", data{"provider": "sandbox", "admin_key": adminKey, "base_url": a.url, "allowed_roles": "ci"})
	a.write("config/router", data{"provider": "openrouter", "management_key": "x", "verify_connection": false, "allowed_roles": "*"})
	a.write("roles/ci", data{"connection": "main", "ttl": "10m", "max_ttl": "1h"})
	a.write("roles/outsider", data{"connection": "main"})

	// Changes to new, fresh ones, and to what is there: neither may leave a trace.
	connection := func(changes data) data {
		input := data{"provider": "sandbox", "admin_key": adminKey, "base_url": a.url}
		for name, value := range changes {
			input[name] = value
		}
		return input
	}
	cases := map[string]struct {
		path  string
		input data
		want  []string // parts of the sentence
	}{
		"connection: unknown field, own near": {"config/new", connection(data{"allowed_role": "ci"}),
			[]string{`unknown field "allowed_role"`, `did you mean "allowed_roles"?`}},
		"connection: unknown field, provider's near": {"config/new", connection(data{"admin_kee": "x"}),
			[]string{`unknown field "admin_kee"`, `did you mean "admin_key"?`}},
		"connection: unknown field in an update": {"config/main", data{"bse_url": "https://elsewhere.example.com"},
			[]string{`unknown field "bse_url"`, `did you mean "base_url"?`}},
		"connection: wrong type of an own field": {"config/new", connection(data{"verify_connection": "banana"}),
			[]string{"verify_connection must be true or false"}},
		"connection: wrong type of a duration": {"config/new", connection(data{"request_timeout": "soon"}),
			[]string{"request_timeout must be a duration"}},
		"connection: negative duration": {"config/new", connection(data{"request_timeout": "-5s"}),
			[]string{"request_timeout must not be negative"}},
		"connection: wrong type of a secret": {"config/new", connection(data{"client_key": data{"pem": "the-secret-pem"}}),
			[]string{"client_key must be a string"}},
		"connection: wrong type of a provider's field": {"config/new", connection(data{"admin_key": []string{"a", "b"}}),
			[]string{`"admin_key" must be a string`}},
		"connection: negative rate": {"config/new", connection(data{"requests_per_second": -1}),
			[]string{"requests_per_second must be from 0.001 to 10000"}},
		"connection: no provider": {"config/new", data{"admin_key": adminKey},
			[]string{"provider is missing", "providers/"}},
		"connection: unknown provider": {"config/new", connection(data{"provider": "sandbx"}),
			[]string{`no provider "sandbx"`, `"sandbox"`}},
		"connection: missing required": {"config/new", data{"provider": "sandbox", "base_url": a.url},
			[]string{`"admin_key" is required`}},
		"connection: base_url is no URL": {"config/new", connection(data{"base_url": "not a url"}),
			[]string{"base_url"}},
		"connection: base_url without a scheme": {"config/new", connection(data{"base_url": "api.example.com"}),
			[]string{"base_url", "https://"}},
		"connection: plain http off loopback": {"config/new", connection(data{"base_url": "http://192.0.2.1/v1"}),
			[]string{"base_url", "https", "allow_http"}},
		"connection: user and password in base_url": {"config/new", connection(data{"base_url": "https://user:the-secret-password@api.example.com"}),
			[]string{"base_url"}},
		"connection: ca_cert is no PEM": {"config/new", connection(data{"ca_cert": "banana"}),
			[]string{"ca_cert", "PEM"}},
		"connection: credential refused": {"config/new", connection(data{"admin_key": "the-secret-wrong-key"}),
			[]string{"refused the connection's credential", "401", "this key is not valid", "verify_connection=false"}},
		"connection: credential refused in an update": {"config/main", data{"admin_key": "the-secret-wrong-key"},
			[]string{"401", "this key is not valid"}},
		"connection: provider not reachable": {"config/new", connection(data{"base_url": unreachable()}),
			[]string{"cannot be reached", "verify_connection=false"}},
		"connection: provider answers rubbish": {"config/new", connection(data{"base_url": rubbish(t, 200)}),
			[]string{"verify_connection=false"}},
		"connection: provider fails with rubbish": {"config/new", connection(data{"base_url": rubbish(t, 500)}),
			[]string{"500", "verify_connection=false"}},
		"connection: provider refuses with rubbish": {"config/new", connection(data{"base_url": rubbish(t, 403)}),
			[]string{"403", "verify_connection=false"}},

		"role: no connection": {"roles/new", data{"ttl": "1h"},
			[]string{"connection is missing", "config/"}},
		"role: unknown connection": {"roles/new", data{"connection": "mainn"},
			[]string{`no connection "mainn"`, `did you mean "main"?`}},
		"role: unknown field, own near": {"roles/new", data{"connection": "main", "max_tll": "1h"},
			[]string{`unknown field "max_tll"`, `did you mean "max_ttl"?`}},
		"role: unknown field, provider's near": {"roles/ci", data{"scope": "read"},
			[]string{`unknown field "scope"`, `did you mean "scopes"?`}},
		"role: wrong type of a duration": {"roles/new", data{"connection": "main", "ttl": "a while"},
			[]string{"ttl must be a duration"}},
		"role: negative ttl": {"roles/new", data{"connection": "main", "ttl": -60},
			[]string{"ttl must not be negative"}},
		"role: wrong type of a provider's field": {"roles/new", data{"connection": "router", "limit": "much"},
			[]string{`"limit" must be a number`}},
		"role: provider's field out of range": {"roles/new", data{"connection": "router", "limit": -1},
			[]string{`"limit" must be at least 0`}},
		"role: ttl above max_ttl": {"roles/new", data{"connection": "main", "ttl": "2h", "max_ttl": "1h"},
			[]string{"ttl", "above max_ttl"}},
		"role: max_ttl below the ttl that is kept": {"roles/ci", data{"max_ttl": "5m"},
			[]string{"ttl", "above max_ttl"}},
		"role: a network that is none": {"roles/new", data{"connection": "main", "key_cidrs": "10.0.0.0/8,banana"},
			[]string{"key_cidrs", `"banana"`, "10.0.0.0/8"}},
		"role: bound in two ways": {"roles/new", data{"connection": "main", "key_cidrs": "10.0.0.0/8", "bind_to_caller": true},
			[]string{"bind_to_caller", "key_cidrs", "exclude"}},
		"role: template that cannot be read": {"roles/new", data{"connection": "main", "key_name_template": "{{ .RoleName"},
			[]string{"key_name_template"}},

		"creds: unknown role": {"creds/cii", nil,
			[]string{`no role "cii"`, "check the name"}},
		"creds: role not allowed": {"creds/outsider", nil,
			[]string{`role "outsider"`, "allowed_roles", "config/main"}},
		"creds: ttl above max_ttl": {"creds/ci", data{"ttl": "2h"},
			[]string{"ttl", "max_ttl"}},
		"creds: unknown field": {"creds/ci", data{"tl": "5m"},
			[]string{`unknown field "tl"`, `did you mean "ttl"?`}},
		"creds: wrong type": {"creds/ci", data{"ttl": data{"hours": 1}},
			[]string{"ttl must be a duration"}},

		"connection: both schedules": {"config/new", connection(data{"rotation_period": "1h", "rotation_schedule": "0 3 * * *"}),
			[]string{"rotation_period", "rotation_schedule", "exclude"}},
		"connection: period too short": {"config/main", data{"rotation_period": 1},
			[]string{"rotation_period", "at least 5s"}},
		"connection: no cron": {"config/main", data{"rotation_schedule": "every night"},
			[]string{"rotation_schedule", "five-field cron", "0 3 * * SAT"}},
		"connection: cron that never comes": {"config/main", data{"rotation_schedule": "0 3 30 2 *"},
			[]string{"rotation_schedule", "never comes"}},
		"connection: window without a schedule": {"config/main", data{"rotation_period": "1h", "rotation_window": "1h"},
			[]string{"rotation_window", "rotation_schedule"}},
		"connection: window too short": {"config/main", data{"rotation_schedule": "0 3 * * *", "rotation_window": "30m"},
			[]string{"rotation_window", "at least 1h"}},
		"connection: cannot rotate": {"config/router", data{"rotation_period": "24h"},
			[]string{"cannot replace its own admin credential", "rotation_period"}},
		"rotate-root: unknown connection": {"rotate-root/mainn", nil,
			[]string{`no connection "mainn"`, `did you mean "main"?`}},
		"rotate-root: cannot rotate": {"rotate-root/router", nil,
			[]string{"cannot replace its own admin credential", "config/router"}},
		"rotate-root: unknown field": {"rotate-root/main", data{"forced": true},
			[]string{`unknown field "forced"`, `did you mean "force"?`}},
		"rotate-role: unknown role": {"rotate-role/app", nil,
			[]string{`no static role "app"`, "static-roles/app"}},
		"static role: no connection": {"static-roles/ci", data{"overlap": "1h"},
			[]string{"connection is missing", "config/"}},
		"static role: unknown connection": {"static-roles/ci", data{"connection": "mainn"},
			[]string{`no connection "mainn"`, `did you mean "main"?`}},
		"static role: not allowed": {"static-roles/app", data{"connection": "main"},
			[]string{`role "app"`, "allowed_roles", "config/main"}},
		"static role: unknown field, own near": {"static-roles/ci", data{"connection": "main", "overlapp": "1h"},
			[]string{`unknown field "overlapp"`, `did you mean "overlap"?`}},
		"static role: unknown field, provider's near": {"static-roles/ci", data{"connection": "main", "scope": "read"},
			[]string{`unknown field "scope"`, `did you mean "scopes"?`}},
		"static role: a lease's field": {"static-roles/ci", data{"connection": "main", "max_ttl": "1h"},
			[]string{`unknown field "max_ttl"`}},
		"static role: both schedules": {"static-roles/ci", data{"connection": "main", "rotation_period": "1h", "rotation_schedule": "0 3 * * *"},
			[]string{"rotation_period", "rotation_schedule", "exclude"}},
		"static role: time zone": {"static-roles/ci", data{"connection": "main", "rotation_schedule": "CRON_TZ=Asia/Tokyo 0 3 * * *"},
			[]string{"rotation_schedule", "UTC"}},
		"static role: more often than allowed": {"static-roles/ci", data{"connection": "main", "rotation_schedule": "@every 1s"},
			[]string{"rotation_schedule", "five-field cron"}},
		"static role: negative overlap": {"static-roles/ci", data{"connection": "main", "overlap": "-1h"},
			[]string{"overlap must not be negative"}},
		"static role: a network that is none": {"static-roles/ci", data{"connection": "main", "key_cidrs": "banana"},
			[]string{"key_cidrs", `"banana"`}},
		"static role: wrong type of a duration": {"static-roles/ci", data{"connection": "main", "overlap": "a while"},
			[]string{"overlap must be a duration"}},

		"check: unknown connection":     {"check/mainn", nil, []string{`"mainn"`, `"main"`}},
		"reset: unknown connection":     {"reset/mainn", nil, []string{`"mainn"`, `"main"`}},
		"reconcile: unknown connection": {"reconcile/mainn", nil, []string{`"mainn"`, `"main"`}},
		"reconcile: unknown field":      {"reconcile/main", data{"dry_run": true}, []string{`unknown field "dry_run"`, "delete"}},
		"queue: nothing waits":          {"queue/nothing/retry", nil, []string{"queue/"}},
	}
	before := a.all()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			text := a.refusal(http.StatusBadRequest, c.path, c.input)
			wantContains(t, text, c.want...)
			if strings.Contains(text, "\n") || len(text) > 400 {
				t.Errorf("this is more than a sentence: %s", text)
			}
			for _, never := range []string{"the-secret", adminKey, "raw-body-of-the-provider"} {
				if strings.Contains(text, never) {
					t.Errorf("%q must not be told, but it says: %s", never, text)
				}
			}
			if kind, _, _ := strings.Cut(c.path, "/"); slices.Contains([]string{"config", "roles", "static-roles"}, kind) {
				if after := a.read(c.path); !reflect.DeepEqual(after, before[c.path]) {
					t.Errorf("it left %v at %s, where %v was", after, c.path, before[c.path])
				}
			}
		})
	}
	if after := a.all(); !reflect.DeepEqual(before, after) {
		t.Errorf("bad input left something behind: %v, before it was %v", after, before)
	}
	if issued := a.sandbox.State().Counters.Issued; issued != 0 {
		t.Errorf("bad input made %d keys", issued)
	}
}

func mintsNothingAtABrokenProvider(t *testing.T, a *accepted) {
	a.write("config/main", data{"provider": "sandbox", "admin_key": adminKey, "base_url": a.url, "allowed_roles": "*"})
	a.write("config/dead", data{"provider": "sandbox", "admin_key": adminKey, "base_url": unreachable(), "allowed_roles": "*", "verify_connection": false})
	a.write("config/denied", data{"provider": "sandbox", "admin_key": "the-secret-wrong-key", "base_url": a.url, "allowed_roles": "*", "verify_connection": false})
	for _, name := range []string{"main", "dead", "denied"} {
		a.write("roles/"+name, data{"connection": name})
	}
	mints := sandbox.Match{Route: "POST /v1/keys"}
	cases := map[string]struct {
		role   string
		fault  *sandbox.Fault
		status int
		want   []string
	}{
		"not reachable":      {"dead", nil, http.StatusInternalServerError, []string{`connection "dead"`, "cannot be reached"}},
		"credential refused": {"denied", nil, http.StatusBadRequest, []string{`connection "denied"`, "401", "this key is not valid"}},
		"refuses the key": {"main", &sandbox.Fault{Kind: sandbox.Status, Status: 422, Body: `{"error":{"message":"no such scope"}}`, Match: mints},
			http.StatusBadRequest, []string{`connection "main"`, "422", "no such scope"}},
		"answers rubbish": {"main", &sandbox.Fault{Kind: sandbox.MalformedJSON, Match: mints},
			http.StatusInternalServerError, []string{"no key was handed out"}},
		"answers with a page": {"main", &sandbox.Fault{Kind: sandbox.Status, Status: 503, Body: "<html>raw-body-of-the-provider</html>", Match: mints},
			http.StatusInternalServerError, []string{"no key was handed out", "503"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.fault != nil {
				if err := a.sandbox.AddFault(*c.fault); err != nil {
					t.Fatal(err)
				}
			}
			text := a.refusal(c.status, "creds/"+c.role, nil)
			wantContains(t, text, c.want...)
			for _, never := range []string{"the-secret", adminKey, "raw-body-of-the-provider"} {
				if strings.Contains(text, never) {
					t.Errorf("%q must not be told, but it says: %s", never, text)
				}
			}
			if live := a.sandbox.LiveKeys(); len(live) != 0 {
				t.Errorf("a key is left at the provider: %+v", live)
			}
			for path := range a.all() {
				if strings.HasPrefix(path, "keys/") {
					t.Errorf("the ledger has %s", path)
				}
			}
		})
	}
}

func policiesTellCreateFromUpdate(t *testing.T, a *accepted) {
	a.write("config/main", data{"provider": "sandbox", "admin_key": adminKey, "base_url": a.url, "allowed_roles": "*"})
	a.write("roles/ci", data{"connection": "main"})

	newConnection := data{"provider": "sandbox", "admin_key": adminKey, "base_url": a.url}
	writes := map[string]struct {
		path  string
		input data
		needs string
	}{
		"a new connection":       {"config/new", newConnection, "create"},
		"a change of connection": {"config/main", data{"request_timeout": "10s"}, "update"},
		"a new role":             {"roles/new", data{"connection": "main"}, "create"},
		"a change of role":       {"roles/ci", data{"ttl": "5m"}, "update"},
		"a key with a ttl":       {"creds/ci", data{"ttl": "5m"}, "update"},
		"a new static role":      {"static-roles/new", data{"connection": "main"}, "create"},
		"a rotation":             {"rotate-root/main", nil, "update"},
	}
	for _, capability := range []string{"create", "update"} {
		client := a.clientThatMay(capability)
		for name, c := range writes {
			t.Run(capability+": "+name, func(t *testing.T) {
				_, err := client.Logical().WriteWithContext(t.Context(), a.mount+c.path, c.input)
				var response *api.ResponseError
				denied := errors.As(err, &response) && response.StatusCode == http.StatusForbidden
				if c.needs == capability && err != nil {
					t.Errorf("refused: %v", err)
				}
				if c.needs != capability && !denied {
					t.Errorf("got %v, want it denied", err)
				}
				for _, made := range []string{"config/new", "roles/new", "static-roles/new"} {
					if _, err := a.client.Logical().DeleteWithContext(t.Context(), a.mount+made); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// definitionsTakeSudo: who uploads one decides where admin credentials go.
func definitionsTakeSudo(t *testing.T, a *accepted) {
	upload := data{"definition": definitionOf(t, "mine")}
	most := a.clientThatMay("create", "read", "update", "patch", "delete", "list")
	for name, act := range map[string]func(*api.Client) error{
		"an upload": func(c *api.Client) error {
			_, err := c.Logical().WriteWithContext(t.Context(), a.mount+"definitions/mine", upload)
			return err
		},
		"a deletion": func(c *api.Client) error {
			_, err := c.Logical().DeleteWithContext(t.Context(), a.mount+"definitions/mine")
			return err
		},
		"a read": func(c *api.Client) error {
			_, err := c.Logical().ReadWithContext(t.Context(), a.mount+"definitions/mine")
			return err
		},
		"a list": func(c *api.Client) error {
			_, err := c.Logical().ListWithContext(t.Context(), a.mount+"definitions")
			return err
		},
	} {
		var response *api.ResponseError
		if err := act(most); !errors.As(err, &response) || response.StatusCode != http.StatusForbidden {
			t.Errorf("%s without sudo: got %v, want it denied", name, err)
		}
	}
	if _, err := most.Logical().ReadWithContext(t.Context(), a.mount+"providers/sandbox"); err != nil {
		t.Errorf("showing a provider takes sudo: %v", err)
	}
	sudo := a.clientThatMay("create", "update", "sudo")
	if _, err := sudo.Logical().WriteWithContext(t.Context(), a.mount+"definitions/mine", upload); err != nil {
		t.Errorf("an upload with sudo: %v", err)
	}
}

// listsAreReadInPages by both of Vault's ways to list, each with its own in a URL.
func listsAreReadInPages(t *testing.T, a *accepted) {
	a.write("config/main", data{"provider": "sandbox", "admin_key": adminKey, "base_url": a.url, "allowed_roles": "*"})
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		a.write("config/"+name, data{"provider": "sandbox", "admin_key": adminKey, "base_url": a.url})
		a.write("roles/"+name, data{"connection": "main"})
		a.write("static-roles/"+name, data{"connection": "main"})
		a.write("definitions/"+name, data{"definition": definitionOf(t, name)})
		if a.read("creds/"+name) == nil {
			t.Fatal("no key was handed out")
		}
	}
	if err := a.sandbox.AddFault(sandbox.Fault{Kind: sandbox.Status, Status: http.StatusForbidden, Count: new(int), Match: sandbox.Match{Method: http.MethodDelete}}); err != nil {
		t.Fatal(err)
	}
	if err := a.client.Sys().RevokePrefixWithContext(t.Context(), a.mount+"creds/a"); err == nil {
		t.Fatal("a revocation that the provider refuses succeeds")
	}
	for _, list := range []string{"config", "roles", "static-roles", "definitions", "providers", "keys", "queue"} {
		for _, way := range []struct{ method, query string }{{"LIST", "?"}, {http.MethodGet, "?list=true&"}} {
			t.Run(list+" by "+way.method, func(t *testing.T) {
				ask := func(query string) []string {
					status, names := a.listed(way.method, list+way.query+query)
					if known := map[int]bool{http.StatusOK: len(names) > 0, http.StatusNotFound: len(names) == 0}; !known[status] {
						t.Errorf("%s: status %d with %v", query, status, names)
					}
					return names
				}
				all := ask("")
				for query, want := range map[string][]string{
					"limit=0":                  all,
					"limit=1000":               all,
					"limit=1":                  all[:1],
					"limit=1&after=":           all[:1],
					"after=" + all[0]:          all[1:],
					"after=" + all[len(all)-1]: nil,
					"limit=2&after=" + strings.Repeat("0", 32): all[:min(2, len(all))],
					"limit=2&after=" + strings.Repeat("f", 32): after(all, strings.Repeat("f", 32), 2),
				} {
					if got := ask(query); !slices.Equal(got, want) {
						t.Errorf("%s: got %v, want %v", query, got, want)
					}
				}
				for _, bad := range []string{"limit=-1", "limit=many"} {
					if status, names := a.listed(way.method, list+way.query+bad); status != http.StatusBadRequest {
						t.Errorf("%s: status %d with %v", bad, status, names)
					}
				}
			})
		}
	}
}

// after is at most so many of the names behind one.
func after(names []string, last string, most int) []string {
	behind := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name <= last })
	return behind[:min(most, len(behind))]
}

// listed sends a request for a list, and returns the names in the answer.
func (a *accepted) listed(method, path string) (status int, names []string) {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), method, a.vault.Addr+"/v1/"+a.mount+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("X-Vault-Token", a.client.Token())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Data struct{ Keys []string } }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		a.t.Fatal(err)
	}
	return response.StatusCode, answer.Data.Keys
}

// numbersCrossTheBridgeWhole: on the way from Vault to its plugin a whole number
// above 2^53 becomes another one, so such a number is refused, and taken as text.
func numbersCrossTheBridgeWhole(t *testing.T, a *accepted) {
	const project, account = "9007199254740993", "-9223372036854775807"
	var asked struct {
		Project json.Number `json:"project"`
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
				t.Error(err)
			}
		}
		_, _ = io.WriteString(w, `{"id": "k1", "key": "secret-value", "account": `+account+`}`)
	}))
	t.Cleanup(web.Close)
	a.write("definitions/counting", data{"definition": `provider "counting" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  role "project" { type = number }
  auth "bearer" { token = connection.admin_key }
  check { get = "/me" }
  issue {
    post   = "/keys"
    json   = { project = role.project, name = key.name }
    id     = body.id
    secret = { api_key = body.key, account = body.account }
  }
  revoke { delete = "/keys/${key.id}" }
  list {
    get   = "/keys"
    items = []
    item  = { id = item.id, name = item.name }
  }
}`})
	a.write("config/count", data{"provider": "counting", "admin_key": "x", "base_url": web.URL, "allowed_roles": "*"})
	sentence := a.refusal(http.StatusBadRequest, "roles/big", data{"connection": "count", "project": json.Number(project)})
	wantContains(t, sentence, `"project"`, "write it as a string")
	a.write("roles/big", data{"connection": "count", "project": project})
	if got := a.read("roles/big").(map[string]any)["project"]; fmt.Sprint(got) != project {
		t.Errorf("the role reads project = %v, want %s", got, project)
	}
	got := a.read("creds/big").(map[string]any)["account"]
	if fmt.Sprint(got) != account {
		t.Errorf("the key has account = %v, want %s", got, account)
	}
	if asked.Project.String() != project {
		t.Errorf("the provider was asked for project %s, want %s", asked.Project, project)
	}
}

// clientThatMay has a token with these capabilities on the whole mount.
func (a *accepted) clientThatMay(capabilities ...string) *api.Client {
	a.t.Helper()
	capability := strings.Join(capabilities, "-")
	policy := `path "` + a.mount + `*" { capabilities = ["` + strings.Join(capabilities, `", "`) + `"] }`
	if err := a.client.Sys().PutPolicyWithContext(a.t.Context(), capability, policy); err != nil {
		a.t.Fatal(err)
	}
	secret, err := a.client.Auth().Token().CreateWithContext(a.t.Context(), &api.TokenCreateRequest{Policies: []string{capability}})
	if err != nil {
		a.t.Fatal(err)
	}
	return a.vault.NewClient(secret.Auth.ClientToken)
}
