package simulation

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"
)

// How the promises of promises.go are looked at.

// leasedKeysWork: whoever holds a lease has a key that works.
func leasedKeysWork(w *world) []string {
	var broken []string
	for _, c := range w.originals() {
		for _, l := range c.held() {
			if k := w.keyOf(l.key); k != nil && k.excused == "" && !k.alive(time.Now()) && !k.isEndUnmoved() {
				broken = append(broken, fmt.Sprintf("%s holds %s until %s, and it is dead%s", l.id, l.name, w.at(l.end), k.fate(w)))
			}
		}
	}
	return broken
}

// isEndUnmoved reports whether the provider ended the key because each request to move
// that end was for another one, whose id the provider had told as this one's.
func (k *key) isEndUnmoved() bool { return k.told != "" && k.deleted.IsZero() && !k.expires.IsZero() }

// staticKeysWork: what static-creds hands out works.
func staticKeysWork(w *world) []string {
	var broken []string
	for _, c := range w.originals() {
		for role, keys := range c.staticKeys() {
			for _, one := range keys {
				if k := w.keyOf(one.secret); k != nil && k.excused == "" && !k.alive(time.Now()) && !w.isSucceededLate(k, one.overlap, c.name+"/"+role) {
					broken = append(broken, fmt.Sprintf("static role %s of %s holds %s, and it is dead%s", role, c.name, k.name, k.fate(w)))
				}
			}
		}
	}
	return broken
}

// isSucceededLate reports whether the provider ended a key of a static role by itself, too
// soon for its overlap, and that is no fault of the engine: an operator wrote or rotated the
// role so late, or the provider was out of order from before a successor was to be made until
// it was too late. It is made a tenth of the key's life before that, or five minutes
// (docs/rotation.md).
func (w *world) isSucceededLate(k *key, overlap time.Duration, role string) bool {
	const moment = 15 * time.Second // within which the engine begins, and asks again
	if !k.deleted.IsZero() || k.expires.IsZero() {
		return false
	}
	end := k.expires.Add(-k.provider.traits.Clock)
	life := end.Sub(k.made)
	begun := end.Add(-min(overlap+min(life/10, 5*time.Minute), life/2))
	w.mu.Lock()
	byHand := overlap > 0 && w.handled[role].After(begun)
	w.mu.Unlock()
	k.provider.mu.Lock()
	defer k.provider.mu.Unlock()
	return byHand || k.provider.stormySince.Before(begun.Add(moment)) && k.provider.stormyUntil.After(end.Add(-overlap-moment))
}

// died is asked at the moment at which the provider deletes a key.
func (w *world) died(k *key) {
	now := time.Now()
	if k.excused != "" {
		return
	}
	for _, c := range w.originals() {
		for _, l := range c.held() {
			if l.key == k.secret && k.secret != "" {
				w.breaks(heldKeysWork, "%s is deleted while %s holds it, %s before its end", k.name, l.id, l.end.Sub(now).Round(time.Second))
			}
		}
		for role, secrets := range c.staticSecrets() {
			if slices.Contains(secrets, k.secret) && k.secret != "" {
				w.breaks(heldKeysWork, "%s is deleted while static role %s holds it", k.name, role)
			}
		}
		for _, r := range c.disk.ledger() {
			if r.Kept && r.Handle.ID == k.id {
				w.breaks(heldKeysWork, "%s is deleted although its static role was to keep it", k.name)
			}
		}
	}
}

// made is asked at the moment at which the provider makes a key, whose answer may
// never arrive. The provider is locked.
func (w *world) made(k *key) {
	if k.excused == "" && !k.cluster.isNoted(k) {
		w.breaks(livingKeysAreNoted, "%s is made, and nothing on disk told that there may be one", k.name)
	}
}

// leaseIsOver is asked at the moment at which Vault is told that a lease's key was
// revoked, and forgets the lease.
func (w *world) leaseIsOver(c *cluster, l *lease) {
	k := w.keyOf(l.key)
	if c.copied || k == nil || k.excused != "" || !k.there(time.Now()) || w.isHeldBeside(k) {
		return
	}
	if !c.queuesKey(k) {
		w.breaks(noKeyOutlives, "%s is over, and its key %s lives on", l.id, k.name)
	}
}

