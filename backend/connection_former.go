package backend

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

// origin is that of what the site makes.
func (s *boundConnection) origin() origin.Origin {
	return origin.Origin{
		Connection: s.name,
		Provider:   s.definition.Name,
		Definition: s.definition.Hash(),
		BaseURL:    s.client.BaseURL(),
		Account:    s.connection.Account,
	}
}

func sameValues(fields providers.Fields, a, b providers.Values) bool {
	return !slices.ContainsFunc(fields, func(f *providers.Field) bool { return !reflect.DeepEqual(a[f.Name], b[f.Name]) })
}

// setAccount notes whose credential the connection has. One that is as it was
// keeps its account, and so does one that was shown what that account made: a
// rotation changes the credential and not whose it is.
func (e *Engine) setAccount(ctx context.Context, s logical.Storage, change *replacement, c *Connection, definition *providers.Definition) error {
	if change != nil && change.before.Provider == c.Provider && (change.seen || sameValues(definition.CredentialFields(), change.before.Fields, c.Fields)) {
		if bound, err := e.bound(ctx, s, change.name); err == nil {
			c.Account = bound.connection.Account // also where none is stored
			return nil
		}
		if c.Account = change.before.Account; c.Account != "" {
			return nil
		}
	}
	account, err := e.credentialOf(ctx, s, c, definition)
	c.Account = account
	return err
}

// credentialOf tells a connection's admin credential from others, without telling it.
func (e *Engine) credentialOf(ctx context.Context, s logical.Storage, c *Connection, definition *providers.Definition) (string, error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return "", err
	}
	return mount.AccountOf(definition.CredentialFields(), c.Fields)
}

// way is a connection by which something of an origin may be ended.
type way struct {
	*boundConnection
	// doubts are why its word is not that of what made the thing.
	doubts []string
	// elsewhere says that it leads to another address. An id means something else
	// there: only what is found there by its name may be touched.
	elsewhere bool
	// corrected says that its definition came after the one that made the thing,
	// and cannot be asked the same: only what it deletes counts.
	corrected bool
}

// errElsewhere means that a connection no longer leads to what made something.
var errElsewhere error = lasting{errors.New("the connection leads to another place than that where it was made")}

// lasting is a failure that trying again does not mend, before an operator changes
// something.
type lasting struct{ error }

// Lasting has the queue try seldom.
func (lasting) Lasting() {}

// waysTo are the ways to end what is of an origin, best first: by the definition
// that made it, then by the one in use, should that be a correction. There is at
// least one; release must be called after use.
func (e *Engine) waysTo(ctx context.Context, s logical.Storage, of origin.Origin) (ways []way, release func(), err error) {
	current, err := e.bound(ctx, s, of.Connection)
	if err == nil && of.Provider != "" && of.Provider != current.definition.Name {
		return nil, nil, fmt.Errorf("%w: provider %q made it, and connection %q now belongs to %q; change that back, or end it there by hand", errElsewhere, of.Provider, of.Connection, current.definition.Name)
	}
	if err == nil && (of.Definition == "" || of.Definition == current.definition.Hash()) {
		return []way{current.wayTo(of, false)}, func() {}, nil
	}
	former, formerErr := e.formerBound(ctx, s, of, current)
	release = func() {}
	if former != nil {
		ways, release = append(ways, former.wayTo(of, false)), former.client.Close
	}
	if err == nil {
		ways = append(ways, current.wayTo(of, true))
	}
	if len(ways) == 0 {
		return nil, nil, errors.Join(err, formerErr)
	}
	return ways, release, nil
}

// probesAsMade reports whether a key that is tried this way is asked as it would have been
// when it was made: by the same definition, at the same address, with the same of the
// connection's fields. Which admin credential the connection has is nothing to the key.
func (w way) probesAsMade(r *ledger.Record) bool {
	then, now := r.Origin(), w.origin()
	return len(w.doubts) == 0 ||
		then.Definition == now.Definition && origin.SameAddress(then.BaseURL, now.BaseURL) && w.client.ProbesWhereMade(r.Handle)
}

func (s *boundConnection) wayTo(of origin.Origin, corrected bool) way {
	return way{
		boundConnection: s,
		doubts:          of.Doubts(s.origin()),
		elsewhere:       of.BaseURL != "" && !origin.SameAddress(of.BaseURL, s.client.BaseURL()),
		corrected:       corrected,
	}
}

// wayTo is the best of the ways that lead to where the thing was made. release
// must be called after use.
func (e *Engine) wayTo(ctx context.Context, s logical.Storage, of origin.Origin) (way, func(), error) {
	ways, release, err := e.waysTo(ctx, s, of)
	if err != nil {
		return way{}, nil, err
	}
	for _, w := range ways {
		if !w.elsewhere {
			return w, release, nil
		}
	}
	release()
	return way{}, nil, fmt.Errorf("%w: that was %s, and connection %q now leads to %s; change that back, or end it there by hand", errElsewhere, of.BaseURL, of.Connection, ways[0].client.BaseURL())
}

// boundFor is the connection as what was made needs it: with the definition that
// made it, where that was made. release must be called after use.
func (e *Engine) boundFor(ctx context.Context, s logical.Storage, of origin.Origin) (found *boundConnection, release func(), err error) {
	w, release, err := e.wayTo(ctx, s, of)
	return w.boundConnection, release, err
}

// formerBound is the connection with a definition that is no longer in use there;
// nil when that, or the connection, is gone, or the two no longer fit. current is
// the connection as it is in use, nil when it cannot be used: no credential goes
// to a host where it does not go anyway.
func (e *Engine) formerBound(ctx context.Context, s logical.Storage, of origin.Origin, current *boundConnection) (*boundConnection, error) {
	connection, err := e.Connection(ctx, s, of.Connection)
	if err != nil || connection == nil || of.Provider != connection.Provider {
		return nil, err
	}
	definition, err := e.formerDefinition(ctx, s, of)
	if err != nil || definition == nil {
		return nil, err
	}
	if current != nil {
		connection = current.connection
	}
	client, err := e.newClient(definition, connection)
	if err != nil {
		return nil, fmt.Errorf("using the definition that made it: %w", err)
	}
	if current != nil && !origin.SameHost(client.BaseURL(), current.client.BaseURL()) {
		client.Close()
		return nil, nil
	}
	return &boundConnection{name: of.Connection, connection: connection, definition: definition, client: client}, nil
}

// formerDefinition is an uploaded definition that was replaced, or the built-in
// one that an upload stands before; nil when it is kept nowhere.
func (e *Engine) formerDefinition(ctx context.Context, s logical.Storage, of origin.Origin) (*providers.Definition, error) {
	former, err := stored.Read[upload](ctx, s, oldDefinitionPrefix+of.Provider+"/"+of.Definition)
	if err != nil {
		return nil, err
	}
	if former != nil {
		return e.clients.definitions.parse(of.Provider, former)
	}
	builtIn, err := providers.Load(of.Provider)
	if errors.Is(err, providers.ErrNotBuiltIn) {
		return nil, nil
	}
	if err != nil || builtIn.Hash() != of.Definition {
		return nil, err
	}
	return builtIn, nil
}
