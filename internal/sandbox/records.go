package sandbox

import (
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"
)

// record is a key, an admin key or an account.
type record struct {
	id, name  string
	sequence  uint64 // order of making
	createdAt time.Time
	deletedAt time.Time
	expiresAt time.Time // zero for never
	// lastUsedAt is when somebody signed in with it; zero for never.
	lastUsedAt time.Time
	scopes     []string
	owner      string
	labels     map[string]string
	cidrs      []netip.Prefix
	secret     digest
	account    *record // of a key that belongs to one
	keys       shelf   // of an account
	grace      *grace  // of a deleted key that works on
}

// grace is how long a deleted key works on: until every limit is used up.
type grace struct {
	uses    int // -1 for no limit
	until   time.Time
	release <-chan struct{}
}

func (s *Server) newRecord(prefix, name string) *record {
	s.sequence++
	return &record{id: newID(prefix), name: name, sequence: s.sequence, createdAt: s.now().UTC().Truncate(time.Millisecond)}
}

func (rec *record) admin() bool { return strings.HasPrefix(rec.id, "adm_") }

func (rec *record) deleted() bool { return !rec.deletedAt.IsZero() }

func (rec *record) expired(now time.Time) bool {
	return !rec.expiresAt.IsZero() && !now.Before(rec.expiresAt)
}

// honoured reports whether the record is not deleted, or the sandbox pretends
// not to know it yet; that counts as a use.
func (rec *record) honoured(now time.Time) bool {
	if !rec.deleted() {
		return true
	}
	g := rec.grace
	if g == nil || g.uses == 0 || !g.until.IsZero() && !now.Before(g.until) {
		return false
	}
	select {
	case <-g.release:
		return false
	default:
	}
	if g.uses > 0 {
		g.uses--
	}
	return true
}

// admits reports whether the record may be used from a remote address.
func (rec *record) admits(remote string) bool {
	if len(rec.cidrs) == 0 {
		return true
	}
	from, err := netip.ParseAddrPort(remote)
	return err == nil && slices.ContainsFunc(rec.cidrs, func(p netip.Prefix) bool {
		return p.Contains(from.Addr().Unmap())
	})
}

// allowed are the scopes that a key has, of its own or through its account.
func (rec *record) allowed() []string {
	if rec.account != nil {
		return rec.account.scopes
	}
	return rec.scopes
}

// shelf holds records with unique names in the order in which they were made.
type shelf struct {
	byID   map[string]*record
	byName map[string]*record
	order  []*record // deleted ones stay until they are half of it
	dead   int
}

// add refuses a name that is taken.
func (s *shelf) add(rec *record) bool {
	if s.byID == nil {
		s.byID, s.byName = map[string]*record{}, map[string]*record{}
	}
	if s.byName[rec.name] != nil {
		return false
	}
	s.byID[rec.id], s.byName[rec.name] = rec, rec
	s.order = append(s.order, rec)
	return true
}

func (s *shelf) remove(rec *record) {
	delete(s.byID, rec.id)
	delete(s.byName, rec.name)
	s.dead++
	if s.dead > len(s.order)/2 {
		s.order = slices.DeleteFunc(s.order, (*record).deleted)
		s.dead = 0
	}
}

// all are the records not deleted, oldest first.
func (s *shelf) all() []*record {
	return slices.DeleteFunc(slices.Clone(s.order), (*record).deleted)
}

// page returns up to limit records made after one point and not after another,
// and whether there are more.
func (s *shelf) page(after, until uint64, limit int) (found []*record, more bool) {
	start := sort.Search(len(s.order), func(i int) bool { return s.order[i].sequence > after })
	for _, rec := range s.order[start:] {
		switch {
		case rec.sequence > until:
			return found, false
		case rec.deleted():
		case len(found) == limit:
			return found, true
		default:
			found = append(found, rec)
		}
	}
	return found, false
}

// drop deletes a record and, of an account, its keys.
func (s *Server) drop(from *shelf, rec *record) {
	for _, key := range rec.keys.all() {
		s.drop(&rec.keys, key)
	}
	rec.deletedAt = s.now().UTC()
	from.remove(rec)
	s.gone[rec.id] = rec
	if isKey(rec) {
		s.counters.Deleted++
	}
	if rec.grace == nil {
		delete(s.secrets, rec.secret)
	}
}

func isKey(rec *record) bool { return strings.HasPrefix(rec.id, "key_") }
