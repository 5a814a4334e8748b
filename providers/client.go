package providers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/auth"
	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// Settings are one connection to a provider.
type Settings struct {
	// Values are the connection's fields, as Fields.Merge left them.
	Values Values
	// BaseURL replaces the definition's; it is required where that has none.
	BaseURL string
	// AllowHTTP permits http:// to hosts other than loopback.
	AllowHTTP bool
	// Timeout bounds each request; 0 stands for 30 seconds.
	Timeout time.Duration
	// CACert, ClientCert and ClientKey are PEM texts; all may be empty.
	CACert, ClientCert, ClientKey string
	// TLSServerName is the name that the server's certificate is held against; empty
	// for the host's.
	TLSServerName string
	// ProxyURL names a proxy; empty for the environment's.
	ProxyURL string
	// RequestsPerSecond replaces the definition's limit; 0 keeps it.
	RequestsPerSecond float64

	// Dial opens connections; nil is the network, by way of the environment's
	// proxy where there is one.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now tells the time that requests and signatures carry; nil is time.Now.
	Now func() time.Time
	// Nonce makes the texts that signatures carry and that are used once; nil draws
	// at random.
	Nonce func() string
	// Seed is what derived_password makes its results of; without one, definitions
	// that call it fail. It is as secret as what they make.
	Seed []byte
	// Jitter draws the random part of a pause, from 0 to 1, before the given
	// attempt at what is named; nil draws at random.
	Jitter func(what string, attempt int) float64
}

// transport says how the connection reaches its provider.
func (s Settings) transport(limits Limits) transport.Config {
	perSecond := s.RequestsPerSecond
	if perSecond <= 0 {
		perSecond = limits.RequestsPerSecond
	}
	return transport.Config{
		Timeout: s.Timeout,
		CACert:  expr.PlainPEM(s.CACert), ClientCert: expr.PlainPEM(s.ClientCert), ClientKey: expr.PlainPEM(s.ClientKey),
		TLSServerName: s.TLSServerName, ProxyURL: s.ProxyURL,
		RequestsPerSecond: perSecond, Dial: s.Dial, Jitter: s.Jitter,
	}
}

// Client carries out a definition's requests with one connection's credential.
// It is safe for concurrent use. All its errors are *Error, unless a method
// says otherwise.
type Client struct {
	def       *Definition
	transport *transport.Transport
	base      *url.URL
	shownURL  string // base, without the secrets that it may hold
	allowHTTP bool
	fields    Values            // of the connection
	static    expr.Scope        // connection.* alone
	noRole    cty.Value         // role.* where no field of it has a value
	noSecret  cty.Value         // secret.* of a key whose secret is not kept
	auth      []auth.Authorizer // of the provider, made once

	now   func() time.Time
	nonce func() string
	clock auth.Clock

	listings sharedListings

	mu      sync.Mutex
	secrets expr.Secrets
	tokens  []string // those seen last, which no error may hold either
}

// NewClient prepares a client. Its error is the operator's mistake: a bad
// base_url, certificate, proxy or credential; it quotes no secret.
func NewClient(d *Definition, s Settings) (_ *Client, err error) {
	defer rescue("connect", &err)
	c := &Client{def: d, fields: field.WithDefaults(d.Connection, s.Values), allowHTTP: s.AllowHTTP, now: time.Now, nonce: rand.Text}
	if s.Now != nil {
		c.now = s.Now
	}
	if s.Nonce != nil {
		c.nonce = s.Nonce
	}
	c.clock.Now = func() time.Time { return c.now() }
	connection, err := field.FieldsValue(d.Connection, c.fields)
	if err != nil {
		return nil, fmt.Errorf("connection field %w", err)
	}
	if c.noRole, err = field.FieldsValue(d.Role, nil); err != nil {
		return nil, fmt.Errorf("role field %w", err)
	}
	c.noSecret = expr.ValuesObject(nil, d.Required.SecretFields, true)
	c.static = expr.Scope{}.With("connection", connection).At(func() time.Time { return c.now() }, s.Seed)
	c.secrets.AddMarked(connection)
	if c.base, err = d.ResolveBase(s.BaseURL, s.AllowHTTP, c.static); err != nil {
		return nil, err
	}
	c.static = c.static.With("base_url", c.address())
	if c.transport, err = transport.New(s.transport(d.Limits)); err != nil {
		return nil, err
	}
	if c.auth, err = c.authorizers(d.Auth, c.static.Gathering(&c.secrets)); err != nil {
		c.Close()
		return nil, err
	}
	c.shownURL = c.known().Redact(c.base.String())
	return c, nil
}

