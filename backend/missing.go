package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/providers"
)

// A provider that answers "no such key" may say so to whoever may not see it, such as an
// admin credential that has lost rights. Its check may pass all the same, and where a
// project was deleted its list is gone for good, with all its keys: the two cannot be told
// apart at that moment. So Vault's lease ends, and a note of the key stays on the queue.
// It is looked for at growing distances, and ended when it shows, until something tells
// the one from the other.

// longestMissing is how long a key is looked for of which nothing tells whether it is
// gone. By then who runs the provider has seen an admin credential without rights.
const longestMissing = 30 * 24 * time.Hour

// uniqueID is the least length of what a provider made of an id that it does not use again:
// of one that it counts up, or that people choose, a later key may have it by now.
const uniqueID = 16

// isUnique reports whether nothing but the key itself can have its id, be it ever so much
// later, or before. What its role and its connection gave is not the provider's: a person
// may give it again. Nor are words, as the names of a path: they are in every id.
func isUnique(h *providers.Handle, part string) bool {
	if strings.Contains(h.ID, part) {
		return true
	}
	made := h.ID
	for _, given := range []providers.Values{h.Role, h.Connection} {
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if text, ok := given[name].(string); ok && text != "" {
				made = strings.ReplaceAll(made, text, "")
			}
		}
	}
	drawn := 0
	for word := range strings.FieldsFuncSeq(made, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if strings.ContainsFunc(word, unicode.IsDigit) {
			drawn += len(word)
		}
	}
	return drawn >= uniqueID
}

// missingID begins the id of an entry about a key whose name does not tell one.
const missingID = "missing-"

// believe takes the provider's word that there is no such key, as far as it goes: what
// the key itself can be asked is asked, and of what cannot be told a note stays.
func (e *Engine) believe(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) error {
	if e.pending.deletions.since(deletionOfKey(r)).IsZero() {
		return e.believeUnheard(ctx, s, w, r, since)
	}
	return nil // it was deleted before, and the ledger could not be written
}

func (e *Engine) believeUnheard(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) error {
	if w.client.CanProbe(r.Handle) {
		switch liveness, err := w.client.ProbeKept(ctx, r.Handle); {
		case err == nil && liveness == providers.Alive:
			return e.stillAlive(ctx, s, w, r, since)
		case err == nil && liveness == providers.Dead && w.probesAsMade(r):
			return nil
		}
	}
	mount, err := e.mount(ctx, s)
	if err != nil {
		return err
	}
	id, _, ours := keyname.FindKeyPart(mount.Tag, r.Handle.Name)
	if !ours {
		id = missingID + r.ID // its name is nobody's by now; its id may tell
	}
	if e.books.queue.Noted(id) || !e.pending.deletions.since(deletionOfMissing(id)).IsZero() {
		return nil // it is looked for already, or was found by that and has ended
	}
	entry := queue.Entry{
		ID: id, Kind: queue.Missing, Role: r.Role, KeyName: r.Handle.Name, Handle: &r.Handle, Scope: r.HandleScope(w.definition),
		ExpiresAt: r.ExpiresAt, MadeAt: r.IssuedAt, ByWord: r.VerifyRevocation == ledger.ByWord,
		Reason: "its provider knew no such key when it was to be revoked", Told: r.Misnamed,
	}
	if !r.ExpiresAt.IsZero() && r.AskedUntil.After(r.ExpiresAt) {
		entry.ExpiresAt = r.AskedUntil
	}
	entry.SetOrigin(r.Origin())
	return e.noteMissing(ctx, s, entry)
}

// leaveMissing has a key that a failed mint may have left looked for as one that is
// missing: its provider says that it knows no such key. gone says that it may be believed,
// since it has deleted another one there.
func (e *Engine) leaveMissing(ctx context.Context, entry *queue.Entry, handle providers.Handle) (gone bool, err error) {
	if !e.pending.deletions.since(deletionAt(entry.Origin(), entry.Scope)).Before(entry.TrustAbsenceAfter) {
		return true, nil
	}
	left := *entry
	left.Kind, left.Handle = queue.Missing, &handle
	if err := e.noteMissing(ctx, e.storage, left); err != nil {
		return false, err
	}
	e.books.marks.End(entry.Connection, entry.KeyName)
	return false, nil
}

