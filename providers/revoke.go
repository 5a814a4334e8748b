package providers

import (
	"context"

	"github.com/zclconf/go-cty/cty"

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
	secrets := c.known()
	s, err := c.handleScope(h, expr.Key{}, c.def.Needs.Saved, secrets)
	if err != nil {
		return false, notSent("revoke", err)
	}
	_, missing, failed := c.revokeAll(ctx, c.def.Revoke, s, secrets)
	if failed != nil {
		return false, failed
	}
	return missing, nil
}

// revokeAll makes the requests that delete something, in order. Skipped says
// that the condition of one of them did not hold, and missing that one of them
// was answered that there is no such thing.
func (c *Client) revokeAll(ctx context.Context, steps []*definition.Call, s expr.Scope, secrets *expr.Secrets) (skipped, missing bool, failed *Error) {
	saved := s.Names["saved"].AsValueMap()
	if saved == nil {
		saved = map[string]cty.Value{}
	}
	for _, step := range steps {
		if step.When != nil {
			applies, err := s.Truth(step.When)
			if err != nil {
				return skipped, missing, c.stepError(step, notSent(step.Block, err), secrets)
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
		if gone && (step.Method == "GET" || len(step.Save) > 0) {
			return skipped, missing, nil // what the later steps would delete was not found
		}
	}
	return skipped, missing, nil
}

// revokeStep makes one request of revoke and puts what it saves in scope.
func (c *Client) revokeStep(ctx context.Context, step *definition.Call, s *expr.Scope, saved map[string]cty.Value, secrets *expr.Secrets) (gone bool, failed *Error) {
	got, failed := c.call(ctx, step, *s, transport.Revoke, secrets)
	if failed != nil || got.gone {
		return failed == nil, failed
	}
	if failed = c.keep(step, got, saved, secrets); failed != nil {
		return false, failed
	}
	*s = s.With("saved", cty.ObjectVal(saved))
	if step.Poll == nil {
		return false, nil
	}
	waited := got.scope.With("saved", cty.ObjectVal(saved))
	if got, failed = c.wait(ctx, step.Poll, waited, secrets); failed != nil {
		return false, failed
	}
	if failed = c.keep(step.Poll.Call, got, saved, secrets); failed != nil {
		return false, failed
	}
	*s = s.With("saved", cty.ObjectVal(saved))
	return false, nil
}

// keep computes what a request saves.
func (c *Client) keep(block *definition.Call, got *evaluated, saved map[string]cty.Value, secrets *expr.Secrets) *Error {
	for _, member := range block.Save {
		value, err := got.scope.Evaluate(member.Expr)
		if err != nil {
			return c.unusable(block, got, "save."+member.Name+": "+err.Error(), secrets)
		}
		secrets.AddMarked(value)
		saved[member.Name] = value
	}
	return nil
}
