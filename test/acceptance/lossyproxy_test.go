package acceptance

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// lossyProxy stands between the plugin and a server. It can lose the answer to
// a POST that the server has carried out, and can break down altogether.
type lossyProxy struct {
	URL  string
	lost chan int // status of each answer that was lost

	only  string                                  // the end of the paths whose answers can be lost
	mints func(r *http.Request, body string) bool // or which requests' answers, by more than that
	lose  atomic.Pointer[loss]
	down  atomic.Bool
}

// loss is what a client sees of an answer instead of the answer.
type loss func(w http.ResponseWriter, r *http.Request, answer *httptest.ResponseRecorder)

func newLossyProxy(t *testing.T, server string) *lossyProxy {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	p := &lossyProxy{lost: make(chan int, 10)}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case p.down.Load():
			reset(w, r, nil)
		case p.lose.Load() != nil && p.canLose(r):
			carriedOut := httptest.NewRecorder()
			forward.ServeHTTP(carriedOut, r)
			lose := p.lose.Swap(nil)
			p.lost <- carriedOut.Code
			(*lose)(w, r, carriedOut)
		default:
			forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	p.URL = front.URL
	return p
}

// canLose says whether the answer to a request is one of those that can be lost.
func (p *lossyProxy) canLose(r *http.Request) bool {
	if p.mints == nil {
		return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, p.only)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return p.mints(r, string(body))
}

// loseNext loses the answer to the next request that makes a key.
func (p *lossyProxy) loseNext(how loss) { p.lose.Store(&how) }

// reset ends the connection as a machine does that falls over.
func reset(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

// truncate ends the connection in the middle of the body.
func truncate(w http.ResponseWriter, _ *http.Request, answer *httptest.ResponseRecorder) {
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
	panic(http.ErrAbortHandler)
}

// hang says nothing until the client goes away.
func hang(_ http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// page answers a page for people, as gateways do.
func page(status int) loss {
	return func(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		w.Write([]byte("<html><body>Please stand by.</body></html>"))
	}
}
