package marks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/stored"
)

// A connection is marked dirty on disk before a mint may call its provider, so
// that a crash between the call and the ledger leaves a trace: the next leader
// lists the provider's keys and revokes those that nobody holds. The mark is
// like a file system's: one write when a connection becomes busy and one when
// it is idle again, and one every so many seconds of use between.
//
// Each process has its own mark, named by its epoch. A mark of another epoch is
// an inherited one: its process may have died in mid-mint.
const (
	Prefix = "dirty/"
	// IdleBeforeClean keeps the mark through short pauses.
	IdleBeforeClean = time.Minute
)

// Marks knows which mints are in flight, per connection.
type Marks struct {
	// Epoch tells the marks of this process from those that others left.
	Epoch string
	// Now is the time by which marks are kept.
	Now func() time.Time
	// AccountedFor reports whether storage tells, beside the mark, that this process
	// has made keys in these windows; a mark that is not yet told of stays.
	AccountedFor func(Windows) bool

	mu           sync.Mutex
	byConnection map[string]*connectionMark
}

type connectionMark struct {
	mu   sync.Mutex
	Mark *Mark
	// dropped says that nothing was known of the connection any more, and that this is
	// not what is known of it since.
	dropped bool
	// doubtful says that the mark may not be on disk: it counts as set when it
	// comes to clearing it, and as unset for a mint.
	doubtful bool
	// inFlight holds the names of keys that are being minted, or whose outcome
	// is unknown and not yet on the durable queue.
	inFlight map[string]struct{}
	lastUsed time.Time
}

// New are the marks of a process of its own, which goes by the given clock.
func New(now func() time.Time) *Marks {
	return &Marks{
		Epoch:        keyname.Random(keyname.RandomLength),
		Now:          now,
		AccountedFor: func(Windows) bool { return true },
		byConnection: map[string]*connectionMark{},
	}
}

// Of is what this process knows of a connection; nil where that is nothing.
func (a *Marks) Of(connection string) *connectionMark {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byConnection[connection]
}

// locked is what this process knows of a connection, from now on if that was nothing. The
// caller unlocks it.
func (a *Marks) locked(connection string) *connectionMark {
	for {
		c := a.begun(connection)
		c.mu.Lock()
		if !c.dropped {
			return c
		}
		c.mu.Unlock()
	}
}

func (a *Marks) begun(connection string) *connectionMark {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.byConnection[connection]
	if c == nil {
		c = &connectionMark{inFlight: map[string]struct{}{}}
		a.byConnection[connection] = c
	}
	return c
}

// dropIfIdle forgets a connection of which there is nothing to know. The caller holds its
// lock.
func (a *Marks) dropIfIdle(connection string, c *connectionMark) {
	if c.Mark != nil || c.doubtful || len(c.inFlight) > 0 {
		return
	}
	c.dropped = true
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byConnection[connection] == c {
		delete(a.byConnection, connection)
	}
}

// connections are the names of those that were used by this process.
func (a *Marks) connections() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.byConnection))
}

func (a *Marks) path(connection string) string {
	return Prefix + connection + "/" + a.Epoch
}

// Begin marks the connection dirty if it is not, and the key as in flight.
// Nothing may be asked of the provider when it fails.
func (a *Marks) Begin(ctx context.Context, s logical.Storage, connection, keyName string, mint Mint) error {
	c := a.locked(connection)
	defer c.mu.Unlock()
	now := a.Now()
	if c.Mark == nil || c.doubtful || !c.Mark.covers(mint, now) {
		c.Mark = c.Mark.extended(mint, now)
		c.doubtful = true // a write that fails may have been carried out all the same
		if err := stored.Write(ctx, s, a.path(connection), c.Mark); err != nil {
			return fmt.Errorf("marking connection %q as in use: %w", connection, err)
		}
		c.doubtful = false
	}
	c.inFlight[keyName] = struct{}{}
	c.lastUsed = now
	return nil
}

// DefinitionsInUse notes the hashes of a provider's uploaded definitions that
// the marks of this process need.
func (a *Marks) DefinitionsInUse(inUse map[string]bool, provider string) {
	for _, name := range a.connections() {
		if c := a.Of(name); c != nil {
			c.mu.Lock()
			if c.Mark != nil {
				c.Mark.DefinitionsInUse(inUse, provider)
			}
			c.mu.Unlock()
		}
	}
}

// End takes the key out of flight: it is in the ledger, or known not to exist,
// or on the durable queue.
func (a *Marks) End(connection, keyName string) {
	c := a.Of(connection)
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inFlight, keyName)
	c.lastUsed = a.Now()
}

