package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// changes are what operators change, at Vault and at the provider.
func changes() []action {
	return []action{
		{kind: "replace credential", weight: 2, do: replaceCredential, describe: func(e Event, t Traits) string {
			return "an operator gives config/" + e.connection(t) + " another credential of the same account, and ends the old one"
		}},
		{kind: "share credential", weight: 1, fits: func(t Traits) bool { return t.Second == secondConnection && t.Rotation == rotateNew },
			do: shareCredential, describe: say("an operator gives config/two the credential of config/one")},
		{kind: "other account", weight: 1, do: otherAccount, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("an operator gives config/%s a credential of another account (force=%v)", e.connection(t), e.Yes)
		}},
		{kind: "other host", weight: 1, do: otherHost, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("an operator has config/%s lead to another host (force=%v)", e.connection(t), e.Yes)
		}},
		{kind: "delete project", weight: 1, fits: func(t Traits) bool { return t.Projects }, do: deleteProject,
			describe: say("the project beta is deleted at the provider, with its keys")},
		{kind: "delete account", weight: 1, do: deleteAccount, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("our account is deleted at the provider, with all that is in it; an operator has a credential of a new one written after %s", round(e.D))
		}},
		{kind: "override", weight: 1, do: override, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("an operator uploads another definition of the same provider, and the first one again after %s", round(e.D))
		}},
		{kind: "upload", weight: 2, do: func(w *world, e Event) {
			text := w.life.Traits.definition(fmt.Sprint("revision ", e.N))
			_ = w.write(w.clusterOf(e), e, "definitions/"+w.life.Traits.provider(), map[string]any{"definition": text})
		}, describe: say("an operator uploads a new revision of the definition")},
		{kind: "delete role", weight: 1, do: func(w *world, e Event) {
			c, t := w.clusterOf(e), w.life.Traits
			_ = w.remove(c, e, "roles/app")
			time.Sleep(e.D)
			if !w.isOver() {
				_ = w.write(c, e, "roles/app", roleData(t, "one", "alpha"))
			}
		}, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("roles/app is deleted, and written again after %s", round(e.D))
		}},
		{kind: "delete connection", weight: 1, do: func(w *world, e Event) {
			c, name := w.clusterOf(e), e.connection(w.life.Traits)
			err := w.remove(c, e, "config/"+name)
			w.leaveToOperators()
			if err != nil {
				return
			}
			time.Sleep(e.D)
			if !w.isOver() {
				w.replacing(c, name)
				_ = w.write(c, e, "config/"+name, w.connectionData(c, name, nil))
			}
		}, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("config/%s is deleted without force, and written again after %s", e.connection(t), round(e.D))
		}},
		{kind: "move", weight: 1, do: moveMount, describe: say("the mount is moved to another path, by which its leases end")},
		{kind: "tune", weight: 1, do: func(w *world, e Event) {
			c := w.clusterOf(e)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.defaultTTL, c.maxTTL = e.tuned()/2, e.tuned()
		}, describe: func(e Event, t Traits) string { return fmt.Sprintf("the mount's max_lease_ttl is %s now", e.tuned()) }},
		{kind: "credential ended", weight: 1, do: credentialEnded, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("the provider ends the credential of config/%s; an operator writes another after %s", e.connection(t), round(e.D))
		}},
		{kind: "clock", weight: 2, do: func(w *world, e Event) {
			c := w.clusterOf(e)
			n := c.leader()
			if n == nil {
				return
			}
			c.mu.Lock()
			c.jumped = true
			c.mu.Unlock()
			n.set(e.jump())
			time.Sleep(e.D)
			n.set(0)
		}, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("the leader's clock is off by %s for %s", e.jump(), round(e.D))
		}},
		{kind: "clone", weight: 1, do: clone, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("a snapshot is taken, and started beside its original after %s", round(e.drill(t)))
		}},
		{kind: "early clone", weight: 0, do: cloneEarly, describe: func(e Event, t Traits) string { // of a pattern alone
			return fmt.Sprintf("a snapshot is taken, and started beside its original after %s already", round(e.D))
		}},
		{kind: "restore", weight: 1, do: restore, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("a snapshot is taken, and restored in place after %s; an operator claims the mount", round(e.D))
		}},
	}
}

