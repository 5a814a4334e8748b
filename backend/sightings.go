package backend

import (
	"context"
	"hash/maphash"
	"time"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/providers"
)

// Whose a key's id is, and whether it is there at all, is asked of each of many keys at a
// time after a restore, say, or where a provider refuses to revoke what it does not have.
// Each reading the list by itself would be that many readings. So after the first few, one
// pass over the list tells for all that come within a while, as far as it can tell what
// would be seen now; what it cannot, the key is looked for by itself for.

// sighting is what a list showed of a key.
type sighting struct {
	// own says that something is listed under the key's name, and ownID that it has its id.
	own, ownID bool
	// ours are keys of other names of this mount that are listed with its id, and
	// nameless and strangers that something else is, without a name and with one.
	ours                []*Orphan
	nameless, strangers bool
	// sure says that the list proves that there was nothing else, and full that it shows
	// other keys of this mount.
	sure, full bool
}

// any reports whether anything is listed under the key's name or with its id.
func (s *sighting) any() bool { return s.own || len(s.ours) > 0 || s.nameless || s.strangers }

// bystanders are what a list shows beside the keys of a mount, by their ids.
type bystanders struct {
	tag func(name string) bool
	// nameless and named are the ids without a name and with one, and unreadable the
	// texts of what cannot be read, any of which may be an id; lost says that there were
	// too many of those.
	nameless, named, unreadable map[uint64]struct{}
	lost                        bool
}

// mostUnreadable bounds how many texts are kept of what cannot be read.
const mostUnreadable = 100_000

var idSeed = maphash.MakeSeed()

func idWord(id string) uint64 { return maphash.String(idSeed, id) }

// newBystanders are those of which isOurs says that they are none of the mount's.
func newBystanders(isOurs func(name string) bool) *bystanders {
	return &bystanders{tag: isOurs, nameless: map[uint64]struct{}{}, named: map[uint64]struct{}{}, unreadable: map[uint64]struct{}{}}
}

// note takes one of a list down; it is a providers.Look's Each.
func (b *bystanders) note(one providers.Listed, unreadable []string) {
	switch {
	case len(unreadable) > 0:
		if b.lost = b.lost || len(b.unreadable) > mostUnreadable; !b.lost {
			for _, text := range unreadable {
				b.unreadable[idWord(text)] = struct{}{}
			}
		}
	case one.Handle.ID == "" || b.tag(one.Handle.Name):
	case one.Handle.Name == "":
		b.nameless[idWord(one.Handle.ID)] = struct{}{}
	default:
		b.named[idWord(one.Handle.ID)] = struct{}{}
	}
}

// mayShow reports whether something that could not be read may be of an id.
func (b *bystanders) mayShow(id string) bool {
	_, unread := b.unreadable[idWord(id)]
	return b.lost || unread
}

// filedByID are the mount's own keys in a list by their ids.
func (l *listing) filedByID() map[string][]*Orphan {
	byID := map[string][]*Orphan{}
	for _, sameName := range l.byPart {
		for _, one := range sameName {
			byID[one.handle.ID] = append(byID[one.handle.ID], one)
		}
	}
	return byID
}

// of is what a list showed of the key with this id and this fixed part of its name. since is
// when the key is old enough to be listed for certain.
func (l *listing) of(id, part string, since time.Time) sighting {
	seen := sighting{own: len(l.byPart[part]) > 0, full: len(l.byPart) > 0}
	for _, one := range l.filed()[id] {
		if one.part == part {
			seen.ownID = true
		} else {
			seen.ours = append(seen.ours, one)
		}
	}
	_, seen.nameless = l.beside.nameless[idWord(id)]
	_, seen.strangers = l.beside.named[idWord(id)]
	seen.sure = l.doubt == nil && !l.began.Before(since) && !l.beside.mayShow(id)
	return seen
}

// sightingOf is what one pass, which serves many, tells of a key; nil where only few are
// looked for, or where the key is better looked for by itself, since what the pass showed
// may be so no longer: nothing but the key itself can have an id that no provider gives
// twice, but any other may by now belong to somebody else.
func (e *Engine) sightingOf(ctx context.Context, bound *boundConnection, r *ledger.Record, asked time.Time) (*sighting, error) {
	mount, err := e.mount(ctx, e.storage)
	if err != nil {
		return nil, err
	}
	part, _, ours := keyname.FindKeyPart(mount.Tag, r.Handle.Name)
	if !ours || !bound.definition.Capabilities.Reconcile {
		return nil, nil
	}
	scope, location := r.HandleScope(bound.definition), passLocation(bound, r.HandleScope(bound.definition))
	unique := isUnique(&r.Handle, part)
	age := passAge
	if unique {
		age = longPassAge
	}
	many := e.pending.passes.lookAgain(location, e.now())
	if !many && e.pending.passes.last(location, readerOf(bound), age, e.now(), e.now()) == nil {
		return nil, nil // of few each is looked for by itself, which stops at it
	}
	last, err := e.passOver(ctx, bound, scope, mount.Tag, age)
	if err != nil {
		return nil, err
	}
	seen := last.listed.of(r.Handle.ID, part, r.OldEnough(asked, e.lagOf(bound)))
	switch {
	case !seen.any() && !seen.sure:
		return nil, nil
	case !seen.any() && !unique && e.now().Sub(last.ended) > last.took():
		return nil, nil // nothing has the id, so that it may be given any moment
	}
	return &seen, nil
}