// isHeldBeside reports whether somebody holds the key, by whichever lease or role.
func (w *world) isHeldBeside(k *key) bool {
	return slices.ContainsFunc(w.originals(), func(c *cluster) bool { return c.heldNames()[fixedPart(k.name)] })
}

// nobodysKeysEnd: what was made for a reader who hung up, of which no lease can be,
// ends as soon as nothing is in the way.
func nobodysKeysEnd(w *world) []string {
	const soon = 16 * time.Minute // a queue's longest pause, and a minute
	since, mended := w.mendedFor()
	if !mended || since < soon {
		return nil
	}
	var broken []string
	for _, c := range w.originals() {
		gone := c.readersGone()
		for _, r := range c.disk.ledger() {
			if gone[r.RequestID] && w.lives(r.Handle.Name) && !w.excusedName(r.Handle.Name) {
				broken = append(broken, fmt.Sprintf("%s was made for a reader who hung up, and lives on", r))
			}
		}
	}
	return broken
}

// storedAdminsWork: the credential in config/ works, unless the world took it
// away, or a swap at the provider is just on its way to storage.
func storedAdminsWork(w *world) []string {
	var broken []string
	for _, c := range w.originals() {
		for name, secret := range c.storedAdmins() {
			if w.adminWith(secret) != nil || w.isTaken(secret) || w.swapsUnderWay(c, name) {
				continue
			}
			broken = append(broken, fmt.Sprintf("config/%s of %s holds one that does not", name, c.name))
		}
	}
	return broken
}

// adminEnded is asked at the moment at which an admin credential is removed.
func (w *world) adminEnded(a *admin) {
	if w.isTaken(a.secret) || a.taken {
		return
	}
	for _, c := range w.originals() {
		for name, secret := range c.storedAdmins() {
			if secret == a.secret {
				w.breaks(adminWorks, "credential %s is removed while config/%s of %s holds it", a.name, name, c.name)
			}
		}
	}
}

// everyKeyIsNoted is the engine's first invariant.
func everyKeyIsNoted(w *world) []string {
	var broken []string
	for _, k := range w.livingKeys() {
		if k.excused != "" || k.shared { // a shared one is asked for again, until it is known
			continue
		}
		if w.recordOf(k) == nil && !k.cluster.isNoted(k) {
			broken = append(broken, fmt.Sprintf("%s, made at %s, is alive, and nothing on disk tells of it", k.name, w.at(k.made)))
		}
	}
	return broken
}

// forgot is asked at the moment at which a record leaves the ledger: the
// engine's second invariant.
func (w *world) forgot(c *cluster, r *storedRecord) {
	if c.copied || slices.ContainsFunc(c.disk.ledger(), func(other *storedRecord) bool { return other.Handle.ID == r.Handle.ID }) {
		return // what another record names goes with that
	}
	for _, p := range w.providers {
		// The provider calls died while it is locked, and never removes records.
		p.mu.Lock()
		for _, k := range p.keys() {
			if k.id == r.Handle.ID && strings.HasSuffix(k.name, fixedPart(r.Handle.Name)) && k.there(time.Now()) && k.excused == "" && !c.queuesKey(k) {
				w.breaks(recordsOutlive, "the record of %s is removed, and the provider never ended the key", k.name)
			}
		}
		p.mu.Unlock()
	}
}

// deadlinesAreRight is the engine's third invariant.
func deadlinesAreRight(w *world) []string {
	var broken []string
	for _, c := range w.originals() {
		byName := map[string]*storedRecord{}
		for _, r := range c.disk.ledger() {
			byName[fixedPart(r.Handle.Name)] = r
			if r.Deadline.IsZero() && r.Static == "" {
				broken = append(broken, fmt.Sprintf("the record of %s has none", r))
			}
		}
		for _, l := range c.held() {
			r := byName[fixedPart(l.name)]
			if r != nil && r.Deadline.Before(l.end) && !w.clocksJumped(c) {
				broken = append(broken, fmt.Sprintf("the record of %s ends at %s, and its lease at %s", l.name, w.at(r.Deadline), w.at(l.end)))
			}
		}
	}
	return broken
}