func (e Event) tuned() time.Duration {
	return []time.Duration{10 * time.Minute, 40 * time.Minute, 3 * time.Hour}[e.A%3]
}

func (e Event) jump() time.Duration {
	return []time.Duration{90 * time.Second, time.Hour, 24 * time.Hour, 365 * 24 * time.Hour, -90 * time.Second, -time.Hour}[e.A%6]
}

// drill is later than a failover can last: a snapshot that is started sooner
// cannot be told from one, but where each of those waits for a claim.
func (e Event) drill(t Traits) time.Duration {
	if t.Claims {
		return e.D
	}
	return 11*time.Minute + e.D
}

// lose notes that whatever the process still has under way is lost with the
// storage that it was for.
func (n *node) lose() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lost = true
}

func (n *node) isLost() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lost
}

func (n *node) set(clock time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clock = clock
}

// giveCredential has an operator change a connection's credential. Those that
// nothing stores any more are his to end from then on.
func (w *world) giveCredential(c *cluster, e Event, name string, data map[string]any) {
	w.replacing(c, name)
	err := w.write(c, e, "config/"+name, data)
	if err != nil && strings.Contains(err.Error(), "force=true") && w.isTaken(c.storedAdmins()[name]) {
		// The stored one is dead, so whatever the new one is, it is better.
		data["force"] = true
		_ = w.write(c, e, "config/"+name, data)
	}
	w.leaveToOperators()
}

// leaveToOperators notes that the credentials which nothing stores are not the
// engine's any more: an operator wrote another over them, or deleted them.
func (w *world) leaveToOperators() {
	stored := map[string]bool{}
	for _, c := range w.originals() {
		for _, secret := range c.storedAdmins() {
			stored[secret] = true
		}
	}
	for _, p := range w.providers {
		p.mu.Lock()
		for _, account := range p.accounts {
			for _, a := range account.admins {
				if !stored[a.secret] {
					a.taken = true
				}
			}
		}
		p.mu.Unlock()
	}
}

func replaceCredential(w *world, e Event) {
	c, name := w.clusterOf(e), e.connection(w.life.Traits)
	w.giveCredential(c, e, name, w.credential(name, w.newAdmin(c, name)))
}

// shareCredential leaves two connections with one credential, which a rotation of
// either must not take from the other.
func shareCredential(w *world, e Event) {
	c := w.originals()[0]
	if secret := c.storedAdmins()["one"]; !w.isTaken(secret) {
		w.mu.Lock()
		w.shared = append(w.shared, secret)
		w.mu.Unlock()
		w.giveCredential(c, e, "two", w.credential("two", &admin{secret: secret}))
	}
}

func otherAccount(w *world, e Event) {
	c, name := w.clusterOf(e), e.connection(w.life.Traits)
	w.host.mu.Lock()
	others := w.host.accounts[len(w.host.accounts)-1]
	theirs := w.host.addAdmin(others, "operator-theirs-"+name)
	w.host.mu.Unlock()
	w.leading(c, name)
	data := w.credential(name, theirs)
	data["force"] = e.Yes
	w.giveCredential(c, e, name, data)
}

func otherHost(w *world, e Event) {
	c, name := w.clusterOf(e), e.connection(w.life.Traits)
	other := w.providers["two.sim:80"]
	other.mu.Lock()
	made := other.addAdmin(other.accounts[0], "operator-other-"+name)
	other.mu.Unlock()
	w.leading(c, name)
	data := w.credential(name, made)
	data["base_url"], data["force"] = "http://two.sim", e.Yes
	w.giveCredential(c, e, name, data)
}