// Destinations are where a connection's credential goes, sorted: the base URL,
// each token_url, and each other host that a request names. Two spellings of one
// address are equal. The error is as that of NewClient.
func Destinations(d *Definition, s Settings) (_ []string, err error) {
	defer rescue("connect", &err)
	connection, err := field.FieldsValue(d.Connection, field.WithDefaults(d.Connection, s.Values))
	if err != nil {
		return nil, err
	}
	names := expr.Scope{}.With("connection", connection)
	base, err := d.ResolveBase(s.BaseURL, s.AllowHTTP, names)
	if err != nil {
		return nil, err
	}
	return d.Destinations(base, names), nil
}

// BaseURL is where the client's requests go: the connection's own base URL, or
// what the definition makes of its fields. It holds no secret,
// even where the provider wants one in its address.
func (c *Client) BaseURL() string { return c.shownURL }

// address is base_url, without a slash at its end; a secret where it holds one.
func (c *Client) address() cty.Value {
	address := cty.StringVal(strings.TrimSuffix(c.base.String(), "/"))
	if c.secrets.Within(c.base.String()) {
		return expr.Sensitive(address)
	}
	return address
}

// Close ends idle connections; calls under way are not disturbed.
func (c *Client) Close() { c.transport.Close() }

// authorizers are those that sign what auth blocks are for.
func (c *Client) authorizers(uses []*definition.AuthUse, s expr.Scope) ([]auth.Authorizer, error) {
	bound := make([]auth.Bound, len(uses))
	for i, use := range uses {
		bound[i] = auth.Bound{Block: use.Block}
		if use.Request != nil {
			bound[i].Login = c.login(use.Request)
		}
	}
	return auth.Authorizers(bound, s, c.authEnv())
}

// login makes the request by which an auth block gets its token.
func (c *Client) login(request *definition.Call) auth.Login {
	return func(ctx context.Context, s expr.Scope) (expr.Scope, *transport.Failure) {
		got, failed := c.call(ctx, request, s.Gathering(c.known()), transport.Token)
		if failed != nil {
			return expr.Scope{}, failureOf(failed)
		}
		return got.scope, nil
	}
}

func (c *Client) authEnv() auth.Env {
	return auth.Env{
		Do:        c.transport.Do,
		Base:      c.base,
		AllowHTTP: c.allowHTTP,
		Remember:  c.remember,
		Now:       func() time.Time { return c.now() },
		Clock:     &c.clock,
		Nonce:     func() string { return c.nonce() },
	}
}

// mostTokens bounds how many tokens are remembered: a connection sees a new one
// every few minutes, for months.
const mostTokens = 32

// remember adds to the passing texts that no error may hold.
func (c *Client) remember(texts ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range texts {
		if len(text) >= expr.ShortestSecret && !slices.Contains(c.tokens, text) {
			c.tokens = append(c.tokens, text)
		}
	}
	c.tokens = c.tokens[max(0, len(c.tokens)-mostTokens):]
}

// remembered are the passing texts at this moment.
func (c *Client) remembered() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.tokens)
}

// operationScope is the scope of one operation, which gathers the secrets that it sees.
func (c *Client) operationScope() expr.Scope { return c.static.Gathering(c.known()) }

// known are the secret texts so far, for one operation to add to.
func (c *Client) known() *expr.Secrets {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &expr.Secrets{Texts: slices.Clone(c.secrets.Texts), Passing: c.remembered}
}

// Check makes the read that only a working credential can do. Without a check
// block it does nothing.
func (c *Client) Check(ctx context.Context) (err error) {
	defer rescue("check", &err)
	if c.def.Check == nil {
		return nil
	}
	if _, err := c.call(ctx, c.def.Check, c.operationScope(), transport.Read); err != nil {
		return err
	}
	return nil
}

// Extend moves the provider-side end of a key and returns what it was granted.
// A later step that fails leaves the key with its old end, or with an unknown one.
func (c *Client) Extend(ctx context.Context, h Handle, until time.Time, ttl time.Duration) (_ ActualExpiry, err error) {
	defer rescue("extend", &err)
	block := c.def.Extend
	if block == nil {
		return ActualExpiry{}, unsupported("extend")
	}
	s, err := c.handleScope(h, expr.Key{ExpiresAt: until, TTL: ttl}, c.def.Required.Saved, c.known())
	if err != nil {
		return ActualExpiry{}, notSent("extend", err)
	}
	q := c.newStepRunner(block.Calls, s)
	for _, step := range block.Calls {
		outcome, failed := q.run(ctx, step, q.class(step, transport.Write))
		switch {
		case failed != nil:
			return ActualExpiry{}, failed
		case outcome == stepGone:
			return ActualExpiry{}, &Error{Op: "extend", Kind: Refused, Message: "the key is gone"}
		}
	}
	granted, err := readActualExpiry(block.Grant, q.strictly())
	granted.ahead = q.ahead
	if err == nil && !granted.told && !c.def.ExtendsByTime() {
		err = errors.New("the answer does not tell the new end")
	}
	if err != nil {
		return ActualExpiry{}, q.unusable("extend", err)
	}
	return granted, nil
}