// everyAdminIsKnown: no credential of full power is left behind without a trace.
func everyAdminIsKnown(w *world) []string {
	known := map[string]bool{}
	noted := false
	for _, c := range w.originals() {
		for _, secret := range c.storedAdmins() {
			known[secret] = true
		}
		noted = noted || len(c.disk.paths("rotation/")) > 0 || c.queues("retire")
	}
	var broken []string
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	for _, account := range w.host.accounts {
		for _, a := range account.admins {
			if a.byEngine && !a.removed && !a.taken && !known[a.secret] && !noted && !w.isTaken(a.previous) {
				broken = append(broken, fmt.Sprintf("admin credential %s works, and nothing tells of it", a.name))
			}
		}
	}
	return broken
}

// storageIsBounded: what is stored is in proportion to what is alive.
func storageIsBounded(w *world) []string {
	const perKey, besides = 4, 120
	var broken []string
	for _, c := range w.originals() {
		entries := len(c.disk.paths(""))
		if bound := besides + perKey*c.made(); entries > bound {
			broken = append(broken, fmt.Sprintf("%s stores %d entries, for %d keys that were ever made", c.name, entries, c.made()))
		}
	}
	return broken
}

// trafficIsBounded: a provider is never asked by very many at once.
func trafficIsBounded(w *world) []string {
	const atOnce = 100
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	if w.host.most > atOnce {
		return []string{fmt.Sprintf("%d requests were in flight at once", w.host.most)}
	}
	return nil
}

// processIsBounded: what the engine starts comes to its end.
func processIsBounded(w *world) []string {
	const most = 1500
	if n := runtime.NumGoroutine(); n > most {
		return []string{fmt.Sprintf("%d goroutines are alive", n)}
	}
	return nil
}

// quietIsQuiet: what goes on without end would show as requests.
func quietIsQuiet(w *world) []string {
	const most, atAll = 1500, 20_000
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	if n := w.host.requests - w.host.requestsBefore; n-w.host.further > most || n > atAll {
		return []string{fmt.Sprintf("%d requests were made in the quiet hour, most of them %s", n, w.host.mostAsked())}
	}
	return nil
}

// ledgerMatchesProvider: each living key has one record, and each record a
// living key that somebody holds.
func ledgerMatchesProvider(w *world) []string {
	var broken []string
	living, byID := map[string]*key{}, map[string]*key{}
	for _, k := range w.livingKeys() {
		living[fixedPart(k.name)], byID[k.id] = k, k
		if k.excused == "" && !k.shared && w.recordOf(k) == nil {
			broken = append(broken, fmt.Sprintf("%s is alive, and no ledger has it", k.name))
		}
	}
	for _, c := range w.originals() {
		held := c.heldNames()
		for _, r := range c.disk.ledger() {
			k := living[fixedPart(r.Handle.Name)]
			if k == nil && r.Static != "" {
				k = byID[r.Handle.ID] // two static roles may be told of one key
			}
			switch {
			case k != nil && (r.Kept || held[fixedPart(k.name)]):
			case k != nil && k.excused != "":
			case k == nil && w.excusedName(r.Handle.Name):
			case k == nil:
				broken = append(broken, fmt.Sprintf("%s has a record in %s, and is dead", r, c.name))
			default:
				broken = append(broken, fmt.Sprintf("%s is alive, and nobody holds it", r))
			}
		}
	}
	return broken
}

// nothingIsLeftToDo: no queue, no mark, no note is left.
func nothingIsLeftToDo(w *world) []string {
	var broken []string
	for _, c := range w.originals() {
		for _, prefix := range []string{"queue/", "dirty/", "rotation/"} {
			for _, path := range c.disk.paths(prefix) {
				if c.wasLeftByFormer(path) || c.isOnlyLookedFor(path) || c.wasLiedOf(path) {
					continue
				}
				if w.clocksJumped(c) && prefix != "rotation/" {
					continue // what was noted while a clock was ahead waits for as long, which harms nobody
				}
				broken = append(broken, fmt.Sprintf("%s of %s is left%s: %.300s", path, c.name, c.lastError(path), redacted(c.disk.get(path))))
			}
		}
	}
	return broken
}

// wasLeftByFormer reports whether an entry of the queue is of a process that went on
// after its successor had read the queue, about a key that is dead: the next start
// drops it.
func (c *cluster) wasLeftByFormer(path string) bool {
	id, queued := strings.CutPrefix(path, "queue/")
	var entry struct {
		KeyName string `json:"key_name"`
	}
	return queued && c.disk.decode(path, &entry) && !c.world.lives(entry.KeyName) &&
		!slices.ContainsFunc(c.queued(), func(one waiting) bool { return one.id == id })
}