// moveMount has Vault end all leases of a mount and load it anew at another path.
func moveMount(w *world, e Event) {
	c := w.clusterOf(e)
	if c.leader() == nil {
		return
	}
	for _, l := range c.allLeases() {
		c.end(l)
	}
	time.Sleep(time.Duration(e.A%20) * time.Second)
	if c.leader() == nil || w.isOver() {
		return
	}
	c.mu.Lock()
	c.mountPoint = fmt.Sprintf("moved-%d/", e.N)
	c.mu.Unlock()
	c.stepDown(0)
	if c.leader() == nil && !w.isOver() {
		c.lead()
	}
}

// leading notes that a connection may lead elsewhere until it is mended.
func (w *world) leading(c *cluster, connection string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.elsewhere[c.name+"/"+connection] = true
}

func deleteProject(w *world, e Event) {
	w.host.mu.Lock()
	for _, k := range w.host.accounts[0].keys {
		if k.project == "beta" && k.there(time.Now()) {
			k.excused = "its project was deleted"
			k.deleted, k.dies = time.Now(), time.Now()
		}
	}
	w.host.accounts[0].projects["beta"] = false
	w.host.mu.Unlock()
	// Nothing there can be asked any more: what waits for it is given up by hand.
	for _, c := range w.originals() {
		for name := range c.storedAdmins() {
			w.replacing(c, name)
		}
	}
	time.Sleep(e.D)
	for _, c := range w.originals() {
		if !w.isOver() {
			_ = w.write(c, e, "roles/batch", roleData(w.life.Traits, "one", "gamma"))
		}
	}
}

// deleteAccount ends our account at the provider. What was in it is dead, and the
// connections that lead there are given credentials of a new one.
func deleteAccount(w *world, e Event) {
	w.host.mu.Lock()
	gone := w.host.accounts[0]
	for _, k := range gone.keys {
		if k.there(time.Now()) {
			k.excused = "its account was deleted"
			k.deleted, k.dies = time.Now(), time.Now()
		}
	}
	for _, a := range gone.admins {
		a.removed, a.taken = true, true
		w.take(a.secret)
	}
	fresh := newAccount(fmt.Sprint("ours since ", e.N))
	w.host.accounts = slices.Insert(w.host.accounts, 0, fresh)
	w.host.mu.Unlock()
	time.Sleep(e.D)
	if !w.isOver() {
		w.mendConnections()
	}
}

// override uploads a definition that says less of what the provider can do, and
// other things otherwise, and after a while the first one.
func override(w *world, e Event) {
	c, other := w.clusterOf(e), w.life.Traits
	other.Lookup, other.Probe, other.Extend = false, false, false
	if other.Pages > 0 {
		other.Pages, other.ByNumber = other.Pages+1, !other.ByNumber
	}
	for i, t := range []Traits{other.consistent(), w.life.Traits} {
		if i > 0 {
			time.Sleep(e.D)
		}
		if w.isOver() {
			return
		}
		text := t.definition(fmt.Sprint("override ", e.N, " ", i))
		_ = w.write(c, e, "definitions/"+w.life.Traits.provider(), map[string]any{"definition": text})
	}
}

func credentialEnded(w *world, e Event) {
	c, name := w.clusterOf(e), e.connection(w.life.Traits)
	secret := c.storedAdmins()[name]
	w.take(secret)
	w.host.mu.Lock()
	if a := w.host.adminOf(secret); a != nil {
		a.removed, a.taken = true, true
		w.host.endKeysOf(nil, a)
	}
	w.host.mu.Unlock()
	time.Sleep(e.D)
	if !w.isOver() {
		w.giveCredential(c, e, name, w.credential(name, w.newAdmin(c, name)))
	}
}

// snapshot is a cluster's storage and leases at one moment.
type snapshot struct {
	taken  time.Time
	disk   map[string][]byte
	leases map[string]*lease
	gone   map[string]bool // readers who had hung up
	// ends are when the provider was to end each key; nil but of a copy that starts early.
	ends map[*key]time.Time
}

