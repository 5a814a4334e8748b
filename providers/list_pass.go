package providers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/auth"
	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

const (
	// mostPages bounds a reading whose next page never ends.
	mostPages = 10_000
	// mostListed bounds how many keys one reading may meet, and with it what is
	// remembered of them.
	mostListed = 1_000_000
	// stalePages is after how many pages in a row that hold nothing new a list
	// is taken to repeat itself. One or two may be due to keys that were made
	// in the meantime.
	stalePages = 3
)

// listPass is one reading of a listing from its first page to its last, after the steps
// that come before it. It can be left between two requests and taken up again, also
// after an error.
type listPass struct {
	c     *Client
	block *definition.ListBlock
	scope expr.Scope

	steps stepPass
	each  eachPass

	page  cty.Value // page.* of the next request; NilVal before the first
	asked map[uint64]bool
	seen  map[uint64]bool
	pages int // requests so far, those of the steps included
	stale int

	// named is how many items told a name, and unidentified how many told no id; null in
	// place of a list counts among these.
	named, unidentified int
	// ahead is by how much the provider's clock was ahead of ours at the last answer.
	ahead time.Duration

	ended bool
	// doubt is why the end is not the list's own; empty where it is.
	doubt string
}

// sight is what an item tells.
type sight struct {
	mark string // what tells it from others, or "" where it cannot be told
	// id and name say that it told one.
	id, name bool
}

func newListPass(c *Client, block *definition.ListBlock, s expr.Scope) *listPass {
	return &listPass{c: c, block: block, scope: s, asked: map[uint64]bool{}, seen: map[uint64]bool{}}
}

// marks are compared within one process only.
var markSeed = maphash.MakeSeed()

// step makes the next request: one of the steps before the list, or that for the next
// page, whose items it visits.
func (w *listPass) step(ctx context.Context, visit func(item expr.Scope) sight) *Error {
	if w.steps.done < len(w.block.Steps) {
		return w.stepBefore(ctx)
	}
	if failed := w.begin(); failed != nil || w.ended {
		return failed
	}
	s := w.each.scope(w.scope).Gathering(w.c.known()).With("page", w.page)
	s.Conceal(s.Names["saved"])
	got, failed := w.c.call(ctx, w.block.Call, s, transport.Read)
	if failed != nil {
		return failed
	}
	w.pages++
	w.ahead = auth.ClockAhead(got.header, w.c.now())
	next := cty.NilVal // where what is listed is gone, and its keys with it
	if !got.gone {
		var err error
		if next, err = w.readPage(got, visit); err != nil {
			return w.c.unusable(w.block.Call, got, err.Error())
		}
	}
	w.turnTo(next)
	return nil
}

// begin prepares the first request of the list itself. A list of nothing ends there.
func (w *listPass) begin() *Error {
	if w.page != cty.NilVal {
		return nil
	}
	if err := w.each.begin(w.block.Call, w.scope); err != nil {
		return w.c.stepError(w.block.Call, notSent(w.block.Block, err), w.scope.Gathering(w.c.known()))
	}
	if w.each.ended() {
		if w.ended = true; w.pages == 0 {
			w.doubt = "for_each names nothing, so that nobody was asked"
		}
		return nil
	}
	w.firstPage()
	return nil
}

func (w *listPass) firstPage() {
	w.page, w.stale = firstPage(w.block), 0
	w.asked = map[uint64]bool{pageMark(w.page): true}
}

// readPage visits the items of one answer and returns page.* of the next.
func (w *listPass) readPage(got *evaluated, visit func(item expr.Scope) sight) (next cty.Value, err error) {
	items, listed, err := readItems(w.block, got)
	if err != nil {
		return cty.NilVal, err
	}
	if !listed {
		w.unidentified++
	}
	s := got.scope.With("items", items)
	count, news, told := 0, 0, 0
	one := func(item expr.Scope) {
		count++
		seen := sight{}
		if skips(w.block, item) {
			seen = seeSkipped(w.block, item)
		} else {
			seen = visit(item)
		}
		if seen.name {
			w.named++
		}
		if !seen.id {
			w.unidentified++
		}
		if seen.name || seen.id {
			told++
		}
		if w.isNew(seen.mark) {
			news++
		}
	}
	for _, item := range expr.ElementsOf(items) {
		if err := lacksID(w.block, s.With("item", item)); err != nil {
			return cty.NilVal, err
		}
		one(s.With("item", item))
	}
	if got.list != nil {
		err = eachItem(got.list, func(item cty.Value, size int) { one(s.Allowed(size).With("item", item)) })
	}
	if err != nil {
		return cty.NilVal, err
	}
	if count > 0 && told == 0 && w.doubt == "" {
		w.doubt = "nothing that is listed can be read"
	}
	if len(w.seen) > mostListed {
		return cty.NilVal, fmt.Errorf("the list has more than %d keys", mostListed)
	}
	w.stale++
	if news > 0 || count == 0 {
		w.stale = 0
	}
	return nextPage(w.block, s, got, count)
}

// skips reports whether an item is a key of the past. One of which that cannot be told
// counts.
func skips(block *definition.ListBlock, item expr.Scope) bool {
	if block.Skip == nil {
		return false
	}
	past, err := item.Reading(expr.AbsentIsUnknown).Truth(block.Skip)
	return err == nil && past
}

