package ledger

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

// What a provider lists is compared with the ledger by what the index has of each record,
// in one walk through that, so that of a million records those alone are read that are not
// listed as they should be.

// Listed are the keys that a provider lists.
type Listed struct {
	// names and both stand for the ends of their names, and for these with an id.
	names map[uint32]bool
	both  map[[2]uint32]bool
}

// Add notes a listed key by the fixed part of its name and its id.
func (l *Listed) Add(part, id string) {
	if l.names == nil {
		l.names, l.both = map[uint32]bool{}, map[[2]uint32]bool{}
	}
	name := wordOf(strings.ToLower(part))
	l.names[name], l.both[[2]uint32{name, wordOf(id)}] = true, true
}

// Recorded are the listed keys of which the index has a record with that name and that id.
type Recorded struct{ both map[[2]uint32]bool }

// Has reports whether that is one of them.
func (r Recorded) Has(part, id string) bool {
	return r.both[[2]uint32{wordOf(strings.ToLower(part)), wordOf(id)}]
}

// Compare tells which of the listed keys have records, whatever their connection, and the
// ids of those records of a connection, at locations of which may tells, whose keys
// are not listed by their names. Some whose keys are not listed may be missing among them:
// one in some billions for each key that is.
func (l *Ledger) Compare(listed *Listed, connection string, may func(scope string) bool) (recorded Recorded, unlisted []string) {
	recorded.both = map[[2]uint32]bool{}
	for n := range Shards {
		unlisted = append(unlisted, l.compare(n, listed, recorded, connection, may)...)
	}
	return recorded, unlisted
}

// compare is Compare for one shard.
func (i *index) compare(n int, listed *Listed, recorded Recorded, connection string, may func(scope string) bool) (unlisted []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, one := range i.shards[n].records {
		if both := ([2]uint32{one.part, one.id}); listed.both[both] {
			recorded.both[both] = true
		}
		if of := i.origins.of(one.origin); of.connection == connection && !listed.names[one.part] && (of.scope == manyScopes || may(of.scope)) {
			unlisted = append(unlisted, hex.EncodeToString(one.key[:]))
		}
	}
	return unlisted
}

// ScopesOf are the locations where records of a connection are listed, by their names. It
// reads those records where the index does not tell them apart.
func (l *Ledger) ScopesOf(ctx context.Context, s logical.Storage, connection string) (map[string]providers.ListingScope, error) {
	if scopes, sure := l.scopesOf(connection); sure {
		return scopes, nil
	}
	scopes := map[string]providers.ListingScope{}
	for r, err := range l.OfConnection(ctx, s, connection) {
		if err != nil && !errors.Is(err, stored.ErrUnreadable) {
			return nil, err
		}
		if err == nil {
			scopes[r.Scope.String()] = r.Scope
		}
	}
	return scopes, nil
}

func (i *index) scopesOf(connection string) (map[string]providers.ListingScope, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.origins.scopesOf(connection)
}

// Newest is when the newest key was made of which this process has known a record.
func (i *index) Newest() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.newest
}
