package simulation

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// What is true, as the invariants need it: of the provider's own memory, of
// storage as it is on disk, and of Vault's leases.

// fixedLength is the length of the part of a name that nothing changes.
const fixedLength = 22

// fixedPart is the part of a key's name that the provider leaves alone.
func fixedPart(name string) string { return name[max(0, len(name)-fixedLength):] }

// keyOf is the key with a value; nil for none.
func (w *world) keyOf(secret string) *key {
	if secret == "" {
		return nil
	}
	for _, address := range sortedNames(w.providers) {
		p := w.providers[address]
		p.mu.Lock()
		all := p.keys()
		p.mu.Unlock()
		for _, k := range all {
			if k.secret == secret {
				return k
			}
		}
	}
	return nil
}

// livingKeys are the keys whose deletion no provider has accepted, by age.
func (w *world) livingKeys() []*key {
	var living []*key
	now := time.Now()
	for _, address := range sortedNames(w.providers) {
		p := w.providers[address]
		p.mu.Lock()
		for _, k := range p.keys() {
			if k.there(now) {
				living = append(living, k)
			}
		}
		p.mu.Unlock()
	}
	return living
}

// recordOf is the ledger's record of a key, in whichever cluster; nil for none.
func (w *world) recordOf(k *key) *storedRecord {
	for _, c := range w.originals() {
		for _, r := range c.disk.ledger() {
			if k.isRecorded(r) {
				return r
			}
		}
	}
	return nil
}

// excusedName reports whether nothing is promised of the key with a name.
func (w *world) excusedName(name string) bool {
	for _, p := range w.providers {
		p.mu.Lock()
		for _, k := range p.keys() {
			if fixedPart(k.name) == fixedPart(name) && k.excused != "" {
				p.mu.Unlock()
				return true
			}
		}
		p.mu.Unlock()
	}
	return false
}

// excuse says why nothing is promised of a key any more.
func (w *world) excuse(k *key, why string) {
	if k != nil && k.excused == "" {
		k.excused = why
	}
}

func (w *world) isTaken(secret string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.takenAway[secret]
}

// take notes that the world ended an admin credential.
func (w *world) take(secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.takenAway[secret] = true
}

// swapGrace is how long a swapped credential may take to storage.
const swapGrace = 3 * time.Minute

// swapsUnderWay reports whether the stored credential may be one that was
// replaced at the provider a moment ago, or whose successor is on disk.
func (w *world) swapsUnderWay(c *cluster, connection string) bool {
	if c.disk.get("rotation/"+connection) != nil {
		return true
	}
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	for _, account := range w.host.accounts {
		for _, a := range account.admins {
			if time.Since(a.swapped) < swapGrace {
				return true
			}
		}
	}
	return false
}

// loseSwaps excuses credentials that a provider swapped in place and that only a
// process knew which is no more.
func (w *world) loseSwaps() {
	stored := map[string]bool{}
	for _, c := range w.originals() {
		for _, secret := range c.storedAdmins() {
			stored[secret] = true
		}
	}
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	for _, account := range w.host.accounts {
		for _, a := range account.admins {
			if a.previous != "" && !stored[a.secret] && w.life.Traits.Rotation == rotateInPlace {
				w.take(a.previous)
			}
		}
	}
}

func (w *world) clocksJumped(c *cluster) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jumped
}

// heldLeases are the leases whose keys are relied on.
func (c *cluster) heldLeases() []*lease {
	var held []*lease
	now := time.Now()
	for _, l := range c.allLeases() {
		c.mu.Lock()
		if l.holds(now) && !c.copied {
			held = append(held, l)
		}
		c.mu.Unlock()
	}
	return held
}

// held are copies of them as they are now, which Vault's own work on leases does
// not change.
func (c *cluster) held() []*lease {
	held := c.heldLeases()
	for i, l := range held {
		c.mu.Lock()
		copied := *l
		c.mu.Unlock()
		held[i] = &copied
	}
	return held
}

// heldNames are the fixed parts of the names of all that is held.
func (c *cluster) heldNames() map[string]bool {
	names := map[string]bool{}
	for _, l := range c.held() {
		names[fixedPart(l.name)] = true
	}
	for _, secrets := range c.staticSecrets() {
		for _, secret := range secrets {
			if k := c.world.keyOf(secret); k != nil {
				names[fixedPart(k.name)] = true
			}
		}
	}
	return names
}

// handed is a key that a static role hands out.
type handed struct {
	secret string
	// overlap is for how long it is to work beside its successor; 0 for one that has none.
	overlap time.Duration
}

