package providers

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// List yields every key in scope, page by page as the caller reads on: one
// reading, which proves nothing of what it does not show (see Search). What
// cannot be read is passed over. After an error it ends.
func (c *Client) List(ctx context.Context, in ListingScope) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		reading := false // the caller's own panics are the caller's
		defer func() {
			if reading {
				return
			}
			if r := recover(); r != nil {
				yield(Listed{}, faultError("list"))
			}
		}()
		pass := func(one Listed, err error) bool {
			reading = true
			more := yield(one, err)
			reading = false
			return more
		}
		block := c.def.Listing()
		if block == nil {
			pass(Listed{}, unsupported("list"))
			return
		}
		s, err := c.parameterScope(in.Role, in.Connection)
		if err != nil {
			pass(Listed{}, notSent("list", err))
			return
		}
		w := newListPass(c, block, s)
		for !w.ended {
			var page []Listed
			failed := w.step(ctx, func(item expr.Scope) sight {
				one, err := c.readItem(block, item, in)
				if err == nil {
					page = append(page, one)
				}
				return one.sight()
			})
			if failed != nil {
				pass(Listed{}, failed)
				return
			}
			for _, one := range page {
				if !pass(one, nil) {
					return
				}
			}
		}
	}
}

// readItem is one listed key with all that revoking it needs.
func (c *Client) readItem(block *definition.ListBlock, s expr.Scope, in ListingScope) (Listed, error) {
	needs := c.def.Required
	one := Listed{Handle: Handle{
		Role:       needs.Role.Pick(in.Role),
		Connection: needs.Connection.Pick(in.Connection),
		Sealed:     c.def.Capabilities.SealedRecord,
	}}
	for _, member := range block.Item {
		if member.Name == "last_used_at" {
			one.LastUsedAt, one.NeverUsed = readLastUse(member.Expr, s)
			continue
		}
		value, err := s.Evaluate(member.Expr)
		if err != nil && (member.Name == "created_at" || member.Name == "expires_at") {
			continue // a key of unknown age is one all the same
		}
		if err != nil {
			return Listed{}, fmt.Errorf("item.%s: %w", member.Name, err)
		}
		switch member.Name {
		case "id":
			if one.Handle.ID, _ = expr.TextOf(value); one.Handle.ID == "" {
				return Listed{}, errors.New("item.id is missing in the answer")
			}
		case "name":
			one.Handle.Name, _ = expr.TextOf(value)
		case "created_at":
			one.CreatedAt = expr.ReadTime(expr.FromCty(value))
		case "expires_at":
			one.ExpiresAt = expr.ReadTime(expr.FromCty(value))
		case "secret":
			if fields, ok := expr.FromCty(value).(map[string]any); ok {
				one.Handle.Secret = needs.Secret.Pick(fields)
			}
		default:
			if needs.Saved[member.Name] && !value.IsNull() {
				if one.Handle.Saved == nil {
					one.Handle.Saved = Values{}
				}
				one.Handle.Saved[member.Name] = expr.FromCty(value)
			}
		}
	}
	return one, nil
}

// readLastUse is when a listed key was last used. That it never was has to be told, by null or
// what else means that there is no such time: somebody may end a key for it. What is absent,
// or cannot be read, tells neither.
func readLastUse(of hclsyntax.Expression, s expr.Scope) (at time.Time, never bool) {
	value, err := s.Reading(expr.AbsentIsUnknown).Evaluate(of)
	if err != nil || !value.IsWhollyKnown() {
		return time.Time{}, false
	}
	told := expr.FromCty(value)
	return expr.ReadTime(told), expr.IsEndless(told)
}

// firstPage is page.* before the first request: what the pagination begins with, and
// null for every other attribute that the block mentions.
func firstPage(l *definition.ListBlock) cty.Value {
	if l.Pagination == nil {
		return pageObject(l, nil)
	}
	return pageObject(l, map[string]cty.Value{l.Pagination.PageAttribute(): firstValue(l.Pagination)})
}

// nextPage is page.* of the next request, or NilVal at the end. count is how many items
// the answer had.
func nextPage(l *definition.ListBlock, s expr.Scope, got *evaluated, count int) (cty.Value, error) {
	if l.Pagination != nil {
		value, err := nextOf(l.Pagination, s, got, count)
		if err != nil || value == cty.NilVal {
			return cty.NilVal, err
		}
		return pageObject(l, map[string]cty.Value{l.Pagination.PageAttribute(): value}), nil
	}
	if l.Next == nil {
		return cty.NilVal, nil
	}
	next, err := s.Evaluate(l.Next)
	if err != nil || next.IsNull() {
		return cty.NilVal, wrapped("next", err)
	}
	if !expr.HasNames(next) {
		return cty.NilVal, errors.New("next: must be an object or null")
	}
	return pageObject(l, expr.MembersOf(next)), nil
}

func pageObject(l *definition.ListBlock, given map[string]cty.Value) cty.Value {
	attributes := map[string]cty.Value{}
	for _, name := range l.Pages {
		attributes[name] = cty.NullVal(cty.DynamicPseudoType)
	}
	for name, value := range given {
		attributes[name] = value
	}
	return cty.ObjectVal(attributes)
}