func (c *cluster) snapshot() snapshot {
	s := snapshot{taken: time.Now(), disk: c.disk.snapshot(), leases: map[string]*lease{}, gone: c.readersGone()}
	for _, l := range c.allLeases() {
		c.mu.Lock()
		copied := *l
		c.mu.Unlock()
		copied.timer = nil
		s.leases[l.id] = &copied
	}
	return s
}

// clone starts a copy of a cluster beside it, whose leases end there, too.
func clone(w *world, e Event) {
	c := w.clusterOf(e)
	t := w.life.Traits
	if w.clocksJumped(c) && !t.Claims {
		return // see docs/reliability.md: what is stored does not tell how old it is
	}
	s := c.snapshot()
	time.Sleep(e.drill(t))
	w.startCopy(e, s)
}

// startCopy starts a snapshot beside its original, unless it is too late for that.
func (w *world) startCopy(e Event, s snapshot) {
	if w.isOver() || w.isMended() {
		return
	}
	copied := newCluster(w, fmt.Sprintf("copy%d-", e.N))
	copied.copied = true
	if s.ends != nil {
		copied.early = &s
	}
	copied.disk.restore(s.disk)
	copied.leases = s.leases
	copied.lead()
}

// cloneEarly starts a copy that cannot be told from a successor: it acts, until it sees that
// its original does. Of what it does before nothing is promised, but that it ends no key
// which its original has extended since.
func cloneEarly(w *world, e Event) {
	c := w.originals()[0]
	if w.clocksJumped(c) {
		return
	}
	s := c.snapshot()
	s.ends = map[*key]time.Time{}
	for _, k := range w.livingKeys() {
		s.ends[k] = k.expires
	}
	time.Sleep(e.D)
	w.startCopy(e, s)
}

// endDrills ends the copies that were started early, and has an operator say that what is left
// is the only one: by what they made it may wait for that.
func (w *world) endDrills() {
	drilled := false
	for _, c := range w.clusters {
		if n := c.leader(); c.early != nil && n != nil {
			c.resign()
			c.bury(n)
			drilled = true
		}
	}
	if drilled {
		w.claim(w.originals()[0])
	}
}

// excuseEarly excuses a key that a copy ends which nothing tells that it is one.
func (p *provider) excuseEarly(from *node, k *key) {
	const seen, calm, later = 2 * time.Minute, 5 * time.Minute, 6 * time.Minute
	s := from.cluster.early
	if s == nil {
		return
	}
	before, was := s.ends[k]
	told := was && k.extended.After(s.taken) && time.Since(k.extended) > seen && k.expires.Sub(before) > later
	if !told || time.Since(p.stormyUntil) < calm {
		p.world.excuse(k, "a copy ended it that was started early")
	}
}

// restore puts a snapshot in the place of a cluster's storage.
func restore(w *world, e Event) {
	c := w.clusterOf(e)
	s := c.snapshot()
	time.Sleep(e.D)
	n := c.leader()
	if n == nil || w.isOver() {
		return
	}
	c.mu.Lock()
	c.active = nil
	for _, l := range c.leases {
		l.disarm()
	}
	c.restored = true
	c.leases, c.gone = s.leases, s.gone // what is on the queue for others was lost
	nodes := slices.Clone(c.nodes)
	c.mu.Unlock()
	for _, former := range nodes {
		former.lose() // also those that died before: what they sent may be on its way
	}
	c.bury(n)
	c.disk.restore(s.disk)
	w.excuseSince(c, s.taken)
	c.lead()
	for range 10 { // the leader may have died meanwhile
		time.Sleep(20 * time.Second)
		if w.isOver() || w.write(c, e, "ownership/claim", nil) == nil {
			return
		}
	}
}