// believedLate is how long it takes at most that a key which its provider said it deleted is
// looked for, ended and looked for again: pauses between looks, one of the queue, and lags.
const believedLate = 45 * time.Minute

// wasLiedOf reports whether an entry of the queue is of a key that is dead, and of which its
// provider has said so too early of late: that it is dead by now is still to be seen.
func (c *cluster) wasLiedOf(path string) bool {
	var entry struct {
		KeyName string `json:"key_name"`
	}
	if !c.disk.decode(path, &entry) || entry.KeyName == "" || c.world.lives(entry.KeyName) {
		return false
	}
	return slices.ContainsFunc(c.world.host.keys(), func(k *key) bool {
		return fixedPart(k.name) == fixedPart(entry.KeyName) && !k.liedOf.IsZero() && time.Since(k.liedOf) < believedLate
	})
}

// isOnlyLookedFor reports whether an entry of the queue is of a key that is dead, and that
// the provider did not know when it was asked to end it: by that alone nobody can tell that
// it is. Where others of the mount are shown in its place, that is told.
func (c *cluster) isOnlyLookedFor(path string) bool {
	var entry struct {
		Kind       string `json:"kind"`
		KeyName    string `json:"key_name"`
		Connection string `json:"connection"`
	}
	if !c.disk.decode(path, &entry) || entry.Kind != "missing" || c.world.lives(entry.KeyName) {
		return false
	}
	return entry.Connection == usersConnection || c.world.life.Traits.NoList || c.world.life.Traits.Unnamed || !c.showsOthers(entry.KeyName)
}

// showsOthers reports whether the provider has lately listed other keys of the mount where
// it made the one of that name.
func (c *cluster) showsOthers(name string) bool {
	shown := false
	for _, p := range c.world.providers {
		p.mu.Lock()
		for _, one := range p.keys() {
			if fixedPart(one.name) != fixedPart(name) {
				continue
			}
			shown = shown || slices.ContainsFunc(p.keys(), func(other *key) bool {
				return other.cluster == c && !other.isBeside() && other.account == one.account && other.project == one.project &&
					other.alive(time.Now()) && time.Since(other.made) > quiet
			})
		}
		p.mu.Unlock()
	}
	return shown
}

// reconcileFindsTwins: what a proxy made twice goes with the next reconcile.
func reconcileFindsTwins(w *world) []string {
	var broken []string
	// Where the connection was deleted since, there is none to reconcile.
	twins := slices.DeleteFunc(w.livingKeys(), func(k *key) bool {
		return !k.twin || k.cluster.storedAdmins()["one"] == "" || w.life.Traits.Lies != "" && k.liedOf.IsZero() // it would be told to be gone
	})
	if len(twins) == 0 || !w.life.Traits.findsByName() {
		return nil
	}
	w.reconcileAll()
	for _, k := range twins {
		if k.there(time.Now()) {
			broken = append(broken, fmt.Sprintf("%s was made twice, and a reconcile leaves both", k.name))
		}
	}
	return broken
}

// liesAreSeen: a key that its provider said it deleted, and lists all the same, is deleted
// again, by whoever was told so; its role has it looked for.
func liesAreSeen(w *world) []string {
	t := w.life.Traits
	since, mended := w.mendedFor()
	if t.NoList || t.Verify && !t.Probe || !mended || since < believedLate {
		return nil // nobody looks, or could yet
	}
	var broken []string
	for _, k := range w.livingKeys() {
		c := k.cluster
		if k.believed != nil && time.Since(k.liedOf) > believedLate && c.leader() == k.believed && !w.replaced[c.name+"/one"] && !w.replaced[c.name+"/two"] {
			broken = append(broken, fmt.Sprintf("%s lives on, which the provider said it deleted", k.name))
		}
	}
	return broken
}

// fate tells how a key died.
func (k *key) fate(w *world) string {
	switch {
	case !k.deleted.IsZero():
		return ", deleted at " + w.at(k.deleted)
	case !k.expires.IsZero():
		return ", ended by the provider at " + w.at(k.expires)
	}
	return ""
}

// at is a time as the history shows it.
func (w *world) at(t time.Time) string { return t.Sub(w.began).Round(time.Millisecond).String() }

// sortedNames are the keys of a map in order.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
