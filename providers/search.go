package providers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// Look says which listed keys are looked for: those that meet any of what is
// set.
type Look struct {
	// Name and ID are those of one key. Reading stops at the answer that shows
	// it, unless All is set: a second key of that name may be listed elsewhere.
	Name, ID string
	// Part is KeyRequest.Part of that key, by which it is known in a list whatever its
	// provider made of its name.
	Part string
	// Containing is a text in the names of keys, in upper or lower case, such
	// as a mount's tag. The list is read to its end.
	Containing string
	// All has the list read to its end.
	All bool
	// IDs are those of many keys. The list is read to its end.
	IDs map[string]bool
	// Beside are the ids of keys that are told of where the list shows them, and that
	// change nothing of how it is read: what cannot be read says nothing of them.
	Beside map[string]bool
	// Each is shown every listed key, wanted or not, as it is read: again with each
	// reading. Of one that cannot be read it is given all texts instead. No two calls are
	// made at a time; the last is over when the search is.
	Each func(one Listed, unreadable []string)
	// Once has one reading do, where something else has said already that a key is
	// gone: its absence confirms that, and proves nothing alone.
	Once bool
}

// Found is what a search came to. That a key is among Keys is a fact; that it is
// not is one only where Steady is set.
type Found struct {
	// Keys are those looked for, each once.
	Keys []Listed
	// Steady says that the list was read to its end and held still: what it does
	// not show did not exist when the search began, unless it is younger than
	// Definition.Lag. One answer that holds the whole list does so; several
	// pages are read until two readings in a row show the same keys.
	Steady bool
	// Whole says that the list was read to its end at least once.
	Whole bool
	// Unidentified says that the list showed something that tells no id, or null in place
	// of keys.
	Unidentified bool
	// Named says that the list showed something that has a name, be it whose it may: who
	// asked is shown such things.
	Named bool
	// Doubt is why Steady is not set, as a part of a sentence; empty where
	// reading stopped at what was looked for.
	Doubt string
	// Unreadable tells of keys that carry what is looked for in some text and
	// lack what revoking them needs. While there are any, nothing is proven.
	Unreadable []error
}

// Absent reports whether nothing that was looked for exists.
func (f Found) Absent() bool { return f.Steady && len(f.Keys) == 0 && len(f.Unreadable) == 0 }

// sight is what a listed key tells of itself.
func (l Listed) sight() sight {
	return sight{mark: l.Handle.ID + "\x00" + l.Handle.Name, id: l.Handle.ID != "", name: l.Handle.Name != ""}
}

// Search looks for keys. All searches of a client in one place read its list
// together, one page at a time, whoever comes first; a search that comes later
// takes part from the next reading on. It is used by one goroutine at a time.
type Search struct {
	look    Look
	listing *sharedListing
	err     *Error // that it cannot be made at all

	// Guarded by the listing's turn.
	took  *listPass // the reading in which it takes part from the beginning
	last  *listPass // the whole one before
	round int
	keys  map[string]bool
	found Found
	done  bool
}

// Search prepares a search; it calls nobody. Where the definition has a lookup,
// a name alone is looked for by that.
func (c *Client) Search(in ListingScope, look Look) *Search {
	s := &Search{look: look, keys: map[string]bool{}}
	block := c.def.List
	if look.ID != "" || look.IDs != nil {
		block = c.def.Listing()
	}
	if c.def.Lookup != nil && look.Name != "" && (block == nil || look.ID == "" && look.IDs == nil && look.Part == "" && look.Containing == "") {
		block = c.def.Lookup
	}
	if block == nil {
		s.err = unsupported("list")
		return s
	}
	at, err := c.parameterScope(in.Role, in.Connection)
	if err != nil {
		s.err = notSent(block.Block, err)
		return s
	}
	if block == c.def.Lookup {
		at = at.With("key", expr.Key{Name: look.Name}.Value())
		s.listing = newSharedListing(c, block, at, in)
		return s
	}
	s.listing = c.listings.at(in, func() *sharedListing { return newSharedListing(c, block, at, in) })
	return s
}

// Beside are the ids that it tells of beside what it looks for.
func (s *Search) Beside() map[string]bool { return s.look.Beside }

// Find is a search in one call.
func (c *Client) Find(ctx context.Context, in ListingScope, look Look) (Found, error) {
	return c.Search(in, look).Run(ctx)
}

