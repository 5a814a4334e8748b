package transport

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"
)

// maxBody bounds an answer's body, both as sent and as unpacked; lists have a
// bound of their own.
const maxBody = 4 << 20

const userAgent = "vault-plugin-secrets-apikeys"

// attempt is what sending a request once came to: an answer, or an error and what it means
// for trying again.
type attempt struct {
	response *Response
	// throttled says that the answer is about the number of requests.
	throttled bool
	err       *Failure
	// sent says that some of the request may have reached the provider.
	sent bool
	// lasting says that trying again soon would end the same way.
	lasting bool
	// health is what the attempt says of the host's health.
	health health
}

// outgoing is a request made ready for one attempt.
type outgoing struct{ http *http.Request }

// newOutgoing copies r, so that signing one attempt leaves no trace in the next.
func newOutgoing(r *Request, target *url.URL) *outgoing {
	address := *target
	header := r.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("User-Agent") == "" {
		header.Set("User-Agent", userAgent)
	}
	if header.Get("Accept-Encoding") == "" {
		// Asked for here rather than by net/http, whose unpacking bounds nothing.
		header.Set("Accept-Encoding", "gzip")
	}
	req := &http.Request{
		Method: r.Method, URL: &address, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(r.Body) > 0 {
		req.ContentLength = int64(len(r.Body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
		req.Body, _ = req.GetBody() // never fails
	}
	return &outgoing{req}
}

// sign adds the credential. Its error is about a request that was never sent,
// so an unknown outcome of signing is none of the request itself.
func (o *outgoing) sign(ctx context.Context, r *Request) *Failure {
	if r.Sign == nil {
		return nil
	}
	o.http = o.http.WithContext(ctx)
	err := r.Sign(o.http, r.Body)
	if err == nil {
		return nil
	}
	var known *Failure
	if !errors.As(err, &known) {
		// Not quoted: its text is not ours and may hold the credential.
		return &Failure{Op: r.Op, Kind: Unreachable, Message: "the request could not be signed with the connection's credential", Err: ctx.Err()}
	}
	failed := *known
	failed.Op = r.Op
	if failed.Kind == Unknown {
		failed.Kind = Unreachable
	}
	return &failed
}

// forbidResend keeps net/http from silently sending the request a second time
// over HTTP/1 after it wrote some of it to a connection that turned out dead.
// It does so for requests that it takes to be idempotent.
func (o *outgoing) forbidResend() {
	// A key under another spelling is the same header to the provider and an
	// unknown one to net/http.
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := o.http.Header[name]; ok {
			delete(o.http.Header, name)
			o.http.Header[strings.ToLower(name)] = values
		}
	}
	switch o.http.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		// A body that cannot be had twice, even an empty one, is not re-sent.
		if o.http.Body == nil {
			o.http.Body = io.NopCloser(bytes.NewReader(nil))
		}
		o.http.GetBody = nil
	}
}

var (
	errAttemptTimeout = errors.New("the attempt's own time is up")
	errResend         = errors.New("the request must not be sent twice")
)

// roundTrip sends out once and reads the whole answer.
func (t *Transport) roundTrip(ctx context.Context, r *Request, out *outgoing) *attempt {
	began := time.Now()
	abortable, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	attemptCtx, stop := context.WithTimeoutCause(abortable, t.timeout, errAttemptTimeout)
	defer stop()

	steps := &requestTrace{abort: abort}
	if !r.Class.repeatable() {
		out.forbidResend()
		steps.once = true
	}
	req := out.http.WithContext(httptrace.WithClientTrace(attemptCtx, steps.hooks()))

	res, err := t.http.RoundTrip(req)
	if err != nil {
		return t.failed(ctx, attemptCtx, r, steps, err, time.Since(began))
	}
	defer res.Body.Close()
	a, err := readResponse(res, max(r.Longest, maxBody))
	if err != nil {
		lost := t.failed(ctx, attemptCtx, r, steps, err, time.Since(began))
		lost.err.Status = res.StatusCode
		return lost
	}
	return concluded(a)
}

// concluded judges the host's health by an answer.
func concluded(a *Response) *attempt {
	out := &attempt{response: a, sent: true}
	if a.Status >= 500 {
		out.health = health{ill: true, cause: "the provider answered status " + StatusText(a.Status)}
	}
	return out
}

// failed is the result of an attempt that ended without a whole answer.
func (t *Transport) failed(ctx, attemptCtx context.Context, r *Request, steps *requestTrace, err error, took time.Duration) *attempt {
	sent := steps.sent() && !refusedByTLS(err, steps)
	out := &attempt{sent: sent, health: health{ill: true}}
	// Only an end of time is kept as the cause: other errors' texts may hold
	// parts of the answer.
	var message string
	var cause error
	switch {
	case ctx.Err() != nil:
		cause = context.Cause(ctx)
		message = callerGone(ctx, took)
		out.lasting = true
		// A caller who left says nothing of the host, unless it was kept waiting for long.
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) || took < dialTimeout {
			out.health = health{none: true}
		}
	case attemptCtx.Err() != nil:
		cause = context.Cause(attemptCtx)
		message = attemptGone(cause, t.timeout)
		out.lasting = errors.Is(cause, errResend) || !sent
	default:
		message = explain(err)
		out.lasting = lasting(err) || !sent && isTimeout(err)
		if unusable(err) {
			out.health = health{} // the host is well enough to answer
		}
	}
	if out.health.ill {
		out.health.cause = message
	}
	kind := Unknown
	if !sent {
		kind = Unreachable
	}
	out.err = &Failure{Op: r.Op, Kind: kind, Message: message, Err: cause}
	return out
}