// staticKeys is what each static role hands out: its current key, and those
// before whose overlap is not over.
func (c *cluster) staticKeys() map[string][]handed {
	type staticKey struct {
		Secret   map[string]any `json:"secret"`
		IssuedAt time.Time      `json:"issued_at"`
		Until    time.Time      `json:"until"`
	}
	all := map[string][]handed{}
	for _, path := range c.disk.paths("static-role/") {
		role := strings.TrimPrefix(path, "static-role/")
		var keys struct {
			Current  *staticKey   `json:"current"`
			Previous []*staticKey `json:"previous"` // the newest first
			InDoubt  bool         `json:"in_doubt"`
		}
		if !c.disk.decode("static-key/"+role, &keys) {
			continue
		}
		successor := keys.Current
		for _, k := range keys.Previous {
			if time.Now().Before(k.Until) {
				overlap := time.Duration(0)
				if successor != nil {
					overlap = k.Until.Sub(successor.IssuedAt)
				}
				all[role] = append(all[role], handed{c.world.keyIn(k.Secret), overlap})
			}
			successor = k
		}
		if keys.Current != nil && !keys.InDoubt { // see docs/definitions.md, of in_place
			all[role] = append(all[role], handed{c.world.keyIn(keys.Current.Secret), 0})
		}
	}
	return all
}

// staticSecrets are the values of what static roles hand out.
func (c *cluster) staticSecrets() map[string][]string {
	all := map[string][]string{}
	for role, keys := range c.staticKeys() {
		for _, k := range keys {
			all[role] = append(all[role], k.secret)
		}
	}
	return all
}

// storedAdmins are the credentials in config/, by connection.
func (c *cluster) storedAdmins() map[string]string {
	stored := map[string]string{}
	for _, path := range c.disk.paths("config/") {
		var connection struct {
			Fields map[string]any `json:"fields"`
		}
		if c.disk.decode(path, &connection) {
			name, field := strings.TrimPrefix(path, "config/"), c.world.life.Traits.credential()
			if isBeside(name) {
				field = "admin_key"
			}
			stored[name], _ = connection.Fields[field].(string)
		}
	}
	return stored
}

// isNoted reports whether something on disk tells that there may be such a key.
func (c *cluster) isNoted(k *key) bool {
	if c.queuesKey(k) || c.queuesCrashOf(k) {
		return true
	}
	for _, path := range c.disk.paths("dirty/") {
		var mark struct {
			Since time.Time `json:"since"`
		}
		if c.disk.decode(path, &mark) && !mark.Since.Add(-time.Second).After(k.made) {
			return true
		}
	}
	return false
}

// queuesCrashOf reports whether an entry of the queue is of a crash that may have left the
// key, which an operator is to end where nothing tells keys by their names.
func (c *cluster) queuesCrashOf(k *key) bool {
	return (k.given || !c.world.life.Traits.findsByName()) && slices.ContainsFunc(c.disk.paths("queue/"), func(path string) bool {
		var entry struct {
			Kind     string    `json:"kind"`
			MadeFrom time.Time `json:"made_from"`
		}
		return c.disk.decode(path, &entry) && entry.Kind == "crash" && !entry.MadeFrom.Add(-time.Second).After(k.made)
	})
}

func (c *cluster) queues(kind string) bool {
	return slices.ContainsFunc(c.disk.paths("queue/"), func(path string) bool {
		var entry struct {
			Kind string `json:"kind"`
		}
		return c.disk.decode(path, &entry) && entry.Kind == kind
	})
}

// queuesKey reports whether an entry of the queue names the key.
func (c *cluster) queuesKey(k *key) bool {
	return slices.ContainsFunc(c.disk.paths("queue/"), func(path string) bool {
		return strings.Contains(string(c.disk.get(path)), fixedPart(k.name))
	})
}

// readersGone are the requests whose readers hung up while the process that
// answered them went on.
func (c *cluster) readersGone() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.gone)
}

// made counts the keys that were ever made for the cluster.
func (c *cluster) made() int {
	made := 0
	for _, p := range c.world.providers {
		p.mu.Lock()
		for _, k := range p.keys() {
			if k.cluster == c {
				made++
			}
		}
		p.mu.Unlock()
	}
	return made
}

var secretText = regexp.MustCompile(secretMark + `[^"]*`)

// redacted is what is stored, without the world's secrets, on one line.
func redacted(value []byte) string {
	var compact any
	if json.Unmarshal(value, &compact) != nil {
		return string(value)
	}
	return secretText.ReplaceAllString(string(value), "…")
}
