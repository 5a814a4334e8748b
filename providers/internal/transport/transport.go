package transport

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Class says how often, and in which order, a request may be sent.
type Class int

const (
	Read   Class = iota // safe to repeat
	Mint                // never re-sent, unless nothing was sent or the answer was 429
	Revoke              // safe to repeat, and first in line
	Write               // as Mint
	Token               // safe to repeat, first in line, and never sent elsewhere
)

// repeatable reports whether sending a request of the class twice does no harm.
func (c Class) repeatable() bool { return c == Read || c == Revoke || c == Token }

// urgent reports whether a request of the class goes before others: a
// revocation does, and so does the token that one may be waiting for.
func (c Class) urgent() bool { return c == Revoke || c == Token }

const (
	// defaultTimeout bounds one exchange, from connecting to the body's last byte.
	defaultTimeout = 30 * time.Second
	// MaxAttempts bounds how often Do sends one request.
	MaxAttempts = 3
	// maxConnects bounds how often Do tries to connect: a Vault request is to
	// fail fast when a host is dead.
	maxConnects = 2
	// maxRedirects bounds how many redirects one request follows.
	maxRedirects = 5
	// UnstatedPause is waited where an answer says too many requests, and not
	// for how long.
	UnstatedPause = 2 * time.Second
	// patience is the longest Retry-After that Do waits out by itself.
	patience = 30 * time.Second
)

// Request is one HTTP request, as a definition's block describes it.
type Request struct {
	Op string // the block, for Error.Op
	// Class says what may be done when no answer comes.
	Class  Class
	Method string      // such as GET
	URL    *url.URL    // absolute
	Header http.Header // sent as it is, before Sign adds to it
	Body   []byte      // empty for none
	// Longest bounds the answer's body; 0 stands for maxBody.
	Longest int64
	// Throttled says of an answer that it means the provider's rate limit, beyond
	// what IsThrottled knows; nil where there is no more to know.
	Throttled func(*Response) bool
	// Sign adds the connection's credential; nil where there is none. It is
	// called for each attempt just before sending, so that a signature's time
	// is fresh, and again for a redirect's new address.
	Sign func(*http.Request, []byte) error
}

// Response is a provider's whole answer, its body unpacked and bounded.
type Response struct {
	Status int         // of HTTP
	Header http.Header // as it came, but for what tells of packing
	Body   []byte      // unpacked; nil where there is none
}

// Transport carries one connection's requests to its provider. It keeps to the
// provider's rate limit, retries what is safe to retry and stops asking a host
// that is down. It is safe for concurrent use.
type Transport struct {
	http    *http.Transport
	timeout time.Duration
	gate    *gate
	breaker *breaker
	jitter  func(what string, attempt int) float64
}

// Config says how one connection reaches its provider.
type Config struct {
	// Timeout bounds each request; 0 stands for 30 seconds.
	Timeout time.Duration
	// CACert, ClientCert and ClientKey are texts in PEM; all may be empty.
	CACert, ClientCert, ClientKey string
	// TLSServerName is the name that the server's certificate is held against;
	// empty for the host's.
	TLSServerName string
	// ProxyURL names a proxy; empty for the environment's.
	ProxyURL string
	// RequestsPerSecond is the provider's rate limit; 0 for none.
	RequestsPerSecond float64
	// Dial opens connections; nil is the network, by way of the environment's
	// proxy where there is one.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Jitter draws the random part of a pause, from 0 to 1, before the given
	// attempt at what is named; nil draws at random.
	Jitter func(what string, attempt int) float64
}

// New builds a transport. Its errors are the operator's mistakes; they
// name the setting and never quote it.
func New(s Config) (*Transport, error) {
	pool, err := newPool(s)
	if err != nil {
		return nil, err
	}
	t := &Transport{http: pool, timeout: s.Timeout, breaker: newBreaker(), jitter: s.Jitter}
	if t.timeout <= 0 {
		t.timeout = defaultTimeout
	}
	t.gate = newGate(s.RequestsPerSecond)
	return t, nil
}

// Close drops idle connections; exchanges under way come to their end.
func (t *Transport) Close() { t.http.CloseIdleConnections() }

// Do sends r and returns the provider's answer, whatever its status. A failure
// is of Kind Unreachable when nothing was sent, otherwise Unknown; only a
// failure of r.Sign keeps the Kind of its own, since it is about another request.
func (t *Transport) Do(ctx context.Context, r *Request) (*Response, *Failure) {
	var last *attempt
	target, hops, attempts := r.URL, 0, 0
	delays := t.newDelays(r.Method + " " + r.URL.Path)
	for {
		next, refused := t.tryOnce(ctx, r, target)
		if refused != nil {
			// Nothing went out this time, so what the last attempt came to still holds.
			if last != nil {
				return last.response, last.err
			}
			return nil, refused
		}
		last = next
		if to := redirect(r, target, last.response); to != nil && hops < maxRedirects {
			target, hops = to, hops+1
			continue
		}
		attempts++
		delay, again := retryDelay(r.Class, last, attempts, delays)
		if !again || !waitOut(ctx, delay) {
			return last.response, last.err
		}
	}
}

