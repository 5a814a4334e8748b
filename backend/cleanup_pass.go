package backend

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"vault-plugin-secrets-apikeys/backend/keyed"
	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/providers"
)

const (
	// fewLooks is how many lost keys of one connection are looked for each by its own
	// name. More of them share one pass over the list.
	fewLooks = 3
	// passAge is how long a pass serves those who come later.
	passAge = 10 * time.Second
	// longPassAge is how long it serves where it is asked only whether it is worth the
	// while to look anew.
	longPassAge = time.Minute
)

// passes are the last passes over what providers list, by location. Whoever looks for
// a lost key while another one reads the same list waits for that, and uses it.
type passes struct {
	reading keyed.Locks

	mu         sync.Mutex
	byLocation map[string]*pass
	looking    map[string]int // those who look, by connection
	// looked are how many have looked for a key by its id of late, by location.
	looked map[string]*lookedOften
}

// lookedOften counts looks since a moment, and those of the while before that.
type lookedOften struct {
	since         time.Time
	looks, before int
}

// pass is one reading of a list, or why it failed.
type pass struct {
	by     reader
	listed *listing
	err    error
	ended  time.Time

	mu sync.Mutex
	// siblings says whether the list shows keys of an account at an address, see
	// showsSiblings.
	siblings map[string]bool
}

// reader is who reads a list: the definition, and the connection with its credential. Each
// write of a connection makes another one.
type reader struct {
	definition string
	connection *Connection
}

func readerOf(bound *boundConnection) reader {
	return reader{definition: bound.definition.Hash(), connection: bound.connection}
}

func newPasses() passes {
	return passes{reading: keyed.New(), byLocation: map[string]*pass{}, looking: map[string]int{}, looked: map[string]*lookedOften{}}
}

// look notes that somebody looks for a lost key of a connection until end is called,
// and how many do.
func (p *passes) look(connection string) (lookers int, end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looking[connection]++
	return p.looking[connection], func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.looking[connection]--; p.looking[connection] == 0 {
			delete(p.looking, connection)
		}
	}
}

// lookAgain counts a look for a key by its id at a location, and reports whether there were
// more than a few within a while, so that all of them are better told by one pass.
func (p *passes) lookAgain(location string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.looked[location]
	if one == nil {
		one = &lookedOften{since: now}
		p.looked[location] = one
	}
	if now.Sub(one.since).Abs() > longPassAge {
		one.since, one.before, one.looks = now, one.looks, 0
	}
	one.looks++
	return max(one.before, one.looks) > fewLooks
}

// isOlder reports whether a pass is too old to serve whoever asks for one of that age. One
// that took longer than that serves for as long as it took: by its end it tells of things
// that are as old anyway.
func (p *pass) isOlder(age time.Duration, now time.Time) bool {
	return now.Sub(p.ended).Abs() > max(age, p.took())
}

func (p *pass) took() time.Duration {
	if p.listed == nil {
		return 0
	}
	return p.ended.Sub(p.listed.began)
}

// last is a pass of no more than an age that serves whoever has waited for it since then,
// nil for none. One that failed serves only those.
func (p *passes) last(location string, by reader, age time.Duration, since, now time.Time) *pass {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.byLocation[location]
	if last == nil || last.by != by || last.isOlder(age, now) || last.err != nil && last.ended.Before(since) {
		return nil
	}
	return last
}

// put has a pass serve others.
func (p *passes) put(location string, one *pass) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byLocation[location] = one
}

// forgetOld drops the passes that are too old to serve anybody, and the counts of looks.
func (p *passes) forgetOld(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.byLocation, func(_ string, one *pass) bool { return one.isOlder(longPassAge, now) })
	maps.DeleteFunc(p.looked, func(_ string, one *lookedOften) bool { return now.Sub(one.since).Abs() > 2*longPassAge })
}

// madeSearch is what a look for what a mint made came to.
type madeSearch struct {
	providers.Found
	// began is the moment of which the answer tells.
	began time.Time
	// others says that other keys of the mount were shown in the same place.
	others bool
}

// findMade finds what a mint made, by the name that was asked for or, should the
// provider have changed that, by the fixed part of it.
func (e *Engine) findMade(ctx context.Context, bound *boundConnection, entry *queue.Entry) (found madeSearch, err error) {
	lookers, end := e.pending.passes.look(bound.name)
	defer end()
	if bound.definition.Capabilities.Reconcile && (lookers > fewLooks || e.books.queue.CleansUpMoreThan(bound.name, fewLooks)) {
		mount, err := e.mount(ctx, e.storage)
		if err != nil {
			return found, err
		}
		if part, _, ours := keyname.FindKeyPart(mount.Tag, entry.KeyName); ours {
			return e.findInPass(ctx, bound, entry.Scope, mount.Tag, part)
		}
	}
	look := e.pending.searches.of(entry.ID, bound.client, e.now(), func() (*providers.Search, *bystanders) {
		return bound.client.Search(entry.Scope, providers.Look{Name: entry.KeyName, Containing: entry.ID}), nil
	})
	found.began = look.began
	found.Found, err = look.search.Run(ctx)
	if err == nil {
		e.noteListed(bound, entry.Scope, found.Found)
		e.pending.searches.end(entry.ID)
	}
	return found, err
}

// findInPass finds what bears the fixed part of a name in a pass that serves all who
// look at the same location.
func (e *Engine) findInPass(ctx context.Context, bound *boundConnection, scope providers.ListingScope, tag, part string) (found madeSearch, err error) {
	last, err := e.passOver(ctx, bound, scope, tag, passAge)
	if err != nil {
		return found, err
	}
	found.began, found.Steady, found.Named = last.listed.began, last.listed.doubt == nil, last.listed.named
	found.others = len(last.listed.byPart) > 0
	for _, one := range last.listed.byPart[part] {
		found.Keys = append(found.Keys, providers.Listed{Handle: one.handle})
	}
	return found, nil
}

// passOver is a pass over what a location lists of this mount's keys, and of missing ones by
// their ids: the last one where that is no older than an age.
func (e *Engine) passOver(ctx context.Context, bound *boundConnection, scope providers.ListingScope, tag string, age time.Duration, ids ...string) (*pass, error) {
	since := e.now()
	by := readerOf(bound)
	location := passLocation(bound, scope)
	unlock, err := e.pending.passes.reading.Lock(ctx, location)
	if err != nil {
		return nil, err
	}
	defer unlock()
	last := e.pending.passes.last(location, by, age, since, e.now())
	if last == nil || last.err == nil && !last.listed.hasSought(ids) {
		isOurs := func(name string) bool { _, _, ours := keyname.FindKeyPart(tag, name); return ours }
		read := func() (*listing, error) {
			return e.listBeside(ctx, bound, scope, tag, "clean-up "+location, newBystanders(isOurs))
		}
		listed, err := read()
		if err == nil && !listed.hasSought(ids) { // that was one which began before they were missing
			listed, err = read()
		}
		last = &pass{by: by, listed: listed, err: err, ended: e.now()}
		e.pending.passes.put(location, last)
	}
	return last, last.err
}

// hasSought reports whether the ids were among those that the list was read for.
func (l *listing) hasSought(ids []string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return !l.sought[id] })
}

func passLocation(bound *boundConnection, scope providers.ListingScope) string {
	return bound.name + " " + bound.definition.Hash() + " " + scope.String()
}
