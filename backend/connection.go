package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-secure-stdlib/strutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/timetable"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// connectionPrefix is seal-wrapped: connections hold admin credentials.
const connectionPrefix = "config/"

// defaultRequestTimeout bounds one request to a provider where the connection
// does not say.
const defaultRequestTimeout = 30 * time.Second

// longestRequestTimeout keeps what is computed from a request's time within
// reason, whatever is stored.
const longestRequestTimeout = time.Hour

// Connection is one admin credential at one provider, with its settings.
type Connection struct {
	// Provider is the name of the definition, built-in or uploaded.
	Provider string `json:"provider"`
	// AllowedRoles may use the connection: names or globs; "*" is every role
	// and none at all is no role.
	AllowedRoles []string `json:"allowed_roles,omitempty"`
	// VerifyConnection makes each write check the credential at the provider
	// before it is stored.
	VerifyConnection bool `json:"verify_connection"`
	// BaseURL is where requests go; empty for the definition's own.
	BaseURL string `json:"base_url,omitempty"`
	// AllowHTTP lets BaseURL be plain http on a host other than this one.
	AllowHTTP bool `json:"allow_http,omitempty"`
	// RequestTimeout bounds one request; 0 means 30 seconds.
	RequestTimeout time.Duration `json:"request_timeout,omitempty"`
	// CACert are PEM certificates that are trusted in place of the system's; empty for
	// the system's.
	CACert string `json:"ca_cert,omitempty"`
	// ClientCert and ClientKey are the PEM pair that is shown to the provider; both
	// empty for none.
	ClientCert string `json:"client_cert,omitempty"`
	ClientKey  string `json:"client_key,omitempty"`
	// TLSServerName is the name that the provider's certificate must carry; empty for
	// the host of BaseURL.
	TLSServerName string `json:"tls_server_name,omitempty"`
	// ProxyURL is the proxy that requests go through; empty for the one that the
	// environment names, if any.
	ProxyURL string `json:"proxy_url,omitempty"`
	// RequestsPerSecond is how often the connection may call; 0 means the definition's
	// own limit.
	RequestsPerSecond float64 `json:"requests_per_second,omitempty"`
	// Schedule says when the admin credential is replaced.
	Schedule timetable.Schedule `json:"schedule,omitzero"`
	// CredentialExpiresAt is when the provider ends the admin credential that the
	// last rotation made; zero where it does not, or there was none.
	CredentialExpiresAt time.Time `json:"credential_expires_at,omitzero"`
	// Account stands for the admin credential that an operator wrote last: a
	// fingerprint of it, which a rotation leaves as it is. Empty in a connection
	// that an earlier version of the engine stored.
	Account string `json:"account,omitempty"`
	// CredentialName is the name at the provider of the admin credential that the
	// last rotation made; empty for one that was written by hand.
	CredentialName string `json:"credential_name,omitempty"`
	// Fields are the provider's own, as its definition declares them.
	Fields providers.Values `json:"fields,omitempty"`
}

func (c *Connection) settings() providers.Settings {
	return providers.Settings{
		Values:            c.Fields,
		BaseURL:           c.BaseURL,
		AllowHTTP:         c.AllowHTTP,
		Timeout:           c.requestTimeout(),
		CACert:            c.CACert,
		ClientCert:        c.ClientCert,
		ClientKey:         c.ClientKey,
		TLSServerName:     c.TLSServerName,
		ProxyURL:          c.ProxyURL,
		RequestsPerSecond: c.RequestsPerSecond,
	}
}

func (c *Connection) requestTimeout() time.Duration {
	if c.RequestTimeout > 0 {
		return min(c.RequestTimeout, longestRequestTimeout)
	}
	return defaultRequestTimeout
}

// longestMint bounds a whole mint, all its steps and retries together. Reconcile
// relies on it: no call of a former leader is in flight for longer.
func (c *Connection) longestMint() time.Duration { return 2 * c.requestTimeout() }

func (c *Connection) allows(role string) bool {
	return strutil.StrListContainsGlob(c.AllowedRoles, role)
}

// SaveOptions say how a connection is stored.
type SaveOptions struct {
	// Verify checks the credential at the provider first.
	Verify bool
	// Credential says that the writer has given every sensitive field anew, so
	// that it may be sent wherever the connection leads now.
	Credential bool
	// Force allows a change of provider, base URL or admin credential under which
	// live keys could no longer be revoked, or may not be, and one that sends a
	// credential elsewhere that a rotation made.
	Force bool
	// Warn is told what the writer should know; nil for nobody.
	Warn func(text string)
}

func (o SaveOptions) warn(format string, args ...any) {
	if o.Warn != nil {
		o.Warn(fmt.Sprintf(format, args...))
	}
}

// Connection reads a stored connection; nil when there is none.
func (e *Engine) Connection(ctx context.Context, s logical.Storage, name string) (*Connection, error) {
	return stored.Read[Connection](ctx, s, connectionPrefix+name)
}

