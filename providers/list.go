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
	return l.page(membersOf(start)), nil
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
	if !hasNames(next) {
		return cty.NilVal, errors.New("must be an object or null")
	}
	return l.page(membersOf(next)), nil
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

// lastMillisecond is the end of the year 9999, after which no time can be stored.
const lastMillisecond = 253402300799999

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
		case err != nil || n <= 0 || n > lastMillisecond:
			return time.Time{}
		case n > 1e11: // 1e11 seconds would be the year 5138
			return time.UnixMilli(int64(n)).UTC()
		default:
			return time.Unix(int64(n), 0).UTC()
		}
	}
	return time.Time{}
}