// errNotGzip says that a body claims to be gzip and is not.
var errNotGzip = errors.New("the body is not valid gzip")

// readResponse reads a whole answer, its body bounded before and after unpacking:
// a few bytes may unpack to gigabytes, and endless ones to nothing.
func readResponse(res *http.Response, longest int64) (*Response, error) {
	a := &Response{Status: res.StatusCode, Header: res.Header}
	if res.ContentLength > longest {
		return nil, &http.MaxBytesError{Limit: longest}
	}
	var body io.Reader = http.MaxBytesReader(nil, res.Body, longest)
	packed := strings.EqualFold(res.Header.Get("Content-Encoding"), "gzip")
	if packed {
		a.Header = a.Header.Clone()
		a.Header.Del("Content-Encoding")
		a.Header.Del("Content-Length")
		unpacked, err := gzip.NewReader(body)
		if errors.Is(err, io.EOF) {
			return a, nil // nothing at all, as with 204
		}
		if err != nil {
			return nil, gzipError(err)
		}
		body = http.MaxBytesReader(nil, unpacked, longest)
	}
	var err error
	if a.Body, err = io.ReadAll(body); err == nil {
		return a, nil
	}
	if packed {
		err = gzipError(err)
	}
	return nil, err
}

// requestTrace follows one attempt through net/http, to know for certain whether any
// of it may have been sent.
type requestTrace struct {
	// once says that net/http must not send the request again by itself; abort
	// is how to stop it.
	once  bool
	abort context.CancelCauseFunc

	mu        sync.Mutex
	connected bool // a connection has the request
	reused    bool // that connection has carried others
	h2        bool // it speaks HTTP/2
	wroteH2   bool // HTTP/2 headers went out
}

func (s *requestTrace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { s.search() },
		GotConn:      s.connect,
		WroteHeaders: s.wrote,
	}
}

// search is called when net/http looks for a connection. If it had one before,
// then over HTTP/1 it wrote nothing there.
func (s *requestTrace) search() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected = false
	s.stopResend()
}

// connect is called when a connection takes the request.
func (s *requestTrace) connect(info httptrace.GotConnInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopResend()
	s.connected, s.reused = true, info.Reused
	conn, ok := info.Conn.(*tls.Conn)
	s.h2 = ok && conn.ConnectionState().NegotiatedProtocol == "h2"
}

func (s *requestTrace) wrote() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wroteH2 = s.wroteH2 || s.h2
}

// stopResend ends the attempt when net/http turns to a connection although the
// request went out before: over HTTP/2 it repeats any method that the server
// reset, and a server's reset is no proof that it did nothing. The HTTP/2
// client looks at its context before it writes, so ending it here is in time.
func (s *requestTrace) stopResend() {
	if s.once && s.wroteH2 {
		s.abort(errResend)
	}
}

// sent reports whether some of the request may have been sent. Having a
// connection counts, since writing goes on beside us.
func (s *requestTrace) sent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected || s.wroteH2
}

// firstOnConnection reports whether the request was the first on its connection.
func (s *requestTrace) firstOnConnection() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected && !s.reused
}

// sameOrigin reports whether two addresses share scheme, host and port.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(hostPort(a), hostPort(b))
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