// Connections lists the names of all connections.
func (e *Engine) Connections(ctx context.Context, s logical.Storage) ([]string, error) {
	return s.List(ctx, connectionPrefix)
}

// ChangeConnection has change alter the connection, a new one where there is
// none, checks it as the options that change answers ask, and stores it. No rotation
// comes in between, so that the credential stays the newest unless change replaces
// it. On any error the connection that was stored before is still there and in use.
func (e *Engine) ChangeConnection(ctx context.Context, s logical.Storage, name string, change func(*Connection) (SaveOptions, error)) error {
	unlock, err := e.locks.rotations.Lock(ctx, rootJobPrefix+name)
	if err != nil {
		return err
	}
	defer unlock()
	c, err := e.Connection(ctx, s, name)
	if err != nil {
		return err
	}
	if c == nil {
		c = &Connection{VerifyConnection: true}
	}
	o, err := change(c)
	if err == nil {
		err = e.saveConnection(ctx, s, name, c, o)
	}
	e.tellConnection(eventConnectionWritten, name, err)
	return err
}

// saveConnection checks and stores it for a caller that keeps rotations away.
func (e *Engine) saveConnection(ctx context.Context, s logical.Storage, name string, c *Connection, o SaveOptions) error {
	definition, err := e.Definition(ctx, s, c.Provider)
	if err != nil {
		return err
	}
	client, err := e.newClient(definition, c)
	if err != nil {
		return usererror.Errorf("%s", err)
	}
	defer client.Close()
	if err := c.Schedule.Validate(); err != nil {
		return err
	}
	if c.Schedule.Automatic() && !definition.Capabilities.RotateRoot {
		return usererror.Errorf("%s cannot replace its own admin credential; leave rotation_period and rotation_schedule out", definition.Title)
	}
	if c.Schedule.Automatic() && definition.Capabilities.RotateRevokesKeys {
		o.warn("%s ends keys with the admin credential that made them. A rotation that comes due waits, and last_error says so, for as long as somebody holds one; rotate-root/%s with force=true does not.", definition.Title, name)
	}
	before, err := e.Connection(ctx, s, name)
	if err != nil {
		return err
	}
	change := e.replaces(ctx, s, name, before, c, definition, client)
	if err := e.verifyConnection(ctx, s, name, before, c, change, client, o); err != nil {
		return err
	}
	defer e.locks.admissions.change(name)()
	if !o.Force {
		if err := e.refuseWhileInUse(ctx, s, change); err != nil {
			return err
		}
	}
	if err := e.setAccount(ctx, s, change, c, definition); err != nil {
		return err
	}
	return e.storeConnection(ctx, s, name, before, c, definition)
}

// verifyConnection refuses what must not be stored, and asks the provider. The
// credential is sent nowhere before it is certain that it may go there.
func (e *Engine) verifyConnection(ctx context.Context, s logical.Storage, name string, before, c *Connection, change *replacement, client *providers.Client, o SaveOptions) error {
	if err := e.refuseToFollow(ctx, s, name, before, c, o); err != nil {
		return err
	}
	if !o.Force && change != nil && change.moved {
		if err := e.refuseWhileInUse(ctx, s, change); err != nil {
			return err
		}
	}
	if o.Verify {
		if err := client.Check(ctx); err != nil {
			return usererror.Errorf("the connection was not stored, because the provider did not accept it: %s; correct it, or set verify_connection=false to store it unchecked", err)
		}
	}
	return e.askWhatItSees(ctx, s, change, o.Verify)
}

// storeConnection puts a connection in the place of the one before, and has all that
// goes by it follow.
func (e *Engine) storeConnection(ctx context.Context, s logical.Storage, name string, before, c *Connection, definition *providers.Definition) error {
	byHand := before == nil || before.Provider != c.Provider || !sameSecrets(definition.Connection, before.Fields, c.Fields)
	if byHand {
		c.CredentialName, c.CredentialExpiresAt = "", time.Time{}
	} else {
		c.CredentialName, c.CredentialExpiresAt = before.CredentialName, before.CredentialExpiresAt
	}
	// The timetable first: a rotation that finds no schedule does nothing.
	if err := e.scheduleRoot(ctx, s, name, before, c); err != nil {
		return err
	}
	err := stored.Write(ctx, s, connectionPrefix+name, c)
	e.ResetConnection(name) // a write that failed may have been carried out
	if err != nil {
		return fmt.Errorf("storing connection %q: %w", name, err)
	}
	if byHand {
		e.clients.unsaved.drop(name) // a rotation that is under way ends: what was written stays
		e.ResetConnection(name)
	}
	e.retryQueued(name)
	return e.urgeUnfinished(ctx, s, name)
}

// retryQueued has the queue try at once what could not be done with the connection
// as it was.
func (e *Engine) retryQueued(connection string) {
	e.books.queue.RetryAll(connection)
	e.triggerQueue()
}

