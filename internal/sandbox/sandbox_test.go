package sandbox_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

const (
	admin   = "admin-secret"
	control = "control-token"
)

// box is a Server on the wire, with a clock of its own.
type box struct {
	*sandbox.Server
	t     *testing.T
	url   string
	clock atomic.Int64 // nanoseconds past the start
}

func start(t *testing.T) *box {
	t.Helper()
	b := &box{t: t}
	begin := time.Now()
	b.Server = sandbox.New(sandbox.Options{AdminKey: admin, ControlToken: control, Now: func() time.Time {
		return begin.Add(time.Duration(b.clock.Load()))
	}})
	web := httptest.NewServer(b.Server)
	b.url = web.URL
	t.Cleanup(web.Close)
	t.Cleanup(b.Close) // first, so that nothing hangs
	return b
}

func (b *box) advance(d time.Duration) { b.clock.Add(int64(d)) }

func (b *box) in(d time.Duration) string {
	return time.Now().Add(time.Duration(b.clock.Load()) + d).UTC().Format(time.RFC3339)
}

func (b *box) add(steps ...sandbox.Fault) {
	b.t.Helper()
	if err := b.AddFault(steps...); err != nil {
		b.t.Fatal(err)
	}
}

// reached is an answer as a client has read it.
type reached struct {
	status int
	header http.Header
	body   string
	json   map[string]any // nil when the body is not an object
	err    error          // of sending, or of reading the body
}

func (r reached) text(name string) string { s, _ := r.json[name].(string); return s }

func (r reached) message() string {
	e, _ := r.json["error"].(map[string]any)
	s, _ := e["message"].(string)
	return s
}

var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// do sends "METHOD /path" with a bearer and, unless it is empty, a JSON body.
func (b *box) do(bearer, request, body string) reached {
	b.t.Helper()
	return b.send(b.request(b.t.Context(), bearer, request, body))
}

func (b *box) request(ctx context.Context, bearer, request, body string) *http.Request {
	b.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	req, err := http.NewRequestWithContext(ctx, method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", "application/json")
	return req
}

func (b *box) send(req *http.Request) reached {
	resp, err := client.Do(req)
	if err != nil {
		return reached{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	r := reached{status: resp.StatusCode, header: resp.Header, body: string(body), err: err}
	if len(body) < 1<<20 { // more takes seconds under the race detector
		_ = json.Unmarshal(body, &r.json)
	}
	return r
}

// expect is do, and fails the test on another status.
func (b *box) expect(status int, bearer, request, body string) reached {
	b.t.Helper()
	r := b.do(bearer, request, body)
	if r.err != nil || r.status != status {
		b.t.Fatalf("%s gives %d %s (%v), want %d", request, r.status, r.body, r.err, status)
	}
	if status >= 400 && r.message() == "" {
		b.t.Errorf("%s answers %d without a message: %s", request, status, r.body)
	}
	return r
}

// mint makes a key and returns its id and secret.
func (b *box) mint(name string) (id, secret string) {
	b.t.Helper()
	r := b.expect(http.StatusCreated, admin, "POST /v1/keys", `{"name": "`+name+`"}`)
	return r.text("id"), r.text("key")
}

func (b *box) names(path string) []string {
	b.t.Helper()
	names := []string{}
	data, _ := b.expect(http.StatusOK, admin, "GET "+path, "").json["data"].([]any)
	for _, item := range data {
		names = append(names, item.(map[string]any)["name"].(string))
	}
	return names
}

func (b *box) live() []string {
	names := []string{}
	for _, key := range b.LiveKeys() {
		names = append(names, key.Name)
	}
	return names
}

// awaitWaiting waits until n requests are held up.
func (b *box) awaitWaiting(n int) {
	b.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for b.State().Waiting != n {
		if time.Now().After(deadline) {
			b.t.Fatalf("%d requests are held up, want %d", b.State().Waiting, n)
		}
		time.Sleep(time.Millisecond)
	}
}