// noteMissing has a key looked for that its provider does not know.
func (e *Engine) noteMissing(ctx context.Context, s logical.Storage, entry queue.Entry) error {
	if err := e.enqueue(context.WithoutCancel(ctx), s, entry, false); err != nil {
		return fmt.Errorf("noting a key that its provider does not know: %w", err)
	}
	e.triggerQueue()
	return nil
}

// lookForMissing looks once more for a key that its provider did not know, and ends it if
// it is there. It answers nil when the key is known to be gone, or was looked for for so
// long that this has to do.
func (e *Engine) lookForMissing(ctx context.Context, entry *queue.Entry) error {
	if e.now().Sub(entry.Since) > longestMissing {
		e.log.Warn("a key that its provider did not know was looked for in vain for a month, and is looked for no longer", "connection", entry.Connection, "key_name", entry.KeyName)
		return nil
	}
	w, release, err := e.wayTo(ctx, e.storage, entry.Origin())
	switch {
	case err != nil:
		return e.stillMissing(entry, err)
	case e.isOver(w.boundConnection, entry):
		release()
		return nil
	}
	defer release()
	if len(w.doubts) > 0 {
		return e.stillMissing(entry, errors.New(strings.Join(w.doubts, " and ")))
	}
	seen, err := e.seeMissing(ctx, w, entry)
	if err != nil {
		return e.stillMissing(entry, err)
	}
	over := false
	for _, handle := range seen.ways { // a proxy may have had two made of one name
		gone, err := e.endMissing(ctx, w, entry, handle)
		if err != nil {
			return e.stillMissing(entry, err)
		}
		over = over || gone
	}
	switch {
	case over:
		return nil
	case seen.listed && entry.ByWord:
		return nil // it is shown among those of the past, to whom that is shown
	case seen.listed:
		return e.stillMissing(entry, errors.New("it is listed; check the definition's revoke, or, if its list shows keys of the past, have list leave those out or set verify_revocation=off on the role"))
	case seen.others || e.pending.deletions.since(deletionAt(entry.Origin(), entry.Scope)).After(entry.Since):
		return nil
	}
	return e.stillMissing(entry, errors.New("no other key of this mount was shown or deleted there since, so the admin credential may have no right to"))
}

// missingSeen is what a look for a key that is missing came to.
type missingSeen struct {
	// ways are how to end it, where it may be there; listed says that the provider shows it.
	ways   []providers.Handle
	listed bool
	// others says that other keys of the mount are shown where it should be.
	others bool
}

// seeMissing looks for a key that is missing: by its name, and by its id, since the provider
// or a person may have changed the name.
func (e *Engine) seeMissing(ctx context.Context, w way, entry *queue.Entry) (seen missingSeen, err error) {
	switch own := !entry.Told && isUnique(entry.Handle, entry.ID); {
	case w.definition.Capabilities.Reconcile:
		return e.seeListed(ctx, w, entry, own)
	case w.definition.Capabilities.Lookup:
		found, err := w.client.Find(ctx, entry.Scope, providers.Look{Name: entry.KeyName})
		if err != nil || len(found.Keys) == 0 && !found.Absent() {
			return seen, errors.Join(append(found.Unreadable, err)...)
		}
		for _, listed := range found.Keys {
			seen.ways, seen.listed = append(seen.ways, listed.Handle), true
		}
		if !seen.listed && own {
			seen.ways = append(seen.ways, *entry.Handle)
		}
		return seen, nil
	case own:
		return missingSeen{ways: []providers.Handle{*entry.Handle}}, nil
	}
	return seen, fmt.Errorf("%s offers no list, and another key may have got its id; look for it there yourself, then write queue/%s/give-up", w.definition.Title, entry.ID)
}

// seeListed is seeMissing by the provider's list. own says that nothing else can have the
// key's id.
func (e *Engine) seeListed(ctx context.Context, w way, entry *queue.Entry, own bool) (seen missingSeen, err error) {
	mount, err := e.mount(ctx, e.storage)
	if err != nil {
		return seen, err
	}
	var ids []string
	if entry.Handle.ID != "" {
		ids = append(ids, entry.Handle.ID)
	}
	read, err := e.passOver(ctx, w.boundConnection, entry.Scope, mount.Tag, passAge, ids...)
	if err != nil {
		return seen, err
	}
	for _, one := range read.listed.byPart[entry.ID] {
		seen.ways = append(seen.ways, one.handle)
	}
	other, there := read.listed.byID[entry.Handle.ID]
	if there && len(seen.ways) == 0 && !keyname.IsOfSomeMount(other.Name) { // such a name is another key's
		if !own {
			return seen, errors.New(underOtherName(other.Name, entry.ID))
		}
		seen.ways = append(seen.ways, other)
	}
	seen.listed = len(seen.ways) > 0
	if !seen.listed && read.listed.doubt != nil {
		return seen, read.listed.doubt
	}
	seen.others = len(read.listed.byPart) > 0
	return seen, nil
}

