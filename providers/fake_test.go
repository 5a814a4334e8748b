package providers

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// fake is a provider whose answers a test scripts by "METHOD /path".
type fake struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]http.HandlerFunc
	calls   []string // "METHOD /path?query" in order
	bodies  []string
	headers []http.Header
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{answers: map[string]http.HandlerFunc{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
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

const adminKey = "admin-s3cret-value"

// noPause takes back the whole of a pause between two attempts.
func noPause(string, int) float64 { return -0.5 }

func (f *fake) client(t *testing.T, definition string, values Values) *Client {
	t.Helper()
	all := Values{"admin_key": adminKey}
	for name, value := range values {
		all[name] = value
	}
	c, err := NewClient(mustParse(t, definition), Settings{Values: all, BaseURL: f.URL + "/v1", Jitter: noPause})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// inMemoryClient is a client of a provider that is not on the network, for tests
// in virtual time.
func inMemoryClient(t *testing.T, definition string, answer http.HandlerFunc) *Client {
	t.Helper()
	c, err := NewClient(mustParse(t, definition), Settings{
		Values: Values{"admin_key": adminKey}, BaseURL: "http://localhost/v1",
		Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go serveInMemory(far, answer)
			return near, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func serveInMemory(conn net.Conn, answer http.HandlerFunc) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		recorder := httptest.NewRecorder()
		answer(recorder, request)
		response := recorder.Result()
		response.ContentLength = int64(recorder.Body.Len())
		if response.Write(conn) != nil {
			return
		}
	}
}

// dropConnection drops the connection without an answer.
func dropConnection(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

type object = map[string]any
