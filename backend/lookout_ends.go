package backend

import (
	"context"
	"time"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/providers"
)

// An original that only renews leases makes no key by which its copy could tell that it is
// alive. But where a renewal moves the provider's own end of the key, and the list tells
// that end, it shows: what this process or those before it asked for is in the key's record
// before it is asked for, so a key that ends later has been extended by somebody else.

// endSlack is by how much a listed end may be later than what is known of it: clocks differ,
// and providers round.
const endSlack = 5 * time.Minute

// listedEnd is when a provider ends a key, as it lists that.
type listedEnd struct {
	at    time.Time     // by its own clock; zero where it does not tell
	ahead time.Duration // of our clock
}

// noteEnds notes when the provider ends the keys that one look has seen.
func (l *lookout) noteEnds(key string, listed *listing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ends := map[string]listedEnd{}
	for part, sameName := range listed.byPart {
		if end := sameName[0].end; !end.at.IsZero() && len(sameName) == 1 {
			ends[part] = end
		}
	}
	l.at(key).ends = ends
}

// endOf is when the last look at a location saw the key end that bears a fixed part.
func (l *lookout) endOf(key, part string) (end listedEnd, told bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	end, told = l.at(key).ends[part]
	return end, told
}

// refuseIfExtended refuses to end a key that somebody else has extended.
func (e *Engine) refuseIfExtended(ctx context.Context, bound *boundConnection, scope providers.ListingScope, r *ledger.Record) error {
	if !bound.definition.Capabilities.Extend || r.ExpiresAt.IsZero() || r.Unrecorded { // a lease knows of no renewal
		return nil
	}
	mount, err := e.mount(ctx, e.storage)
	if err != nil {
		return err
	}
	part, _, _ := keyname.FindKeyPart(mount.Tag, r.Handle.Name)
	end, told := e.guard.lookout.endOf(lookKey(bound, scope), part)
	known := r.ExpiresAt
	if r.AskedUntil.After(known) {
		known = r.AskedUntil
	}
	slack := max(endSlack, bound.definition.Expiry.Granularity)
	if !told || !end.at.Add(-end.ahead).After(known.Add(slack)) {
		return nil
	}
	return e.becomePassive(ctx, bound, "lists a key of this mount that ends later than anybody here has asked for", []string{r.Handle.Name})
}