// claimRestored has an operator say again that a restored mount is the only one, where its
// clock was ahead before: what was made then bears a time to come, and is taken for a living
// copy's after each start (see docs/reliability.md).
func (w *world) claimRestored() {
	for _, c := range w.originals() {
		c.mu.Lock()
		both := c.restored && c.jumped
		c.mu.Unlock()
		if both && c.isPassive() {
			w.claim(c)
		}
	}
}

// isPassive reports whether a mount says that it waits to be claimed.
func (c *cluster) isPassive() bool {
	resp, err := c.do(logical.ReadOperation, "ownership", nil)
	return err == nil && resp != nil && resp.Data["state"] == "passive"
}

// excuseSince excuses what the restored storage cannot know.
func (w *world) excuseSince(c *cluster, taken time.Time) {
	for _, p := range w.providers {
		p.mu.Lock()
		for _, k := range p.keys() {
			if k.cluster == c && (k.made.After(taken) || !k.deleted.IsZero() && k.excused == "") {
				k.excused = "a snapshot from before was restored"
			}
		}
		for _, account := range p.accounts {
			for _, a := range account.admins {
				if a.byEngine {
					a.taken = true
				}
			}
		}
		p.mu.Unlock()
	}
	for name, secret := range c.storedAdmins() {
		if w.adminWith(secret) == nil {
			w.take(secret)
		}
		w.replacing(c, name)
	}
}

// adminWith is the credential that works, at whichever host; nil for none.
func (w *world) adminWith(secret string) *admin {
	for _, p := range w.providers {
		p.mu.Lock()
		a := p.adminOf(secret)
		p.mu.Unlock()
		if a != nil {
			return a
		}
	}
	return nil
}

// comeBack has the connections that lead elsewhere lead to our account again.
// What was made elsewhere is ended there by hand.
func (w *world) comeBack() {
	for _, c := range w.originals() {
		for _, name := range sortedNames(c.storedAdmins()) {
			if !w.elsewhere[c.name+"/"+name] {
				continue
			}
			w.note("operator", "has config/%s of %s lead to our account again", name, c.name)
			data := w.credential(name, w.newAdmin(c, name))
			data["base_url"], data["force"] = "http://"+strings.TrimSuffix(w.host.address, ":80"), true
			w.giveCredential(c, Event{Kind: "mend"}, name, data)
		}
	}
	for _, p := range w.providers {
		p.mu.Lock()
		for _, k := range p.keys() {
			if k.there(time.Now()) && (p != w.host || k.account != p.accounts[0]) {
				k.excused = "its connection leads elsewhere again, and it was ended by hand"
				k.deleted, k.dies = time.Now(), time.Now()
			}
		}
		for _, account := range p.accounts {
			for _, a := range account.admins {
				a.taken = a.taken || p != w.host || account != p.accounts[0]
			}
		}
		p.mu.Unlock()
	}
}

// rotateRole has an operator replace a static role's key, and try again where the provider
// answers with the id of a key that is dead and in the ledger: it gives another one then.
func (w *world) rotateRole(c *cluster, role string) (err error) {
	for range 5 {
		err = w.write(c, Event{Kind: "mend"}, "rotate-role/"+role, nil)
		if err == nil || !strings.Contains(err.Error(), "which somebody holds") {
			break
		}
	}
	return err
}

// rotateWhatIsDead has an operator rotate static roles that hold a dead key
// through no fault of the engine.
func (w *world) rotateWhatIsDead() {
	for _, c := range w.originals() {
		all := c.staticSecrets()
		for _, role := range sortedNames(all) {
			for _, secret := range all[role] {
				if k := w.keyOf(secret); k != nil && k.excused != "" && !k.alive(time.Now()) {
					err := w.rotateRole(c, role)
					if err != nil && strings.Contains(err.Error(), "keeps this credential already") {
						_ = w.remove(c, Event{Kind: "mend"}, "static-roles/"+role) // one is enough
					}
					break
				}
			}
		}
	}
}
