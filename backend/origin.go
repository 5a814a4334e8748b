package backend

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// origin is what made a key or a credential, and so whose word on it counts. An
// empty part is unknown, as in what an earlier version of the engine stored: it
// neither matches nor differs.
type origin struct {
	// Connection is the name of the connection, and Provider that of its provider.
	Connection string `json:"connection"`
	Provider   string `json:"provider,omitempty"`
	// Definition is the hash of the definition, built-in or uploaded.
	Definition string `json:"definition,omitempty"`
	// BaseURL is where the requests went: the connection's, or what the definition
	// made of its fields.
	BaseURL string `json:"base_url,omitempty"`
	// Account stands for the admin credential, see Connection.Account.
	Account string `json:"account,omitempty"`
}

func (r *Record) origin() origin {
	return origin{Connection: r.Connection, Provider: r.Provider, Definition: r.Definition, BaseURL: r.BaseURL, Account: r.Account}
}

func (q *QueueEntry) origin() origin {
	return origin{Connection: q.Connection, Provider: q.Provider, Definition: q.Definition, BaseURL: q.BaseURL, Account: q.Account}
}

// origin is that of a place's keys; a mark lies beside its connection.
func (p place) origin(connection string) origin {
	return origin{Connection: connection, Provider: p.Provider, Definition: p.Definition, BaseURL: p.BaseURL, Account: p.Account}
}

func placeOf(by origin, scope providers.Scope) place {
	return place{Scope: scope, Provider: by.Provider, Definition: by.Definition, BaseURL: by.BaseURL, Account: by.Account}
}

// origin is that of what the site makes.
func (s *site) origin() origin {
	return origin{
		Connection: s.name,
		Provider:   s.definition.Name,
		Definition: s.definition.Hash(),
		BaseURL:    s.client.BaseURL(),
		Account:    s.connection.Account,
	}
}

// setOrigin notes what makes the key.
func (r *Record) setOrigin(o origin) {
	r.Connection, r.Provider, r.Definition, r.BaseURL, r.Account = o.Connection, o.Provider, o.Definition, o.BaseURL, o.Account
}

// setOrigin notes what made that which is to be cleared up.
func (q *QueueEntry) setOrigin(o origin) {
	q.Connection, q.Provider, q.Definition, q.BaseURL, q.Account = o.Connection, o.Provider, o.Definition, o.BaseURL, o.Account
}

func sameValues(fields providers.Fields, a, b providers.Values) bool {
	return !slices.ContainsFunc(fields, func(f *providers.Field) bool { return !reflect.DeepEqual(a[f.Name], b[f.Name]) })
}

// setAccount notes whose credential the connection has. One that is as it was
// keeps its account, and so does one that was shown what that account made: a
// rotation changes the credential and not whose it is.
func (e *Engine) setAccount(ctx context.Context, s logical.Storage, change *replacement, c *Connection, definition *providers.Definition) error {
	if change != nil && change.before.Provider == c.Provider && (change.seen || sameValues(definition.CredentialFields(), change.before.Fields, c.Fields)) {
		if site, err := e.site(ctx, s, change.name); err == nil {
			c.Account = site.connection.Account // also where none is stored
			return nil
		}
		if c.Account = change.before.Account; c.Account != "" {
			return nil
		}
	}
	mount, err := e.mount(ctx, s)
	if err != nil {
		return err
	}
	c.Account, err = mount.account(definition.CredentialFields(), c.Fields)
	return err
}

// doubts are why the word of whoever is asked now is not that of what made a
// thing, each a part of a sentence; none when it is.
func (o origin) doubts(now origin) []string {
	var doubts []string
	for _, part := range []struct {
		what, then, now string
		same            func(a, b string) bool
	}{
		{"definition", o.Definition, now.Definition, func(a, b string) bool { return a == b }},
		{"address", o.BaseURL, now.BaseURL, sameAddress},
		{"credential", o.Account, now.Account, func(a, b string) bool { return a == b }},
	} {
		switch {
		case part.then == "":
			doubts = append(doubts, "it is not known which "+part.what+" made it")
		case !part.same(part.then, part.now):
			doubts = append(doubts, "another "+part.what+" made it")
		}
	}
	return doubts
}