// InFlight is a snapshot of the names that are in flight on a connection.
func (a *Marks) InFlight(connection string) map[string]bool {
	c := a.Of(connection)
	if c == nil {
		return map[string]bool{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	names := make(map[string]bool, len(c.inFlight))
	for name := range c.inFlight {
		names[name] = true
	}
	return names
}

// CleanIdle removes the marks of connections that have been idle for a while.
func (a *Marks) CleanIdle(ctx context.Context, s logical.Storage) error {
	return a.cleanUnused(ctx, s, IdleBeforeClean)
}

// CleanStopped removes, for a process that stops in good order, the marks of the
// connections with nothing in flight, however short a time ago they were in use. A
// mint that begins all the same marks its connection anew.
func (a *Marks) CleanStopped(ctx context.Context, s logical.Storage) error {
	return a.cleanUnused(ctx, s, 0)
}

func (a *Marks) cleanUnused(ctx context.Context, s logical.Storage, since time.Duration) error {
	var failed error
	for _, name := range a.connections() {
		failed = errors.Join(failed, a.cleanIfUnused(ctx, s, name, since))
	}
	return failed
}

// Windows are those of all marks: when this process may have made keys of which a
// mark is to tell.
func (a *Marks) Windows() Windows {
	var all Windows
	for _, name := range a.connections() {
		if c := a.Of(name); c != nil {
			c.mu.Lock()
			if c.Mark != nil {
				all = append(all, c.Mark.Windows...)
			}
			c.mu.Unlock()
		}
	}
	return all
}

// cleanIfUnused removes a mark under which nothing is in flight and was for so long.
func (a *Marks) cleanIfUnused(ctx context.Context, s logical.Storage, connection string, since time.Duration) error {
	c := a.Of(connection)
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer a.dropIfIdle(connection, c)
	if c.Mark == nil || len(c.inFlight) > 0 || a.Now().Sub(c.lastUsed) < since {
		return nil
	}
	if !a.AccountedFor(c.Mark.Windows) {
		return nil // the next tick finds it signed for
	}
	c.doubtful = true // a deletion that fails may have been carried out all the same
	if err := s.Delete(ctx, a.path(connection)); err != nil {
		return fmt.Errorf("clearing the mark of connection %q: %w", connection, err)
	}
	c.Mark, c.doubtful = nil, false
	return nil
}

// Stored is a mark that another process left behind.
type Stored struct {
	// Path is the mark's name in storage.
	Path string
	// Connection is the name of the connection, and Mark what was left.
	Connection string
	Mark       Mark
	// Left are the locations that are not recovered yet.
	Left map[string]bool
	// Damaged is why Mark is empty: what was left cannot be read. It is nil as a rule.
	Damaged error
}

// OfOthers reads the marks of every other epoch. Beside stored.ErrUnreadable it
// returns them all, those that cannot be read as Damaged.
func (a *Marks) OfOthers(ctx context.Context, s logical.Storage) ([]*Stored, error) {
	marks, err := a.All(ctx, s)
	own := func(m *Stored) bool { return strings.HasSuffix(m.Path, "/"+a.Epoch) }
	return slices.DeleteFunc(marks, own), err
}

// All reads the marks of all epochs, this one's among them. Beside
// stored.ErrUnreadable it returns them all, those that cannot be read as Damaged.
func (a *Marks) All(ctx context.Context, s logical.Storage) ([]*Stored, error) {
	connections, err := s.List(ctx, Prefix)
	if err != nil {
		return nil, fmt.Errorf("listing the marks: %w", err)
	}
	var found []*Stored
	var broken error
	for _, folder := range connections {
		connection := strings.TrimSuffix(folder, "/")
		epochs, err := s.List(ctx, Prefix+connection+"/")
		if err != nil {
			return nil, fmt.Errorf("listing the marks of connection %q: %w", connection, err)
		}
		for _, epoch := range epochs {
			path := Prefix + connection + "/" + epoch
			m, err := stored.Read[Mark](ctx, s, path)
			if unread := stored.UnlessUnreadable(err, &broken); unread != nil {
				return nil, unread
			}
			if errors.Is(err, stored.ErrUnreadable) {
				found = append(found, &Stored{Path: path, Connection: connection, Damaged: err})
			} else if m != nil {
				found = append(found, &Stored{Path: path, Connection: connection, Mark: *m, Left: map[string]bool{}})
			}
		}
	}
	return found, broken
}

// IsInFlight reports whether a key with this fixed part is being minted, and by
// which connection.
func (a *Marks) IsInFlight(tag, part string) (connection string, yes bool) {
	for _, name := range a.connections() {
		if c := a.Of(name); c != nil && c.isInFlight(tag, part) {
			return name, true
		}
	}
	return "", false
}

func (c *connectionMark) isInFlight(tag, part string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for keyName := range c.inFlight {
		if own, _, ok := keyname.FindKeyPart(tag, keyName); ok && own == part {
			return true
		}
	}
	return false
}
