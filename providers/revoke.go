package providers

import (
	"context"
	"time"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// Revoke deletes a key. Nil means that the provider says it is gone, whether
// by this call or before.
func (c *Client) Revoke(ctx context.Context, h Handle) error {
	_, err := c.Delete(ctx, h)
	return err
}

// Delete is Revoke for who weighs the answer: missing means that the provider
// deleted nothing, since it knows no such key. That is less than a deletion: it
// may not know the key yet, or not show it to this credential.
func (c *Client) Delete(ctx context.Context, h Handle) (missing bool, err error) {
	defer rescue("revoke", &err)
	s, err := c.handleScope(h, expr.Key{}, c.def.Required.Saved, c.known())
	if err != nil {
		return false, notSent("revoke", err)
	}
	if gone, err := c.unlisted(ctx, h); gone || err != nil {
		return gone, err
	}
	_, missing, failed := c.revokeAll(ctx, c.def.Revoke, s)
	if failed != nil {
		return false, failed
	}
	return missing, nil
}

// unlisted reads the list, where the definition has it read before a deletion, and
// reports whether it proves that there is no such key: it was read to its end, held
// still, and showed nothing but keys that tell their ids. A list that takes more than half of
// the caller's time proves nothing: the rest is for the deletion.
func (c *Client) unlisted(ctx context.Context, h Handle) (bool, error) {
	if !c.def.ListFirst || h.ID == "" {
		return false, nil
	}
	half, cancel := halfOf(ctx)
	defer cancel()
	found, err := c.Find(half, c.def.ListingScope(h.Role, h.Connection), Look{ID: h.ID})
	switch {
	case err != nil && half.Err() != nil && ctx.Err() == nil:
		return false, nil
	case err != nil:
		return false, err
	}
	return found.Absent() && !found.Unidentified, nil
}

// halfOf ends when half of the time is over that is left.
func halfOf(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-time.Until(deadline)/2))
}

// revokeAll makes the requests that delete something, in order. Skipped says
// that the condition of one of them did not hold, and missing that one of them
// was answered that there is no such thing.
func (c *Client) revokeAll(ctx context.Context, steps []*definition.Call, s expr.Scope) (skipped, missing bool, failed *Error) {
	q := c.newStepRunner(steps, s)
	for _, step := range steps {
		outcome, failed := q.run(ctx, step, transport.Revoke)
		switch {
		case failed != nil:
			return skipped, missing, failed
		case outcome == stepLeftOut:
			skipped = true
		case outcome == stepGone:
			missing = true
			if step.Looks {
				return skipped, missing, nil // what the later steps would delete was not found
			}
		}
	}
	return skipped, missing, nil
}