// Run searches until the answer is known or ctx ends. After an error, which is
// an *Error, it may be called again and goes on where it stopped, so that a list
// of any length is read in the end, whatever time one try has. Each page has the
// time of one request.
func (s *Search) Run(ctx context.Context) (Found, error) {
	if s.err != nil {
		return Found{}, s.err
	}
	// Whoever comes is noted first, so that those who come together take part in
	// the same reading.
	v, step := s.listing, s.listing.admit
	for {
		select {
		case v.turn <- struct{}{}:
		case <-ctx.Done():
			return Found{}, v.cut(ctx)
		}
		failed := v.take(ctx, s, step)
		found, done := s.found, s.done
		<-v.turn
		switch {
		case done:
			return found, nil
		case failed != nil:
			return Found{}, failed
		}
		step = v.advance
	}
}

// sharedListings are the lists of a client that searches read together.
type sharedListings struct {
	mu      sync.Mutex
	byScope map[string]*sharedListing
}

const (
	// mostSharedListings bounds how many readings are kept for searches to go on with.
	mostSharedListings = 64
	// sharedListingLife is after how long without a search a reading is dropped, and
	// a search that nobody runs any more.
	sharedListingLife = 15 * time.Minute
)

func (all *sharedListings) at(in ListingScope, make func() *sharedListing) *sharedListing {
	all.mu.Lock()
	defer all.mu.Unlock()
	now := time.Now()
	key := in.String()
	for other, one := range all.byScope {
		if other != key && (now.Sub(one.used) > sharedListingLife || len(all.byScope) >= mostSharedListings) {
			delete(all.byScope, other) // searches that hold it go on with it
		}
	}
	if all.byScope == nil {
		all.byScope = map[string]*sharedListing{}
	}
	if all.byScope[key] == nil {
		all.byScope[key] = make()
	}
	all.byScope[key].used = now
	return all.byScope[key]
}

// sharedListing is the reading of one list, over and over while somebody searches.
type sharedListing struct {
	c     *Client
	block *definition.ListBlock
	scope expr.Scope
	in    ListingScope
	used  time.Time // guarded by sharedListings.mu

	// turn is held by whoever reads a page, and guards what follows.
	turn     chan struct{}
	pass     *listPass
	searches map[*Search]time.Time // when each was last run
}

func newSharedListing(c *Client, block *definition.ListBlock, s expr.Scope, in ListingScope) *sharedListing {
	return &sharedListing{
		c: c, block: block, scope: s, in: in,
		turn: make(chan struct{}, 1), pass: newListPass(c, block, s), searches: map[*Search]time.Time{},
	}
}

// take makes one step. A panic under it is an error, so that the turn is given
// back.
func (v *sharedListing) take(ctx context.Context, s *Search, step func(context.Context, *Search) *Error) (failed *Error) {
	defer func() {
		if r := recover(); r != nil {
			failed = faultError(v.block.Block)
		}
	}()
	return step(ctx, s)
}

// advance reads one page, unless another has found what s is looking for.
func (v *sharedListing) advance(ctx context.Context, s *Search) *Error {
	if s.done {
		return nil
	}
	v.searches[s] = time.Now()
	failed := v.pass.step(ctx, v.show)
	switch {
	case failed != nil && ctx.Err() == nil && !passing(failed):
		v.restart() // perhaps the page is no longer to be had
	case failed == nil:
		v.finishSearches()
	case ctx.Err() != nil:
		return v.cut(ctx)
	}
	return failed
}

// passing reports whether the same page may well be had later.
func passing(failed *Error) bool {
	return failed.Kind == Unreachable || failed.Kind == Throttled || failed.Kind == Unauthorized || failed.Kind == Unknown && (failed.Status == 0 || failed.Status >= 500)
}

// admit lets s take part: in the reading under way only if nothing is read yet.
func (v *sharedListing) admit(_ context.Context, s *Search) *Error {
	if s.done {
		return nil
	}
	now := time.Now()
	for other, run := range v.searches {
		if other != s && now.Sub(run) > sharedListingLife {
			other.took, other.last = nil, nil
			delete(v.searches, other)
		}
	}
	v.searches[s] = now
	if v.pass.pages == 0 {
		s.took = v.pass
	}
	return nil
}