// tryOnce waits for r's turn and sends it once. Its *failure says why it was not
// even tried.
func (t *Transport) tryOnce(ctx context.Context, r *Request, target *url.URL) (*attempt, *Failure) {
	if t.breaker.open() {
		return nil, t.breaker.refusal(r.Op)
	}
	if after, ok := t.gate.awaitTurn(ctx, r.Class.urgent()); !ok {
		return nil, noRoom(ctx, r.Op, after)
	}
	out := newOutgoing(r, target)
	// Signing may call the provider for a token, so it comes before the breaker:
	// half open, that lets through a single request.
	if err := out.sign(ctx, r); err != nil {
		return nil, err
	}
	res, admitted := t.breaker.run(func() *attempt { return t.roundTrip(ctx, r, out) })
	if !admitted {
		return nil, t.breaker.refusal(r.Op)
	}
	if res.response != nil {
		res.throttled = r.IsThrottled(res.response)
		if res.throttled {
			t.gate.throttled(ThrottledPause(res.response, time.Now()))
		} else {
			t.gate.close(quotaReset(res.response.Header, time.Now()))
		}
	}
	return res, nil
}

// IsThrottled reports whether an answer says that there were too many requests,
// and so that nothing was done: 429, what the definition knows, or a 403 that
// tells when to come back or that no request is left.
func (r *Request) IsThrottled(a *Response) bool {
	switch {
	case a.Status == http.StatusTooManyRequests:
		return true
	case a.Status == http.StatusForbidden && (a.Header.Get("Retry-After") != "" || quotaSpent(a.Header)):
		return true
	}
	return r.Throttled != nil && r.Throttled(a)
}

// ThrottledPause is for how long such an answer asks everybody to stay away, or
// UnstatedPause where only the definition knows that it does.
func ThrottledPause(a *Response, now time.Time) time.Duration {
	asked := RetryAfter(a.Header, now)
	if asked == 0 && a.Status != http.StatusTooManyRequests {
		return UnstatedPause
	}
	return asked
}

// retryDelay says whether to send a request again, and after how long.
func retryDelay(class Class, last *attempt, attempts int, delays backoff.BackOff) (time.Duration, bool) {
	if attempts >= MaxAttempts {
		return 0, false
	}
	if last.response != nil {
		return responseDelay(class, last, delays)
	}
	if last.lasting || last.sent && !class.repeatable() || !last.sent && attempts >= maxConnects {
		return 0, false
	}
	return delays.NextBackOff(), true
}

// responseDelay is retryDelay for a request that was answered.
func responseDelay(class Class, last *attempt, delays backoff.BackOff) (time.Duration, bool) {
	a := last.response
	asked := RetryAfter(a.Header, time.Now())
	switch {
	case asked > patience:
		return 0, false
	case last.throttled:
		return 0, ThrottledPause(a, time.Now()) > 0 // the gate, paused by this answer, does the waiting
	case class.repeatable() && slices.Contains(passingStatuses, a.Status):
		return max(asked, delays.NextBackOff()), true
	default:
		return 0, false
	}
}

// passingStatuses are those that a moment later may be another.
var passingStatuses = []int{
	http.StatusInternalServerError,
	http.StatusBadGateway,
	http.StatusServiceUnavailable,
	http.StatusGatewayTimeout,
}

// newDelays are the pauses between attempts: about ½ s, 1 s, …, with jitter.
func (t *Transport) newDelays(what string) backoff.BackOff {
	factor := 0.5
	if t.jitter != nil {
		factor = 0
	}
	delays := backoff.NewExponentialBackOff()
	delays.InitialInterval, delays.Multiplier, delays.RandomizationFactor = 500*time.Millisecond, 2, factor
	if t.jitter == nil {
		return delays
	}
	return &drawnDelays{BackOff: delays, what: what, jitter: t.jitter}
}

// drawnDelays have their jitter drawn by the settings' own source.
type drawnDelays struct {
	backoff.BackOff
	what    string
	attempt int
	jitter  func(what string, attempt int) float64
}

// NextBackOff is half to one and a half of the plain pause.
func (d *drawnDelays) NextBackOff() time.Duration {
	d.attempt++
	plain := d.BackOff.NextBackOff()
	return plain/2 + time.Duration(d.jitter(d.what, d.attempt)*float64(plain))
}

// waitOut waits for d and reports true; where ctx ends before that, it reports
// false, and at once where that is known beforehand.
func waitOut(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// redirect is where an answer sends r to, or nil where it is not to be followed:
// only a read by GET is, and only within the same origin, because the request
// carries the connection's credential.
func redirect(r *Request, from *url.URL, a *Response) *url.URL {
	if a == nil || r.Method != http.MethodGet || r.Class != Read {
		return nil
	}
	switch a.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	location := a.Header.Get("Location")
	if location == "" {
		return nil
	}
	to, err := from.Parse(location)
	if err != nil || to.User != nil || !sameOrigin(from, to) {
		return nil
	}
	return to
}