// sameAddress reports whether two base URLs are of the same server and the same
// part of it; whether they are encrypted makes no other server of it.
func sameAddress(a, b string) bool { return address(a) == address(b) }

func address(baseURL string) string {
	u, err := url.Parse(baseURL)
	if err != nil {
		return baseURL
	}
	return host(u) + "/" + strings.Trim(u.EscapedPath(), "/")
}

// host is a URL's host and port, the port only where it is not the usual one.
func host(u *url.URL) string {
	name, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return name
	}
	return name + ":" + port
}

func sameHost(a, b string) bool {
	one, err := url.Parse(a)
	other, otherErr := url.Parse(b)
	return err == nil && otherErr == nil && host(one) == host(other)
}

// way is a connection by which something of an origin may be ended.
type way struct {
	*site
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
var errElsewhere = errors.New("the connection leads to another place than that where it was made")

// waysTo are the ways to end what is of an origin, best first: by the definition
// that made it, then by the one in use, should that be a correction. There is at
// least one; release must be called after use.
func (e *Engine) waysTo(ctx context.Context, s logical.Storage, of origin) (ways []way, release func(), err error) {
	current, err := e.site(ctx, s, of.Connection)
	if err == nil && of.Provider != "" && of.Provider != current.definition.Name {
		return nil, nil, fmt.Errorf("%w: provider %q made it, and connection %q now belongs to %q; change that back, or end it there by hand", errElsewhere, of.Provider, of.Connection, current.definition.Name)
	}
	if err == nil && (of.Definition == "" || of.Definition == current.definition.Hash()) {
		return []way{current.wayTo(of, false)}, func() {}, nil
	}
	former, formerErr := e.formerSite(ctx, s, of, current)
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

func (s *site) wayTo(of origin, corrected bool) way {
	return way{
		site:      s,
		doubts:    of.doubts(s.origin()),
		elsewhere: of.BaseURL != "" && !sameAddress(of.BaseURL, s.client.BaseURL()),
		corrected: corrected,
	}
}

// wayTo is the best of the ways that lead to where the thing was made. release
// must be called after use.
func (e *Engine) wayTo(ctx context.Context, s logical.Storage, of origin) (way, func(), error) {
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

// siteFor is the connection as what was made needs it: with the definition that
// made it, where that was made. release must be called after use.
func (e *Engine) siteFor(ctx context.Context, s logical.Storage, of origin) (found *site, release func(), err error) {
	w, release, err := e.wayTo(ctx, s, of)
	return w.site, release, err
}

// formerSite is the connection with a definition that is no longer in use there;
// nil when that, or the connection, is gone, or the two no longer fit. current is
// the connection as it is in use, nil when it cannot be used: no credential goes
// to a host where it does not go anyway.
func (e *Engine) formerSite(ctx context.Context, s logical.Storage, of origin, current *site) (*site, error) {
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
	if current != nil && !sameHost(client.BaseURL(), current.client.BaseURL()) {
		client.Close()
		return nil, nil
	}
	return &site{name: of.Connection, connection: connection, definition: definition, client: client}, nil
}

// formerDefinition is an uploaded definition that was replaced, or the built-in
// one that an upload stands before; nil when it is kept nowhere.
func (e *Engine) formerDefinition(ctx context.Context, s logical.Storage, of origin) (*providers.Definition, error) {
	former, err := read[upload](ctx, s, oldDefinitionPrefix+of.Provider+"/"+of.Definition)
	if err != nil {
		return nil, err
	}
	if former != nil {
		return e.definitions.parse(of.Provider, former)
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