// show gives one item to all searches.
func (v *sharedListing) show(item expr.Scope) sight {
	one, err := v.c.readItem(v.block, item, v.in)
	if err != nil {
		v.showUnreadable(item, err)
		mark := "unreadable\x00" + strings.Join(expr.AllTexts(item.Names["item"]), "\x00")
		return sight{mark: mark, id: tells(v.block, item, "id") != "", name: tells(v.block, item, "name") != ""}
	}
	one.ClockAhead = v.pass.ahead
	seen := one.sight()
	for s := range v.searches {
		if s.look.Each != nil {
			s.look.Each(one, nil)
		}
		if s.look.wants(one) && !s.keys[seen.mark] {
			s.keys[seen.mark] = true
			s.found.Keys = append(s.found.Keys, one)
		}
	}
	return seen
}

// wants reports whether a listed key is one that is looked for.
func (l Look) wants(one Listed) bool {
	return l.Name != "" && one.Handle.Name == l.Name ||
		l.ID != "" && one.Handle.ID == l.ID ||
		l.IDs[one.Handle.ID] || l.Beside[one.Handle.ID] ||
		l.Part != "" && containsFold(one.Handle.Name, l.Part) ||
		l.Containing != "" && containsFold(one.Handle.Name, l.Containing)
}

func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// showUnreadable tells those searches whose key an item may be.
func (v *sharedListing) showUnreadable(item expr.Scope, err error) {
	texts := expr.AllTexts(item.Names["item"])
	for s := range v.searches {
		if s.look.Each != nil {
			s.look.Each(Listed{}, texts)
		}
		if !s.look.within(texts) {
			continue
		}
		told := fmt.Errorf("a listed key that carries %q cannot be read: %w", s.look.text(), err)
		if !slices.ContainsFunc(s.found.Unreadable, func(other error) bool { return other.Error() == told.Error() }) {
			s.found.Unreadable = append(s.found.Unreadable, told)
		}
	}
}

// within reports whether one of the texts carries what is looked for.
func (l Look) within(texts []string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		return l.Name != "" && strings.Contains(text, l.Name) ||
			l.ID != "" && text == l.ID ||
			l.IDs[text] ||
			l.Part != "" && containsFold(text, l.Part) ||
			l.Containing != "" && containsFold(text, l.Containing)
	})
}

// text is what is looked for, as an error may show it.
func (l Look) text() string {
	if l.Name != "" {
		return l.Name
	}
	if l.Containing != "" {
		return l.Containing
	}
	return "its id"
}

// finishSearches ends the searches that have their answer, and begins the next reading
// at the end of one.
func (v *sharedListing) finishSearches() {
	for s := range v.searches {
		if s.look.one() && len(s.found.Keys) > 0 {
			v.end(s)
		}
	}
	if !v.pass.ended {
		return
	}
	for s := range v.searches {
		if s.took == v.pass {
			v.conclude(s)
		}
	}
	v.restart()
}

// one reports whether reading may stop at the first find.
func (l Look) one() bool { return l.Containing == "" && l.IDs == nil && !l.All }

// conclude is what the end of a reading means for a search that has seen it all.
func (v *sharedListing) conclude(s *Search) {
	s.round++
	s.found.Named = s.found.Named || v.pass.named > 0
	s.found.Unidentified = s.found.Unidentified || v.pass.unidentified > 0
	switch {
	case len(s.found.Unreadable) > 0:
		s.found.Doubt = s.found.Unreadable[0].Error()
	case v.pass.doubt != "":
		s.found.Doubt = v.pass.doubt
	case s.look.Once:
		s.found.Whole, s.found.Steady = true, v.pass.whole()
	case v.pass.whole() || v.pass.sameAs(s.last):
		s.found.Whole, s.found.Steady = true, true
	case s.round >= mostReadings:
		s.found.Whole, s.found.Doubt = true, changing
	default:
		s.last = v.pass
		return
	}
	v.end(s)
}

func (v *sharedListing) end(s *Search) {
	s.done = true
	delete(v.searches, s)
}

// restart begins a new reading, in which all searches take part.
func (v *sharedListing) restart() {
	v.pass = newListPass(v.c, v.block, v.scope)
	for s := range v.searches {
		s.took = v.pass
	}
}

// cut is the error of a search whose caller's time has ended.
func (v *sharedListing) cut(ctx context.Context) *Error {
	return &Error{Op: v.block.Block, Kind: Unknown, Message: "the caller's time ended before the list was read to its end", Err: context.Cause(ctx)}
}
