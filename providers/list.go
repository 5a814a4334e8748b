package providers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// mostPages bounds a listing whose next page never ends.
const mostPages = 10_000

// List yields every key in scope, page by page as the caller reads on. After
// an error it ends.
func (c *Client) List(ctx context.Context, scope Scope) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		if c.def.list == nil {
			yield(Listed{}, unsupported("list"))
			return
		}
		s, err := c.placeScope(scope.Role, scope.Connection)
		if err != nil {
			yield(Listed{}, notSent("list", err))
			return
		}
		if failed := c.listPages(ctx, scope, s, yield); failed != nil {
			yield(Listed{}, failed)
		}
	}
}

// listPages walks the pages; it returns nil when the list ends or the caller
// has read enough.
func (c *Client) listPages(ctx context.Context, scope Scope, s scope, yield func(Listed, error) bool) *Error {
	block, secrets := c.def.list, c.known()
	page, err := block.firstPage(s)
	if err != nil {
		return notSent("list", err)
	}
	for range mostPages {
		got, failed := c.exchange(ctx, block.call, s.with("page", page), classRead, secrets)
		if failed != nil {
			return failed
		}
		found, withItems, err := c.read(block, got, scope)
		if err != nil {
			return c.unusable(block.call, got, err.Error(), secrets)
		}
		for _, one := range found {
			if !yield(one, nil) {
				return nil
			}
		}
		next, err := block.nextPage(withItems)
		switch {
		case err != nil:
			return c.unusable(block.call, got, "next: "+err.Error(), secrets)
		case next == cty.NilVal:
			return nil
		case next.RawEquals(page):
			return c.unusable(block.call, got, "next names the same page again", secrets)
		}
		page = next
	}
	return &Error{Op: "list", Kind: Unknown, Message: fmt.Sprintf("the list has more than %d pages", mostPages)}
}

// Find yields the keys of exactly this name: by the lookup block, or else out
// of the whole list.
func (c *Client) Find(ctx context.Context, scope Scope, name string) ([]Listed, error) {
	if c.def.lookup != nil {
		return c.lookUp(ctx, scope, name)
	}
	var found []Listed
	for one, err := range c.List(ctx, scope) {
		if err != nil {
			return nil, err
		}
		if one.Handle.Name == name {
			found = append(found, one)
		}
	}
	return found, nil
}

func (c *Client) lookUp(ctx context.Context, scope Scope, name string) ([]Listed, error) {
	block, secrets := c.def.lookup, c.known()
	s, err := c.placeScope(scope.Role, scope.Connection)
	if err != nil {
		return nil, notSent("lookup", err)
	}
	s = s.with("key", keyFacts{name: name}.value())
	got, failed := c.exchange(ctx, block.call, s, classRead, secrets)
	if failed != nil {
		return nil, failed
	}
	if got.gone {
		return nil, nil
	}
	all, _, err := c.read(block, got, scope)
	if err != nil {
		return nil, c.unusable(block.call, got, err.Error(), secrets)
	}
	var found []Listed
	for _, one := range all {
		if one.Handle.Name == name {
			found = append(found, one)
		}
	}
	return found, nil
}

// read is the keys of one answer, and the scope with items in it.
func (c *Client) read(block *listBlock, got *answered, place Scope) ([]Listed, scope, error) {
	items, err := got.scope.evaluate(block.items)
	if err != nil {
		return nil, scope{}, fmt.Errorf("items: %w", err)
	}
	if items.IsNull() {
		items = cty.EmptyTupleVal // how some servers write an empty list
	}
	if t := items.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		return nil, scope{}, errors.New("items must be a list")
	}
	s := got.scope.with("items", items)
	var found []Listed
	for it := items.ElementIterator(); it.Next(); {
		_, item := it.Element()
		one, err := c.readItem(block, s.with("item", item), place)
		if err != nil {
			return nil, scope{}, err
		}
		found = append(found, one)
	}
	return found, s, nil
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

// firstPage is page.* before the first request: what start says, and null for
// every other attribute that the block mentions.
func (l *listBlock) firstPage(s scope) (cty.Value, error) {
	if l.start == nil {
		return l.page(nil), nil
	}
	start, err := s.evaluate(l.start)
	if err != nil {
		return cty.NilVal, fmt.Errorf("start: %w", err)
	}
	if start.IsNull() || !start.CanIterateElements() {
		return l.page(nil), nil
	}
	return l.page(start.AsValueMap()), nil
}

// nextPage is page.* of the next request, or NilVal at the end.
func (l *listBlock) nextPage(s scope) (cty.Value, error) {
	if l.next == nil {
		return cty.NilVal, nil
	}
	next, err := s.evaluate(l.next)
	if err != nil || next.IsNull() {
		return cty.NilVal, err
	}
	next, _ = next.UnmarkDeep()
	if t := next.Type(); !t.IsObjectType() && !t.IsMapType() {
		return cty.NilVal, errors.New("must be an object or null")
	}
	return l.page(next.AsValueMap()), nil
}

func (l *listBlock) page(given map[string]cty.Value) cty.Value {
	attributes := map[string]cty.Value{}
	for _, name := range l.pages {
		attributes[name] = cty.NullVal(cty.DynamicPseudoType)
	}
	for name, value := range given {
		attributes[name] = value
	}
	return cty.ObjectVal(attributes)
}

// timeLayouts are how providers write a time, beside Unix seconds and
// milliseconds. One without a zone is taken for UTC.
var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05",
	"2006-01-02T15:04:05Z0700", "2006-01-02", time.RFC1123Z, time.RFC1123, "Mon, 2 Jan 2006 15:04:05 -0700",
}

// readTime is zero for what cannot be read: a date is welcome, not needed.
func readTime(value any) time.Time {
	switch v := value.(type) {
	case string:
		for _, layout := range timeLayouts {
			if t, err := time.Parse(layout, v); err == nil && t.Year() > 1970 {
				return t.UTC()
			}
		}
		return readTime(json.Number(v))
	case json.Number:
		n, err := v.Float64()
		switch {
		case err != nil || n <= 0:
			return time.Time{}
		case n > 1e11: // 1e11 seconds would be the year 5138
			return time.UnixMilli(int64(n)).UTC()
		default:
			return time.Unix(int64(n), 0).UTC()
		}
	}
	return time.Time{}
}
