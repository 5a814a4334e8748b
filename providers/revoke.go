package providers

import (
	"context"

	"github.com/zclconf/go-cty/cty"
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
	secrets := c.known()
	s, err := c.handleScope(h, keyFacts{}, c.def.needs.saved, secrets)
	if err != nil {
		return false, notSent("revoke", err)
	}
	_, missing, failed := c.revokeAll(ctx, c.def.revoke, s, secrets)
	if failed != nil {
		return false, failed
	}
	return missing, nil
}

// revokeAll makes the requests that delete something, in order. Skipped says
// that the condition of one of them did not hold, and missing that one of them
// was answered that there is no such thing.
func (c *Client) revokeAll(ctx context.Context, steps []*call, s scope, secrets *secretTexts) (skipped, missing bool, failed *Error) {
	saved := s.names["saved"].AsValueMap()
	if saved == nil {
		saved = map[string]cty.Value{}
	}
	for _, step := range steps {
		if step.when != nil {
			applies, err := s.truth(step.when)
			if err != nil {
				return skipped, missing, c.stepError(step, notSent(step.block, err), secrets)
			}
			if !applies {
				skipped = true
				continue
			}
		}
		gone, failed := c.revokeStep(ctx, step, &s, saved, secrets)
		if failed != nil {
			return skipped, missing, failed
		}
		missing = missing || gone
		if gone && (step.method == "GET" || len(step.save) > 0) {
			return skipped, missing, nil // what the later steps would delete was not found
		}
	}
	return skipped, missing, nil
}

// revokeStep makes one request of revoke and puts what it saves in scope.
func (c *Client) revokeStep(ctx context.Context, step *call, s *scope, saved map[string]cty.Value, secrets *secretTexts) (gone bool, failed *Error) {
	got, failed := c.exchange(ctx, step, *s, classRevoke, secrets)
	if failed != nil || got.gone {
		return failed == nil, failed
	}
	if failed = c.keep(step, got, saved, secrets); failed != nil {
		return false, failed
	}
	*s = s.with("saved", cty.ObjectVal(saved))
	if step.poll == nil {
		return false, nil
	}
	waited := got.scope.with("saved", cty.ObjectVal(saved))
	if got, failed = c.wait(ctx, step.poll, waited, secrets); failed != nil {
		return false, failed
	}
	if failed = c.keep(step.poll.call, got, saved, secrets); failed != nil {
		return false, failed
	}
	*s = s.with("saved", cty.ObjectVal(saved))
	return false, nil
}

// keep computes what a request saves.
func (c *Client) keep(block *call, got *answered, saved map[string]cty.Value, secrets *secretTexts) *Error {
	for _, member := range block.save {
		value, err := got.scope.evaluate(member.expr)
		if err != nil {
			return c.unusable(block, got, "save."+member.name+": "+err.Error(), secrets)
		}
		secrets.addMarked(value)
		saved[member.name] = value
	}
	return nil
}