// Probe asks whether the key itself works. The connection's credential is not
// sent with it. An answer that is neither alive nor dead is Unclear without
// an error.
func (c *Client) Probe(ctx context.Context, secret Values) (Liveness, error) {
	return c.ProbeKept(ctx, Handle{Secret: secret})
}

// ProbeKept is Probe for the key of a handle that keeps what the probe needs of it. The
// key is asked where it was made: the connection fields that the handle keeps stand before
// those that the connection has by now.
func (c *Client) ProbeKept(ctx context.Context, h Handle) (_ Liveness, err error) {
	defer rescue("probe", &err)
	block := c.def.Probe
	if block == nil {
		return Unclear, unsupported("probe")
	}
	s, err := c.parameterScope(nil, h.Connection)
	if err != nil {
		return Unclear, notSent("probe", err)
	}
	s = s.Gathering(c.known()).With("secret", expr.ValuesObject(h.Secret, c.def.Required.SecretFields, true))
	s.Conceal(s.Names["secret"])
	got, failed := c.send(ctx, block.Call, s, transport.Read)
	if failed != nil {
		return Unclear, failed
	}
	switch {
	case got.throttled:
		return Unclear, c.judge(block.Call, got)
	case got.says(block.Dead), block.Dead == nil && got.status == http.StatusUnauthorized:
		return Dead, nil
	case saysAlive(block, got, c.judge(block.Call, got) == nil):
		return Alive, nil
	}
	return Unclear, nil
}

// saysAlive computes the condition for a living key; where the definition has none,
// otherwise is the answer. One that cannot be computed does not hold.
func saysAlive(b *definition.ProbeBlock, got *evaluated, otherwise bool) bool {
	if b.Alive == nil {
		return otherwise
	}
	yes, err := got.scope.Matches(b.Alive, got.status)
	return err == nil && yes
}

// handleScope is what the requests for an existing key may mention. The
// parameters that the handle keeps stand before the connection's own, so that
// the key is found where it was made.
func (c *Client) handleScope(h Handle, key expr.Key, saved expr.References, secrets *expr.Secrets) (expr.Scope, error) {
	names, err := c.parameters(h.Role, h.Connection)
	if err != nil {
		return expr.Scope{}, err
	}
	key.Name, key.ID, key.SecretID = h.Name, h.ID, h.Sealed
	names["key"] = key.Value()
	names["saved"] = expr.ValuesObject(h.Saved, saved, h.Sealed)
	names["secret"] = c.noSecret
	if len(h.Secret) > 0 {
		names["secret"] = expr.ValuesObject(h.Secret, c.def.Required.SecretFields, true)
	}
	s := c.static.WithAll(names).Gathering(secrets).Metered(context.Background(), 0)
	if h.Sealed || len(h.Secret) > 0 {
		for _, name := range []string{"key", "saved", "secret"} {
			s.Conceal(names[name])
		}
	}
	return s, nil
}

// parameterScope is connection.* and role.* with the given parameters.
func (c *Client) parameterScope(role, connection Values) (expr.Scope, error) {
	names, err := c.parameters(role, connection)
	if err != nil {
		return expr.Scope{}, err
	}
	return c.static.WithAll(names), nil
}

// parameters are role, and connection where it is not the client's own, to be added to.
func (c *Client) parameters(role, connection Values) (map[string]cty.Value, error) {
	names := map[string]cty.Value{"role": c.noRole}
	if len(role) > 0 {
		value, err := field.FieldsValue(c.def.Role, role)
		if err != nil {
			return nil, fmt.Errorf("role field %w", err)
		}
		names["role"] = value
	}
	if len(connection) == 0 {
		return names, nil
	}
	merged := Values{}
	for name, value := range c.fields {
		merged[name] = value
	}
	for name, value := range connection {
		if field := c.def.Connection.Lookup(name); field != nil && !field.Sensitive {
			merged[name] = value
		}
	}
	value, err := field.FieldsValue(c.def.Connection, merged)
	if err != nil {
		return nil, fmt.Errorf("connection field %w", err)
	}
	names["connection"] = value
	return names, nil
}

// unsupported is the error of an operation that the definition lacks.
func unsupported(op string) *Error {
	return &Error{Op: op, Kind: Refused, Message: "the definition has no " + op + " block"}
}

// notSent is the error of a request that could not be written.
func notSent(op string, err error) *Error {
	return &Error{Op: op, Kind: Refused, Message: err.Error(), Err: err}
}
