package backend

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

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
	return origin{r.Connection, r.Provider, r.Definition, r.BaseURL, r.Account}
}

func (q *QueueEntry) origin() origin {
	return origin{q.Connection, q.Provider, q.Definition, q.BaseURL, q.Account}
}

// origin is that of a place's keys; a mark lies beside its connection.
func (p place) origin(connection string) origin {
	return origin{connection, p.Provider, p.Definition, p.BaseURL, p.Account}
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

// account is a fingerprint of the connection's admin credential: the same for
// the same credential, and without the mount's salt of no use to anybody.
func (m *mount) account(fields providers.Fields, values providers.Values) (string, error) {
	credential := map[string]any{}
	for _, field := range fields {
		if value := values[field.Name]; value != nil {
			credential[field.Name] = value
		}
	}
	text, err := json.Marshal(credential) // map keys are sorted
	if err != nil {
		return "", fmt.Errorf("reading the credential: %w", err)
	}
	mac := hmac.New(sha256.New, m.Salt)
	mac.Write([]byte("account\x00"))
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))[:16], nil
}

func sameValues(fields providers.Fields, a, b providers.Values) bool {
	return !slices.ContainsFunc(fields, func(f *providers.Field) bool { return !reflect.DeepEqual(a[f.Name], b[f.Name]) })
}

// setAccount notes whose credential the connection has. One that is as it was
// keeps its account: a rotation changes the credential and not whose it is.
func (e *Engine) setAccount(ctx context.Context, s logical.Storage, before, c *Connection, definition *providers.Definition) error {
	credential := definition.CredentialFields()
	if before != nil && before.Account != "" && before.Provider == c.Provider && sameValues(credential, before.Fields, c.Fields) {
		c.Account = before.Account
		return nil
	}
	mount, err := e.mount(ctx, s)
	if err != nil {
		return err
	}
	c.Account, err = mount.account(credential, c.Fields)
	return err
}

// siteFor is the connection as what was made needs it: with the definition that
// made it. release must be called after use.
func (e *Engine) siteFor(ctx context.Context, s logical.Storage, of origin) (found *site, release func(), err error) {
	current, err := e.site(ctx, s, of.Connection)
	if err == nil && (of.Definition == "" || of.Definition == current.definition.Hash()) {
		return current, func() {}, nil
	}
	former, formerErr := e.formerSite(ctx, s, of)
	switch {
	case formerErr != nil:
		return nil, nil, formerErr
	case former != nil:
		return former, former.client.Close, nil
	}
	return current, func() {}, err
}

// formerSite is the connection with a definition that is no longer in use there;
// nil when that, or the connection, is gone.
func (e *Engine) formerSite(ctx context.Context, s logical.Storage, of origin) (*site, error) {
	connection, err := e.Connection(ctx, s, of.Connection)
	if err != nil || connection == nil {
		return nil, err
	}
	definition, err := e.formerDefinition(ctx, s, of)
	if err != nil || definition == nil {
		return nil, err
	}
	client, err := e.newClient(definition, connection)
	if err != nil {
		return nil, fmt.Errorf("using the definition that made it: %w", err)
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