// DeleteConnection removes a connection. While something is left to revoke it
// refuses unless forced, since without the connection nothing can. The admin
// credential stays at the provider; of one that nobody else knows, since a
// rotation made it, warn is told.
func (e *Engine) DeleteConnection(ctx context.Context, s logical.Storage, name string, o SaveOptions) error {
	// A rotation that finishes later would store the connection again.
	unlock, err := e.locks.rotations.Lock(ctx, rootJobPrefix+name)
	if err != nil {
		return err
	}
	defer unlock()
	defer e.locks.admissions.change(name)()
	if !o.Force {
		left, err := e.inUse(ctx, s, name, false)
		if err != nil {
			return err
		}
		if left != "" {
			return usererror.Errorf("connection %q has %s, which nothing could revoke without it; revoke its keys first (vault lease revoke -prefix), or repeat with force=true", name, left)
		}
	}
	c, err := e.Connection(ctx, s, name)
	if err != nil && !errors.Is(err, stored.ErrUnreadable) {
		return err
	}
	if err := s.Delete(ctx, connectionPrefix+name); err != nil {
		return fmt.Errorf("deleting connection %q: %w", name, err)
	}
	if c != nil && c.CredentialName != "" {
		o.warn("The admin credential %s, which a rotation made, still works at the provider and nobody knows it any more; remove it there.", c.CredentialName)
		e.log.Warn("a connection was deleted whose admin credential a rotation made; it still works at the provider", "connection", name, "credential", c.CredentialName)
	}
	e.ResetConnection(name)
	e.guard.lookout.forget(name)
	e.metrics.forgetConnection(name)
	e.tellConnection(eventConnectionDeleted, name, nil)
	return e.forgetRotation(ctx, s, name)
}

// CheckConnection asks the provider whether the connection's credential works.
func (e *Engine) CheckConnection(ctx context.Context, s logical.Storage, name string) error {
	bound, err := e.bound(ctx, s, name)
	if err != nil {
		return err
	}
	err = bound.client.Check(ctx)
	e.tellOutcome(eventChecked, "check/"+name, err, "name", name)
	if err != nil {
		return usererror.Errorf("connection %q does not work: %s", name, err)
	}
	return nil
}

// ResetByHand is ResetConnection for an operator.
func (e *Engine) ResetByHand(name string) {
	e.ResetConnection(name)
	e.tell(eventConnectionReset, "reset/"+name, false, "name", name)
}

// ResetConnection drops the cached client, so that the next use builds it anew
// from storage, with its breaker closed and its connections fresh.
func (e *Engine) ResetConnection(name string) {
	e.clients.connections.mu.Lock()
	bound := e.clients.connections.byName[name]
	delete(e.clients.connections.byName, name)
	e.clients.connections.mu.Unlock()
	if bound != nil {
		bound.client.Close()
	}
}

// boundConnection is a connection ready for use.
type boundConnection struct {
	name       string
	connection *Connection
	definition *providers.Definition
	client     *providers.Client
	// credential tells the admin credential from others, where keys end with it; else empty.
	credential string
}

// bound returns the connection with its cached client.
func (e *Engine) bound(ctx context.Context, s logical.Storage, name string) (*boundConnection, error) {
	e.clients.connections.mu.RLock()
	cached := e.clients.connections.byName[name]
	e.clients.connections.mu.RUnlock()
	if cached != nil {
		return cached, nil
	}
	e.clients.connections.mu.Lock()
	defer e.clients.connections.mu.Unlock()
	if cached := e.clients.connections.byName[name]; cached != nil {
		return cached, nil
	}
	built, err := e.bind(ctx, s, name)
	if err != nil {
		return nil, err
	}
	e.clients.connections.byName[name] = built
	return built, nil
}

func (e *Engine) bind(ctx context.Context, s logical.Storage, name string) (*boundConnection, error) {
	connection, err := e.Connection(ctx, s, name)
	if err != nil {
		return nil, err
	}
	if connection == nil {
		return nil, e.unknownConnection(ctx, s, name)
	}
	definition, err := e.Definition(ctx, s, connection.Provider)
	if err != nil {
		return nil, err
	}
	if connection.Account == "" { // stored by an earlier version of the engine
		if err := e.setAccount(ctx, s, nil, connection, definition); err != nil {
			return nil, err
		}
	}
	if unsaved := e.clients.unsaved.get(name); unsaved != nil {
		connection = connection.rotated(unsaved)
	}
	client, err := e.newClient(definition, connection)
	if err != nil {
		return nil, usererror.Errorf("connection %q cannot be used: %s", name, err)
	}
	built := &boundConnection{name: name, connection: connection, definition: definition, client: client}
	if definition.Capabilities.RotateRevokesKeys {
		if built.credential, err = e.credentialOf(ctx, s, connection, definition); err != nil {
			return nil, err
		}
	}
	return built, nil
}

func (e *Engine) unknownConnection(ctx context.Context, s logical.Storage, name string) error {
	names, err := e.Connections(ctx, s)
	if err != nil {
		return err
	}
	return usererror.Errorf("there is no connection %q; %s", name, instead(name, names, "write config/"+name+" first"))
}
