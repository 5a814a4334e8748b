package providers

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/zclconf/go-cty/cty"
)

// List yields every key in scope, page by page as the caller reads on: one
// reading, which proves nothing of what it does not show (see Search). What
// cannot be read is passed over. After an error it ends.
func (c *Client) List(ctx context.Context, place Scope) iter.Seq2[Listed, error] {
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
		if c.def.list == nil {
			pass(Listed{}, unsupported("list"))
			return
		}
		s, err := c.placeScope(place.Role, place.Connection)
		if err != nil {
			pass(Listed{}, notSent("list", err))
			return
		}
		w := newWalk(c, c.def.list, s)
		for !w.ended {
			var page []Listed
			failed := w.step(ctx, func(item scope) string {
				one, err := c.readItem(c.def.list, item, place)
				if err == nil {
					page = append(page, one)
				}
				return listedMark(one)
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
func (c *Client) readItem(block *listBlock, s scope, place Scope) (Listed, error) {
	needs := c.def.needs
	one := Listed{Handle: Handle{
		Role:       needs.role.pick(place.Role),
		Connection: needs.connection.pick(place.Connection),
		Sealed:     c.def.Capabilities.SealedRecord,
	}}
	for _, member := range block.item {
		value, err := s.evaluate(member.expr)
		if err != nil {
			return Listed{}, fmt.Errorf("item.%s: %w", member.name, err)
		}
		switch member.name {
		case "id":
			if one.Handle.ID, _ = textOf(value); one.Handle.ID == "" {
				return Listed{}, errors.New("item.id is missing in the answer")
			}
		case "name":
			one.Handle.Name, _ = textOf(value)
		case "created_at":
			one.CreatedAt = readTime(fromCty(value))
		case "secret":
			if fields, ok := fromCty(value).(map[string]any); ok {
				one.Handle.Secret = needs.secret.pick(fields)
			}
		default:
			if needs.saved[member.name] && !value.IsNull() {
				if one.Handle.Saved == nil {
					one.Handle.Saved = Values{}
				}
				one.Handle.Saved[member.name] = fromCty(value)
			}
		}
	}
	return one, nil
}

// firstPage is page.* before the first request: what the pagination begins with, and
// null for every other attribute that the block mentions.
func firstPage(l *listBlock) cty.Value {
	if l.pagination == nil {
		return pageObject(l, nil)
	}
	return pageObject(l, map[string]cty.Value{l.pagination.pageAttribute(): firstValue(l.pagination)})
}

// nextPage is page.* of the next request, or NilVal at the end. count is how many items
// the answer had.
func nextPage(l *listBlock, s scope, got *answered, count int) (cty.Value, error) {
	if l.pagination != nil {
		value, err := nextOf(l.pagination, s, got, count)
		if err != nil || value == cty.NilVal {
			return cty.NilVal, err
		}
		return pageObject(l, map[string]cty.Value{l.pagination.pageAttribute(): value}), nil
	}
	if l.next == nil {
		return cty.NilVal, nil
	}
	next, err := s.evaluate(l.next)
	if err != nil || next.IsNull() {
		return cty.NilVal, wrapped("next", err)
	}
	if !hasNames(next) {
		return cty.NilVal, errors.New("next: must be an object or null")
	}
	return pageObject(l, membersOf(next)), nil
}

func pageObject(l *listBlock, given map[string]cty.Value) cty.Value {
	attributes := map[string]cty.Value{}
	for _, name := range l.pages {
		attributes[name] = cty.NullVal(cty.DynamicPseudoType)
	}
	for name, value := range given {
		attributes[name] = value
	}
	return cty.ObjectVal(attributes)
}