// endMissing revokes a key that may be there after all, unless somebody holds it, and
// reports whether there is nothing left to do.
func (e *Engine) endMissing(ctx context.Context, w way, entry *queue.Entry, handle providers.Handle) (gone bool, err error) {
	if handle.ID == entry.Handle.ID {
		handle = *entry.Handle // which has all that was saved
	}
	missing := false
	err = e.removeUnlessHeld(ctx, e.storage, removal{
		object: objectOf(w.boundConnection, handle),
		claim:  claim{part: entry.ID},
		work:   "missing",
		why:    entry.Reason,
		remove: func(ctx context.Context) (err error) {
			missing, err = w.client.Delete(ctx, handle)
			return err
		},
	})
	switch {
	case errors.Is(err, errHeld):
		return true, nil // the ledger has it again, or its id is another's
	case err != nil || missing:
		return false, err
	}
	e.pending.deletions.note(e.now(), deletionOfMissing(entry.ID), deletionAt(entry.Origin(), entry.Scope))
	e.log.Warn("a key that its provider did not know was there all the same, and is revoked now; see whether the admin credential had lost rights", "connection", entry.Connection, "key_name", entry.KeyName)
	return true, nil
}

// stillMissing keeps a key that is looked for on the queue, the longer it has been there
// the longer until the next look. What says that the provider is not there at all is the
// queue's own.
func (e *Engine) stillMissing(entry *queue.Entry, err error) error {
	var answer *providers.Error
	unanswered := errors.As(err, &answer) && answer.Kind != providers.Refused
	if err == nil || unanswered || errors.Is(err, errPassive) {
		return err
	}
	pause := min(max(e.now().Sub(entry.Since)/4, missingPause), 24*time.Hour)
	return &unproven{reason: "the provider knew no such key, which is no proof that it is gone: " + err.Error(), until: e.now().Add(pause)}
}

// missingPause is the shortest pause between two looks for a key that is missing.
const missingPause = 10 * time.Second

// recently remembers when something last happened by this process' requests, such as that
// a provider deleted a key: who asked had the right to.
type recently struct {
	mu            sync.Mutex
	newer, former map[string]time.Time
}

// mostRecent bounds how many things are remembered.
const mostRecent = 10_000

func deletionOfKey(r *ledger.Record) string { return "key " + r.ID + r.Handle.Name }

// deletionOfMissing is of a key that was looked for by an entry of that id.
func deletionOfMissing(id string) string { return "missing " + id }

func deletionAt(of origin.Origin, scope providers.ListingScope) string {
	return "at " + placeOf(of, scope)
}

// placeOf is the same for what one account sees at one place.
func placeOf(of origin.Origin, scope providers.ListingScope) string {
	return of.Connection + " " + of.Account + " " + origin.Address(of.BaseURL) + " " + scope.String()
}

func (d *recently) note(now time.Time, of ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.newer == nil || len(d.newer) >= mostRecent/2 {
		d.newer, d.former = map[string]time.Time{}, d.newer
	}
	for _, one := range of {
		d.newer[one] = now
	}
}

// isEmpty reports whether nothing is remembered.
func (d *recently) isEmpty() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.newer)+len(d.former) == 0
}

// first is when that was first asked about: now, for what is not known.
func (d *recently) first(now time.Time, of string) time.Time {
	if at := d.since(of); !at.IsZero() {
		return at
	}
	d.note(now, of)
	return now
}

// isSince reports whether that is known to have happened at or after a time.
func (d *recently) isSince(of string, then time.Time) bool {
	at := d.since(of)
	return !at.IsZero() && !at.Before(then)
}

// since is when that last happened; zero where it is not known to have.
func (d *recently) since(of string) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at, ok := d.newer[of]; ok {
		return at
	}
	return d.former[of]
}
