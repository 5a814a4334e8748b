package providers

import "context"

// Confirm asks whether a revoked key is dead, since a provider's word for it is
// no proof: by the probe where the handle holds all that it needs, else by
// looking the key up. It is Unclear where neither can be done.
func (c *Client) Confirm(ctx context.Context, h Handle, scope Scope) (Liveness, error) {
	if c.def.probe != nil && h.holds(mentionsOf("secret", c.def.probe.expressions()...)) {
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

// holds reports whether the handle keeps these fields of the key itself.
func (h Handle) holds(fields mentions) bool {
	for name := range fields {
		if h.Secret[name] == nil {
			return false
		}
	}
	return true
}