// seeSkipped is what a key of the past tells.
func seeSkipped(block *definition.ListBlock, item expr.Scope) sight {
	id, name := tells(block, item, "id"), tells(block, item, "name")
	return sight{mark: "skipped\x00" + id + "\x00" + name, id: id != "", name: name != ""}
}

// tells is the text of one of the members of an item; empty where it has none.
func tells(block *definition.ListBlock, item expr.Scope, member string) string {
	of := expr.Find(block.Item, member)
	if of == nil {
		return ""
	}
	value, err := item.Evaluate(of)
	if err != nil {
		return ""
	}
	text, _ := expr.TextOf(value)
	return text
}

// lacksID is an error where items are written out, such as [body], and what should be a
// key has no id: an answer that is no key must not count as one without keys.
func lacksID(block *definition.ListBlock, s expr.Scope) error {
	id := expr.Find(block.Item, "id")
	if id == nil || !block.WrittenOut() {
		return nil
	}
	_, _, err := s.Text(id)
	return wrapped("item.id", err)
}

func (w *listPass) isNew(mark string) bool {
	sum := maphash.String(markSeed, mark)
	if w.seen[sum] {
		return false
	}
	w.seen[sum] = true
	return true
}

// turnTo takes the next page, or that of the next element, or ends the reading: at the
// end of the list, or where it goes on without end.
func (w *listPass) turnTo(next cty.Value) {
	if next == cty.NilVal {
		w.each.at++
		w.ended = w.each.ended() || w.doubt != ""
		if w.tooLong(); !w.ended {
			w.firstPage()
		}
		return
	}
	mark := pageMark(next)
	switch {
	case w.asked[mark]:
		w.doubt = askedBefore
	case w.stale >= stalePages:
		w.doubt = "the list repeats itself"
	}
	w.tooLong()
	w.ended = w.doubt != ""
	w.asked[mark] = true
	w.page = next
}

// askedBefore is why a list whose pages go in a circle is not believed.
const askedBefore = "a page names one that was read before as the next"

// tooLong ends a reading of too many requests that is not at its end.
func (w *listPass) tooLong() {
	if !w.ended && w.doubt == "" && w.pages >= mostPages {
		w.ended, w.doubt = true, fmt.Sprintf("the list has more than %d pages", mostPages)
	}
}

// sameAs reports whether two whole readings have met the same items.
func (w *listPass) sameAs(other *listPass) bool {
	if other == nil || w.doubt != "" || len(w.seen) != len(other.seen) {
		return false
	}
	for mark := range w.seen {
		if !other.seen[mark] {
			return false
		}
	}
	return true
}

// whole reports whether the one answer that this reading took shows the whole
// list, as it was at one moment.
func (w *listPass) whole() bool { return w.ended && w.doubt == "" && w.pages == 1 }

func pageMark(page cty.Value) uint64 {
	text, err := json.Marshal(expr.FromCty(page))
	if err != nil {
		panic("providers: a page holds only JSON values: " + err.Error())
	}
	return maphash.Bytes(markSeed, text)
}

// mostReadings bounds how often a list is read for one answer. One that changes
// all the time is looked at again later.
const mostReadings = 4

// readWhole reads a listing once where it shows what is looked for, as visit
// reports, and else until it is seen to hold still; it fails where that is not to
// be had.
// named says that something in it has a name.
func (c *Client) readWhole(ctx context.Context, block *definition.ListBlock, s expr.Scope, visit func(item expr.Scope) (seen sight, found bool, err error)) (named bool, failed *Error) {
	var last *listPass
	found := false
	for range mostReadings {
		w := newListPass(c, block, s)
		for !w.ended {
			var odd error
			failed := w.step(ctx, func(item expr.Scope) sight {
				seen, one, err := visit(item)
				found, odd = found || one, errors.Join(odd, err)
				return seen
			})
			if failed == nil && odd != nil {
				failed = c.stepError(block.Call, &Error{Op: block.Block, Kind: Unknown, Message: odd.Error()}, c.operationScope())
			}
			if failed != nil {
				return false, failed
			}
		}
		switch {
		case found || w.whole() || w.sameAs(last):
			return w.named > 0, nil
		case w.doubt != "":
			return false, unsteady(block, w.doubt)
		}
		last = w
	}
	return false, unsteady(block, changing)
}

// changing is why a list is not believed that no two readings agree on.
const changing = "the list changes while it is read"

// unsteady is the error of a list that is not believed.
func unsteady(block *definition.ListBlock, why string) *Error {
	return &Error{Op: block.Block, Kind: Unknown, Message: why + ", so that what it does not show may exist all the same"}
}

// readItems is the list in an answer; listed is false where null stands in its place.
func readItems(l *definition.ListBlock, got *evaluated) (items cty.Value, listed bool, err error) {
	items, err = got.scope.Reading(expr.AbsentInItems).Evaluate(l.Items)
	if err != nil {
		return cty.NilVal, false, fmt.Errorf("items: %w", err)
	}
	if items.IsNull() {
		return cty.EmptyTupleVal, false, nil // how some servers write an empty list
	}
	if !items.IsKnown() {
		return cty.NilVal, false, fmt.Errorf("%s is missing in the answer; where that means that there are none, write try(…, [])", expr.SourceOf(l.Items))
	}
	if t := items.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		return cty.NilVal, false, errors.New("items must be a list")
	}
	return items, true, nil
}
