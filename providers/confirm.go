package providers

import "context"

// Confirm asks whether a revoked key is dead, since a provider's word for it is
// no proof: by the probe where the handle holds all that it needs, else by
// looking the key up. It is Unclear where neither can be done.
func (c *Client) Confirm(ctx context.Context, h Handle, scope Scope) (Liveness, error) {
	if c.probes(h) {
		return c.Probe(ctx, h.Secret)
	}
	if !c.def.Capabilities.Lookup {
		return Unclear, nil
	}
	found, err := c.Find(ctx, scope, h.Name)
	if err != nil {
		return Unclear, err
	}
	if len(found) == 0 {
		return Dead, nil
	}
	return Alive, nil
}

// CanConfirm reports whether the provider can be asked if a revoked key is dead.
func (c *Client) CanConfirm(h Handle) bool { return c.probes(h) || c.def.Capabilities.Lookup }

// probes reports whether the handle holds all that the probe needs.
func (c *Client) probes(h Handle) bool {
	return c.def.probe != nil && h.holds(mentionsOf("secret", c.def.probe.expressions()...))
}

// holds reports whether the handle keeps these fields of the key itself.
func (h Handle) holds(fields mentions) bool {
	for name := range fields {
		if h.Secret[name] == nil {
			return false
		}
	}
	return true
}
