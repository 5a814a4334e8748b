package providers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/memnet"
)

var inBubble = memnet.InBubble

// network is where the fakes are, so that a test may run in a bubble's time.
var network memnet.Network

// fake is a provider whose answers a test scripts by "METHOD /path".
type fake struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]http.HandlerFunc
	// otherwise answers what nothing is scripted for; nil for 404.
	otherwise http.HandlerFunc
	calls     []string // "METHOD /path?query" in order
	bodies    []string
	headers   []http.Header
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{answers: map[string]http.HandlerFunc{}}
	f.Server = network.Serve(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.calls = append(f.calls, r.Method+" "+r.URL.RequestURI())
	f.bodies = append(f.bodies, string(body))
	f.headers = append(f.headers, r.Header)
	answer := f.answers[r.Method+" "+r.URL.EscapedPath()]
	f.mu.Unlock()
	if answer == nil {
		answer = f.otherwise
	}
	if answer == nil {
		http.Error(w, `{"error":"no such endpoint"}`, http.StatusNotFound)
		return
	}
	answer(w, r)
}

// on scripts the answer to one request.
func (f *fake) on(request string, status int, body any) {
	text, ok := body.(string)
	if !ok {
		encoded, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		text = string(encoded)
	}
	f.do(request, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	})
}

func (f *fake) do(request string, answer http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[request] = answer
}

// seen are the requests so far.
func (f *fake) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// last is the body and header of the latest request.
func (f *fake) last() (string, http.Header) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bodies[len(f.bodies)-1], f.headers[len(f.headers)-1]
}

// newFakeOf is a fake that answers every request alike.
func newFakeOf(t *testing.T, answer http.HandlerFunc) *fake {
	t.Helper()
	f := newFake(t)
	f.otherwise = answer
	return f
}

const adminKey = "admin-s3cret-value"

// noPause takes back the whole of a pause between two attempts.
func noPause(string, int) float64 { return -0.5 }

func (f *fake) client(t *testing.T, definition string, values Values) *Client {
	t.Helper()
	all := Values{"admin_key": adminKey}
	for name, value := range values {
		all[name] = value
	}
	c, err := NewClient(mustParse(t, definition), Settings{Values: all, BaseURL: f.URL + "/v1", Jitter: noPause, Dial: network.Dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// dropConnection drops the connection without an answer.
func dropConnection(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

type object = map[string]any
