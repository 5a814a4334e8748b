package backend

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// The admin credential goes where its writer meant it to go. Who may change a
// connection's address, and does not know the credential, could have it sent to
// a host of their own; so a change of address takes the credential in the same
// write. One that a rotation made is known to nobody: there, and for an uploaded
// definition that leads elsewhere, it takes force, which is told and logged.

// refuseToFollow refuses a change under which the stored credential would be sent
// to another address. Nothing has been sent by then.
func (e *Engine) refuseToFollow(ctx context.Context, s logical.Storage, name string, before, after *Connection, o SaveOptions) error {
	if before == nil || before.Provider != after.Provider {
		return nil // there was no credential; or none of the former provider's is left
	}
	definition, err := e.Definition(ctx, s, after.Provider)
	if err != nil {
		return err
	}
	moved := movedBy(definition, before, after)
	secrets := secretsSet(definition, after)
	if moved == "" || len(secrets) == 0 {
		return nil
	}
	rotating, err := e.rotationUnfinished(ctx, s, name)
	given := o.Credential && (!rotating || !sameSecrets(definition.Connection, before.Fields, after.Fields))
	switch {
	case err != nil:
		return err
	case given:
		return nil
	case rotating || before.CredentialName != "":
		if !o.Force {
			return usererror.Errorf("connection %q: %s would have the admin credential sent to another address, and a rotation made that one, so nobody can give it again; write %s as well where you have another, or repeat with force=true if it may go there", name, moved, strings.Join(secrets, " and "))
		}
		e.log.Warn("the admin credential that a rotation made now goes to another address, as force=true asked", "connection", name, "changed", moved)
		o.warn("The admin credential, which a rotation made, is sent to another address from now on, because %s changed.", moved)
		return nil
	}
	return usererror.Errorf("connection %q: %s would have the admin credential sent to another address; write %s in the same request, so that none goes where its owner did not send it", name, moved, strings.Join(secrets, " and "))
}

// movedBy names the field that makes the credential go elsewhere; empty where
// none does.
func movedBy(definition *providers.Definition, before, after *Connection) string {
	was, errBefore := providers.Destinations(definition, before.settings())
	is, errAfter := providers.Destinations(definition, after.settings())
	differs := func(a, b string) bool { return b != "" && a != b }
	switch {
	case errAfter != nil:
		return "" // it cannot be used at all, which is told
	case errBefore != nil || !slices.Equal(was, is):
		if before.BaseURL != after.BaseURL {
			return "base_url"
		}
		return "a field that is part of the address"
	case after.ProxyURL != "" && !providers.SameURL(before.ProxyURL, after.ProxyURL):
		return "proxy_url"
	// Whoever has a certificate that these accept could take the provider's place.
	case differs(strings.TrimSpace(before.CACert), strings.TrimSpace(after.CACert)):
		return "ca_cert"
	case differs(strings.ToLower(before.TLSServerName), strings.ToLower(after.TLSServerName)):
		return "tls_server_name"
	}
	return ""
}

// secretsSet are the sensitive fields that have a value.
func secretsSet(definition *providers.Definition, c *Connection) []string {
	var names []string
	for _, field := range definition.Connection {
		if value := c.Fields[field.Name]; field.Sensitive && value != nil && value != "" {
			names = append(names, field.Name)
		}
	}
	return names
}

// rotationUnfinished reports whether a rotation has made a credential, or may
// have, that the connection does not hold yet.
func (e *Engine) rotationUnfinished(ctx context.Context, s logical.Storage, name string) (bool, error) {
	if e.clients.unsaved.get(name) != nil {
		return true, nil
	}
	note, err := stored.Read[rotationNote](ctx, s, rotationPrefix+name)
	return note != nil, err
}

// refuseLeadingElsewhere refuses a definition under which the credentials of its
// provider's connections would be sent to other hosts, or shown in another way,
// unless forced; it returns the connections whose credential then is.
func (e *Engine) refuseLeadingElsewhere(ctx context.Context, s logical.Storage, next *providers.Definition, force bool) ([]string, error) {
	using, err := e.connectionsOf(ctx, s, next.Name)
	if err != nil || len(using) == 0 {
		return nil, err
	}
	current, err := e.Definition(ctx, s, next.Name)
	if err != nil {
		return nil, err
	}
	var moved []string
	for _, name := range using {
		c, err := e.Connection(ctx, s, name)
		if err != nil {
			return nil, err
		}
		if c != nil && len(secretsSet(current, c)) > 0 && leadsElsewhere(current, next, c) {
			moved = append(moved, name)
		}
	}
	if len(moved) == 0 {
		return nil, nil
	}
	if !force {
		return nil, usererror.Errorf("this definition sends the admin credential to other addresses, or shows it in another way, than the one in use; it is stored in connection %s; repeat with force=true if it may go there, or give the definition another name", strings.Join(moved, ", "))
	}
	e.log.Warn("a definition that was uploaded with force=true sends admin credentials elsewhere", "provider", next.Name, "connections", moved)
	return moved, nil
}

// leadsElsewhere reports whether a definition sends a connection's credential
// to another location than the one before it.
func leadsElsewhere(current, next *providers.Definition, c *Connection) bool {
	was, errBefore := providers.Destinations(current, c.settings())
	is, errAfter := providers.Destinations(next, c.settings())
	if errAfter != nil {
		return false // nothing can be sent before the connection is written anew
	}
	return errBefore != nil || !slices.Equal(was, is) || !current.SameAuth(next)
}
