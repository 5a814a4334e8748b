package providers

import (
	"context"
	"maps"
	"slices"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// Confirm asks whether a revoked key is dead, since a provider's word for it is
// no proof: by the probe where the handle holds all that it needs, else by
// looking the key up. It is Unclear where neither can be done.
func (c *Client) Confirm(ctx context.Context, h Handle, scope ListingScope) (_ Liveness, err error) {
	defer rescue("confirm", &err)
	if c.CanProbe(h) {
		return c.ProbeKept(ctx, h)
	}
	look := Look{Name: h.Name}
	switch {
	case h.ID != "" && c.def.Listing() != nil:
		look = Look{ID: h.ID}
	case !c.def.Capabilities.Lookup:
		return Unclear, nil
	}
	found, err := c.Find(ctx, scope, look)
	switch {
	case err != nil:
		return Unclear, err
	case slices.ContainsFunc(found.Keys, func(one Listed) bool { return h.ID == "" || one.Handle.ID == h.ID }):
		return Alive, nil
	case found.Steady:
		return Dead, nil
	}
	return Unclear, nil
}

// CanConfirm reports whether the provider can be asked if a revoked key is dead.
func (c *Client) CanConfirm(h Handle) bool { return c.CanProbe(h) || c.def.Capabilities.ShowsKeys() }

// CanProbe reports whether the handle holds all that the probe needs, so that the
// key itself can be tried, and whether that tells anything: a key that is bound to
// addresses may be refused to whoever tries it here.
func (c *Client) CanProbe(h Handle) bool {
	return c.def.Probe != nil && !h.Bound && h.holds(c.def.Required.Probed)
}

// ProbesWhereMade reports whether the probe asks a key the same as when it was made, whatever
// the connection's fields are by now: the handle keeps those that the probe mentions.
func (c *Client) ProbesWhereMade(h Handle) bool {
	for name := range c.def.Required.ProbedConnection {
		if h.Connection[name] == nil {
			return false
		}
	}
	return true
}

// KeepForProbe is the handle with what the probe needs of the key itself, and of the
// connection, so that the key can be seen dead after its revocation. It is a sealed one
// then; without a probe it is as it was.
func (c *Client) KeepForProbe(h Handle, secret Values) Handle {
	if c.def.Probe == nil || h.Bound {
		return h
	}
	kept := Values{}
	for name, value := range h.Secret {
		kept[name] = value
	}
	for name := range c.def.Required.Probed {
		kept[name] = secret[name]
	}
	h.Secret, h.Sealed = kept, true
	if asked := c.def.Required.ProbedConnection.Pick(c.fields); len(asked) > 0 {
		maps.Copy(asked, h.Connection)
		h.Connection = asked
	}
	return h
}

// holds reports whether the handle keeps these fields of the key itself.
func (h Handle) holds(fields expr.References) bool {
	for name := range fields {
		if h.Secret[name] == nil {
			return false
		}
	}
	return true
}
