package simulation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// action is a kind of event.
type action struct {
	kind     string
	weight   int
	fits     func(Traits) bool
	do       func(*world, Event)
	describe func(Event, Traits) string
}

var actions []action

func init() {
	actions = append(applications(), slices.Concat(operators(), changes(), accidents())...)
}

func actionOf(kind string) *action {
	for i := range actions {
		if actions[i].kind == kind {
			return &actions[i]
		}
	}
	return nil
}

// round is a time as people say it.
func round(d time.Duration) time.Duration {
	if d > 2*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

func say(text string) func(Event, Traits) string {
	return func(Event, Traits) string { return text }
}

// applications are what those do who use keys.
func applications() []action {
	return []action{
		{kind: "mint", weight: 16, do: mintOne, describe: func(e Event, t Traits) string {
			text := "an application reads creds/" + e.role(t)
			if e.hangsUp() {
				text += fmt.Sprintf(" and hangs up after %s", round(e.patience()))
			}
			return text
		}},
		{kind: "mint unstored", weight: 1, do: func(w *world, e Event) {
			c := w.clusterOf(e)
			l, err := c.mint(e.role(w.life.Traits), 0, true)
			w.told(e, err)
			_ = l
		}, describe: func(e Event, t Traits) string {
			return "an application reads creds/" + e.role(t) + " and Vault cannot store the lease"
		}},
		{kind: "burst", weight: 2, do: func(w *world, e Event) {
			for i := range 3 + e.B%6 {
				one := e
				one.A, one.N = e.A+i, e.N*1000+i
				w.background(func() {
					time.Sleep(time.Duration(i) * time.Microsecond) // one after the other, for replay
					mintOne(w, one)
				})
			}
		}, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("%d applications read creds at once", 3+e.B%6)
		}},
		{kind: "renew", weight: 5, do: func(w *world, e Event) {
			c := w.clusterOf(e)
			if l := c.heldAt(e.B); l != nil {
				w.told(e, c.renew(l, e.increment()))
			}
		}, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("a lease is renewed by %s", e.increment())
		}},
		{kind: "user", weight: 6, fits: makesUsers, do: readUser, describe: func(e Event, _ Traits) string {
			return "an application reads creds/" + e.user() + ", whose role gives the name of a user"
		}},
		{kind: "end lease", weight: 3, do: func(w *world, e Event) {
			c := w.clusterOf(e)
			if l := c.heldAt(e.B); l != nil {
				c.end(l)
			}
		}, describe: say("a holder gives its lease back")},
	}
}

func mintOne(w *world, e Event) {
	c := w.clusterOf(e)
	hangUp := time.Duration(0)
	if e.hangsUp() {
		hangUp = e.patience()
	}
	l, err := c.mint(e.role(w.life.Traits), hangUp, false)
	if err == nil {
		w.note("reader", "has %s until %s (%s)", l.name, w.at(l.end), l.id)
	}
	w.told(e, err)
}

func (e Event) hangsUp() bool           { return e.B%12 == 0 }
func (e Event) patience() time.Duration { return e.D%(5*time.Second) + 10*time.Millisecond }
func (e Event) increment() time.Duration {
	return []time.Duration{0, 5 * time.Minute, 30 * time.Minute}[e.A%3]
}

// role is one of those that an event's mount has.
func (e Event) role(t Traits) string {
	roles := []string{"app", "batch"}
	if t.Second == secondConnection {
		roles = append(roles, "other")
	}
	return roles[e.A%len(roles)]
}

// connection is one of those that an event's mount has.
func (e Event) connection(t Traits) string {
	if t.Second == secondConnection && e.A%3 == 0 {
		return "two"
	}
	return "one"
}

// clusterOf is where an event takes place.
func (w *world) clusterOf(e Event) *cluster {
	originals := w.originals()
	if len(originals) > 1 && e.B%4 == 0 {
		return originals[1]
	}
	return originals[0]
}

// vaultOf is where an event takes place that a whole Vault is struck by: the mounts of
// one Vault share its nodes.
func (w *world) vaultOf(e Event) []*cluster {
	if w.life.Traits.Second == secondOfVault {
		return w.originals()
	}
	return []*cluster{w.clusterOf(e)}
}

// heldAt is one of the leases that are held; nil when there is none.
func (c *cluster) heldAt(n int) *lease {
	held := c.heldLeases()
	if len(held) == 0 {
		return nil
	}
	return held[n%len(held)]
}

// told notes how a request ended.
func (w *world) told(e Event, err error) {
	if err != nil {
		w.note("answer", "%s: %s", e.Kind, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

// write sends an operator's request.
func (w *world) write(c *cluster, e Event, path string, data map[string]any) error {
	if to, role, _ := strings.Cut(path, "/"); to == "static-roles" || to == "rotate-role" {
		w.mu.Lock()
		w.handled[c.name+"/"+role] = time.Now()
		w.mu.Unlock()
	}
	_, err := c.do(logical.UpdateOperation, path, data)
	w.told(e, err)
	return err
}

func (w *world) remove(c *cluster, e Event, path string) error {
	_, err := c.do(logical.DeleteOperation, path, nil)
	w.told(e, err)
	return err
}

// setUp has the operators configure everything, before anything goes wrong.
func (w *world) setUp() {
	t := w.life.Traits
	w.found("a", "one")
	if t.Second == secondConnection {
		w.connect(w.clusters[0], "two", map[string]any{})
		w.mustWrite(w.clusters[0], "roles/other", roleData(t, "two", "alpha"))
	}
	if t.Second == secondMount || t.Second == secondOfVault {
		w.found("b", "one")
	}
	if t.InPlace {
		c := w.clusters[0]
		w.mustWrite(c, "definitions/"+sharedName, map[string]any{"definition": t.beside(sharedText)})
		w.connect(c, sharedConnection, map[string]any{"provider": sharedName, "rotation_period": 0})
	}
	if t.GivenIDs {
		w.setUpUsers()
	}
	if t.Claims {
		for _, c := range w.clusters {
			w.mustWrite(c, "ownership", map[string]any{"claim_after_crash": true})
		}
	}
	if t.Standby {
		c := w.clusters[0]
		standby := c.boot(true)
		c.mu.Lock()
		c.standby = standby
		c.mu.Unlock()
	}
}

// found makes a cluster with its mount, a connection and two roles.
func (w *world) found(name, connection string) {
	t := w.life.Traits
	c := newCluster(w, name)
	c.lead()
	if t.Catalog == "" {
		w.mustWrite(c, "definitions/"+providerName, map[string]any{"definition": t.definition("")})
	}
	w.connect(c, connection, map[string]any{})
	w.mustWrite(c, "roles/app", roleData(t, connection, "alpha"))
	w.mustWrite(c, "roles/batch", roleData(t, connection, "beta"))
}

// connect writes a connection with a new admin credential of our account.
func (w *world) connect(c *cluster, name string, more map[string]any) {
	w.mustWrite(c, "config/"+name, w.connectionData(c, name, more))
}

func (w *world) connectionData(c *cluster, name string, more map[string]any) map[string]any {
	t := w.life.Traits
	data := map[string]any{
		"provider": t.provider(), "base_url": "http://" + strings.TrimSuffix(w.host.address, ":80"), "allow_http": true,
		"allowed_roles": "*", "request_timeout": int(t.Timeout / time.Second),
	}
	maps.Copy(data, w.credential(name, w.newAdmin(c, name)))
	if w.life.Traits.Period > 0 {
		data["rotation_period"] = int(w.life.Traits.Period / time.Second)
	}
	for field, value := range more {
		data[field] = value
	}
	return data
}

// credential is what an operator writes to config/ of an admin credential.
func (w *world) credential(connection string, a *admin) map[string]any {
	if d := dialectOf(w.life.Traits.Catalog); d != nil && !isBeside(connection) {
		fields := fieldsOf(d.connection, "")
		fields[d.credential] = a.secret
		return fields
	}
	fields := map[string]any{"admin_key": a.secret}
	if w.life.Traits.BoundBy == boundByConnection && !isBeside(connection) {
		fields["addresses"] = addresses
	}
	return fields
}

// newAdmin is a credential that an operator makes at the provider.
func (w *world) newAdmin(c *cluster, connection string) *admin {
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	return w.host.addAdmin(w.host.accounts[0], "operator-"+c.name+"-"+connection)
}

func roleData(t Traits, connection, project string) map[string]any {
	data := map[string]any{
		"connection": connection, "ttl": "20m", "max_ttl": "90m",
	}
	switch {
	case t.Verify && t.Probe:
		data["verify_revocation"] = "probe"
	case t.Verify:
		data["verify_revocation"] = "off"
	}
	switch {
	case t.BoundBy == boundByRole:
		data["addresses"] = addresses
	case t.Bound && t.BoundBy == "":
		data["key_cidrs"] = addresses
	}
	if t.Limits {
		data["limited"] = project == "alpha"
	}
	if d := dialectOf(t.Catalog); d != nil {
		maps.Copy(data, fieldsOf(d.role, project))
	} else if t.Projects {
		data["project"] = project
	}
	return data
}

// addresses are those that keys are bound to.
var addresses = []string{"198.51.100.0/24"}

// sharedConnection leads to the provider of the secrets that everybody shares, and
// usersConnection to that of the users.
const (
	sharedConnection = "apps"
	usersConnection  = "users"
)

// isBeside reports whether a connection is none of those that keys are made with.
func isBeside(connection string) bool {
	return connection == sharedConnection || connection == usersConnection
}

func (w *world) mustWrite(c *cluster, path string, data map[string]any) {
	if _, err := c.do(logical.UpdateOperation, path, data); err != nil {
		w.breaks(workGoesOn, "setting up: writing %s: %s", path, err)
	}
}

// mend ends what goes wrong, and has the operators put right what they did.
func (w *world) mend() {
	w.note("EVENT", "everything is mended, and the world is left alone")
	for _, p := range w.providers {
		p.clear()
	}
	w.mu.Lock()
	w.mended = time.Now()
	w.mu.Unlock()
	for _, c := range w.originals() {
		for _, n := range c.nodes {
			n.heal()
		}
		if c.leader() == nil {
			c.lead()
		}
	}
	w.endDrills()
	w.comeBack()
	w.mendConnections()
	w.unshare()
}

// unshare gives a connection whose credential another one has its own, or had before it was
// rotated: that one is to be ended then, which waits for nobody to have it.
func (w *world) unshare() {
	for _, c := range w.originals() {
		if secret := c.storedAdmins()["two"]; w.isShared(secret) {
			data := w.credential("two", w.newAdmin(c, "two"))
			data["force"] = true // of the same account, by whatever the engine can see of that
			w.giveCredential(c, Event{Kind: "mend"}, "two", data)
		}
	}
}

// mendConnections gives connections whose credential the world took another.
func (w *world) mendConnections() {
	for _, c := range w.originals() {
		stored := c.storedAdmins()
		for _, name := range sortedNames(stored) {
			if w.isTaken(stored[name]) {
				w.note("operator", "gives config/%s of %s a new credential", name, c.name)
				w.giveCredential(c, Event{Kind: "mend"}, name, w.credential(name, w.newAdmin(c, name)))
			}
		}
	}
}

// replacing notes that an operator changes what a connection leads to.
func (w *world) replacing(c *cluster, connection string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replaced[c.name+"/"+connection] = true
}

// giveUpWhatIsDead has an operator who changed a connection's credential look at
// the provider for what still waits there, and give up what is dead: by another
// credential than the maker's the engine cannot be told so. What a crash may have
// left there he deletes.
func (w *world) giveUpWhatIsDead() {
	for _, c := range w.originals() {
		for _, entry := range c.queued() {
			replaced := w.replaced[c.name+"/"+entry.connection]
			switch {
			case entry.kind == "by_hand": // the engine can neither find nor remove it
				w.endAdminByHand(entry.keyName)
			case replaced && (entry.kind == "crash" || entry.kind == "missing" && w.lives(entry.keyName)):
				w.endByHand(c)
			case replaced && w.livesOtherwise(entry.keyName):
				w.endMisnamed(entry.keyName)
			case !replaced || w.lives(entry.keyName):
				continue
			}
			_, err := c.do(logical.UpdateOperation, "queue/"+entry.id+"/give-up", nil)
			w.note("operator", "gives up queue/%s (%s), which is dead", entry.id, entry.keyName)
			w.told(Event{Kind: "give up"}, err)
		}
	}
}

// lives reports whether a key with this name is alive.
func (w *world) lives(name string) bool {
	return slices.ContainsFunc(w.livingKeys(), func(k *key) bool { return fixedPart(k.name) == fixedPart(name) })
}

// livesOtherwise reports whether the key of a name is alive under another id than its answer
// told: of the one that was told nothing is there any more.
func (w *world) livesOtherwise(name string) bool {
	return slices.ContainsFunc(w.livingKeys(), func(k *key) bool { return k.told != "" && fixedPart(k.name) == fixedPart(name) })
}

// endMisnamed has an operator delete the key of a name, which he finds by that.
func (w *world) endMisnamed(name string) {
	for _, k := range w.livingKeys() {
		if k.told != "" && fixedPart(k.name) == fixedPart(name) {
			k.provider.mu.Lock()
			k.excused = "an operator deleted it"
			k.provider.kill(k)
			k.provider.mu.Unlock()
		}
	}
}

// endByHand has an operator delete the keys of a mount that keys/ does not list.
func (w *world) endByHand(c *cluster) {
	for _, k := range w.livingKeys() {
		if k.cluster != c || w.recordOf(k) != nil {
			continue
		}
		k.provider.mu.Lock()
		k.excused = "an operator deleted it"
		k.provider.kill(k)
		k.provider.mu.Unlock()
	}
}

// endAdminByHand has an operator remove the admin credential of a name at the provider.
func (w *world) endAdminByHand(name string) {
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	for _, account := range w.host.accounts {
		for _, a := range account.admins {
			if a.byEngine && fixedPart(a.name) == fixedPart(name) {
				a.removed, a.taken = true, true
			}
		}
	}
}

// waiting is an entry of the queue, as an operator sees it.
type waiting struct{ id, kind, connection, keyName string }

// queued is what the queue lists.
func (c *cluster) queued() []waiting {
	resp, err := c.do(logical.ListOperation, "queue/", nil)
	if err != nil || resp == nil {
		return nil
	}
	ids, _ := resp.Data["keys"].([]string)
	info, _ := resp.Data["key_info"].(map[string]any)
	var all []waiting
	for _, id := range ids {
		entry, _ := info[id].(map[string]any)
		text := func(field string) string { value, _ := entry[field].(string); return value }
		all = append(all, waiting{id, text("kind"), text("connection"), text("key_name")})
	}
	return all
}

// originals are the clusters whose storage is not a copy.
func (w *world) originals() []*cluster {
	return slices.DeleteFunc(slices.Clone(w.clusters), func(c *cluster) bool { return c.copied })
}

// reconcileAll has an operator reconcile every connection.
func (w *world) reconcileAll() {
	for _, c := range w.originals() {
		for _, name := range sortedNames(c.storedAdmins()) {
			resp, err := c.do(logical.UpdateOperation, "reconcile/"+name, map[string]any{"delete": true})
			w.told(Event{Kind: "reconcile"}, err)
			if err == nil && resp != nil {
				w.note("operator", "reconciles %s of %s: %v", name, c.name, resp.Data)
			}
		}
	}
}

// lastError is why an entry of the queue is still there.
func (c *cluster) lastError(path string) string {
	resp, err := c.do(logical.ReadOperation, path, nil)
	if err != nil || resp == nil || !strings.HasPrefix(path, "queue/") {
		return ""
	}
	return fmt.Sprintf(" (%v attempts, the last: %v)", resp.Data["attempts"], resp.Data["last_error"])
}

// rolesMint: every role gives a key.
func rolesMint(w *world) []string {
	var broken []string
	if !w.life.Traits.makesAtOnce() {
		return nil
	}
	for _, c := range w.originals() {
		for _, path := range c.disk.paths("role/") {
			role := strings.TrimPrefix(path, "role/")
			if w.isUserThere(role) || role == "batch" && w.isProjectGone("beta") || c.storedAdmins()[connectionOf(role)] == "" {
				continue
			}
			l, err := c.mint(role, 0, false)
			if err != nil && w.life.Traits.Period > 0 {
				l, err = c.mint(role, 0, false) // the credential was rotated while a list was read with it
			}
			if err != nil {
				broken = append(broken, fmt.Sprintf("creds/%s of %s: %s", role, c.name, err))
				continue
			}
			c.end(l)
		}
	}
	return broken
}

// makesAtOnce reports whether a key can be made by one request of a reader's: not where it is
// waited for, in a list or by what it is asked about, for longer than a mint may take, or where
// answers take as long as they are waited for.
func (t Traits) makesAtOnce() bool {
	const looks = 8 * time.Second // between two, and for one
	late := time.Duration(0)
	if t.NoID {
		late = t.ListLag
	}
	if t.NoID && t.OneByOne {
		late = max(late, t.YoungLag)
	}
	if t.Poll {
		late = max(late, t.YoungLag)
	}
	slow := t.Slow > time.Second && (t.Timeout < 5*time.Second || t.NoID)
	return late+looks <= 2*t.Timeout && !slow
}

// connectionOf is the connection of a role.
func connectionOf(role string) string {
	switch {
	case role == "other":
		return "two"
	case strings.HasPrefix(role, "user"):
		return usersConnection
	}
	return "one"
}

// isProjectGone reports whether a project was deleted.
func (w *world) isProjectGone(name string) bool {
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	exists, known := w.host.accounts[0].projects[name]
	return known && !exists
}

// keyIn is the key among the fields that are handed out.
func (w *world) keyIn(fields map[string]any) string {
	for _, field := range []string{w.life.Traits.keyField(), "api_key"} {
		if secret, ok := fields[field].(string); ok && secret != "" {
			return keyWithin(secret)
		}
	}
	return ""
}

// keyWithin is the provider's own value in what is made of it, such as a URL.
func keyWithin(secret string) string {
	const length = len(secretMark) + 16
	if at := strings.Index(secret, secretMark); at > 0 && len(secret) >= at+length {
		return secret[at : at+length]
	}
	return secret
}

// staticRolesAnswer: every static role hands out a key that works.
func staticRolesAnswer(w *world) []string {
	var broken []string
	for _, c := range w.originals() {
		for _, path := range c.disk.paths("static-role/") {
			role := strings.TrimPrefix(path, "static-role/")
			resp, err := c.do(logical.ReadOperation, "static-creds/"+role, nil)
			if err != nil {
				broken = append(broken, fmt.Sprintf("static-creds/%s of %s: %s", role, c.name, err))
				continue
			}
			secret := w.keyIn(resp.Data)
			if k := w.keyOf(secret); k == nil || !k.alive(time.Now()) {
				broken = append(broken, fmt.Sprintf("static-creds/%s of %s hands out a dead key", role, c.name))
			}
		}
	}
	return broken
}

// operators are what those do who run Vault and the provider.
func operators() []action {
	rotates := func(t Traits) bool { return t.Rotation != "" }
	return []action{
		{kind: "rotate root", weight: 3, fits: rotates, do: rotateRoot, describe: func(e Event, t Traits) string {
			if e.forces(t) {
				return "rotate-root/" + e.connection(t) + " with force=true, by which keys end"
			}
			return "rotate-root/" + e.connection(t)
		}},
		{kind: "candidate", weight: 3, fits: func(t Traits) bool { return t.Unnamed }, do: nameCandidate, describe: func(e Event, t Traits) string {
			if e.Yes {
				return "an operator names an admin credential as what an entry of the queue is about"
			}
			return "an operator names a key as what an entry of the queue is about"
		}},
		{kind: "reconcile", weight: 2, fits: lists, do: func(w *world, e Event) {
			_ = w.write(w.clusterOf(e), e, "reconcile/"+e.connection(w.life.Traits), map[string]any{"delete": e.Yes})
		}, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("reconcile/%s with delete=%v", e.connection(t), e.Yes)
		}},
		{kind: "static role", weight: 3, do: func(w *world, e Event) {
			t := w.life.Traits
			data := roleData(t, e.connection(t), "alpha")
			delete(data, "ttl")
			delete(data, "max_ttl")
			if e.B%3 > 0 {
				data["rotation_period"] = 600 + 60*(e.B%20)
			}
			data["overlap"] = []int{0, 90, 400}[e.A%3]
			if t.Expiry && data["rotation_period"] == nil { // by hand, see docs/reliability.md
				data["rotation_period"] = 600
			}
			_ = w.write(w.clusterOf(e), e, e.static(), data)
		}, describe: func(e Event, t Traits) string { return "write " + e.static() }},
		{kind: "rotate role", weight: 2, do: func(w *world, e Event) {
			_ = w.write(w.clusterOf(e), e, strings.Replace(e.static(), "static-roles", "rotate-role", 1), nil)
		}, describe: func(e Event, t Traits) string {
			return strings.Replace(e.static(), "static-roles", "rotate-role", 1)
		}},
		{kind: "delete static role", weight: 1, do: func(w *world, e Event) {
			_ = w.remove(w.clusterOf(e), e, e.static())
		}, describe: func(e Event, t Traits) string { return "delete " + e.static() }},
		{kind: "shared secret", weight: 4, fits: sharesSecrets, do: func(w *world, e Event) {
			_ = w.write(w.originals()[0], e, e.shared(), map[string]any{
				"connection": sharedConnection, "application": applicationNames[e.B%len(applicationNames)], "rotation_period": 600 + 60*(e.B%20),
			})
		}, describe: func(e Event, _ Traits) string {
			return "write " + e.shared() + ", of a secret that is replaced in place"
		}},
		{kind: "rotate shared", weight: 4, fits: sharesSecrets, do: func(w *world, e Event) {
			_ = w.write(w.originals()[0], e, strings.Replace(e.shared(), "static-roles", "rotate-role", 1), nil)
		}, describe: func(e Event, _ Traits) string {
			return strings.Replace(e.shared(), "static-roles", "rotate-role", 1)
		}},
		{kind: "delete shared", weight: 1, fits: sharesSecrets, do: func(w *world, e Event) {
			_ = w.remove(w.originals()[0], e, e.shared())
		}, describe: func(e Event, _ Traits) string { return "delete " + e.shared() }},
		{kind: "revoke key", weight: 1, do: func(w *world, e Event) {
			c := w.clusterOf(e)
			l := c.heldAt(e.B)
			if l == nil || w.life.Traits.Username {
				return
			}
			w.excuse(w.keyOf(l.key), "an operator revoked it")
			_ = w.write(c, e, "revoke-key", map[string]any{"value": l.key})
		}, describe: say("an operator revokes a leaked key")},
	}
}

func sharesSecrets(t Traits) bool { return t.InPlace }

// applicationNames are the applications that have such a secret.
var applicationNames = []string{"alpha", "beta", "gamma"}

// shared is one of the static roles that keep a secret which everybody shares.
func (e Event) shared() string { return fmt.Sprintf("static-roles/shared%d", e.A%3) }

// forces reports whether an operator has keys end with the credential that made them.
func (e Event) forces(t Traits) bool { return t.EndsKeys != "" && e.Yes }

func rotateRoot(w *world, e Event) {
	c, name := w.clusterOf(e), e.connection(w.life.Traits)
	if !e.forces(w.life.Traits) {
		_ = w.write(c, e, "rotate-root/"+name, nil)
		return
	}
	w.mu.Lock()
	w.forced = true
	w.mu.Unlock()
	_ = w.write(c, e, "rotate-root/"+name, map[string]any{"force": true})
}

// claim has an operator say that a mount is the only one, where it waits for that.
func (w *world) claim(c *cluster) (done bool) {
	_, err := c.do(logical.UpdateOperation, "ownership/claim", nil)
	w.note("operator", "claims %s%s", c.name, failure(err))
	if err != nil && strings.Contains(err.Error(), "have it started anew") && !w.isOver() {
		c.stop(0)
		c.lead() // whose leader is claimed for in its turn
		return true
	}
	return err == nil
}

// static is one of the static roles that come and go.
func (e Event) static() string { return fmt.Sprintf("static-roles/site%d", e.A%2) }

// accidents are what happens to Vault, to storage and to the provider.
func accidents() []action {
	return []action{
		{kind: "failover", weight: 3, do: func(w *world, e Event) {
			for _, c := range w.vaultOf(e) {
				w.background(func() { w.failOver(c, e) })
			}
		}, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("the leader is demoted, and another leads after %ds (the old one goes on for %s)", e.A%5, round(e.D))
		}},
		{kind: "reload", weight: 2, do: func(w *world, e Event) {
			for _, c := range w.vaultOf(e) {
				if c.leader() == nil {
					continue
				}
				c.stop(e.D)
				if c.leader() == nil && !w.isOver() {
					c.lead()
				}
			}
		}, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("the plugin is reloaded (what the old process was doing goes on for %s)", round(e.D))
		}},
		{kind: "crash", weight: 2, do: func(w *world, e Event) {
			for _, c := range w.vaultOf(e) {
				if n := c.leader(); n != nil {
					c.die(n)
				}
			}
		}, describe: say("the leader dies")},
		{kind: "crash at write", weight: 3, do: func(w *world, e Event) {
			if n := w.clusterOf(e).leader(); n != nil {
				n.arm(&diskFault{skip: e.A % 4, count: 1, path: e.Struck, after: e.Yes, kill: true})
			}
		}, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("after %d more: %s", e.A%4, &diskFault{path: e.Struck, after: e.Yes, kill: true})
		}},
		{kind: "write fails", weight: 4, do: func(w *world, e Event) {
			if n := w.clusterOf(e).leader(); n != nil {
				n.arm(&diskFault{skip: e.A % 4, count: 1 + e.B%2, path: e.Struck, after: e.Yes})
			}
		}, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("after %d more, %d times: %s", e.A%4, 1+e.B%2, &diskFault{path: e.Struck, after: e.Yes})
		}},
		{kind: "weather", weight: 8, do: func(w *world, e Event) {
			w.host.turn(e.weather(), e.D+time.Second)
		}, describe: func(e Event, t Traits) string {
			return fmt.Sprintf("for %s the provider %s", round(e.D+time.Second), e.weather())
		}},
	}
}

// failOver has another node lead while the former leader goes on for a while.
func (w *world) failOver(c *cluster, e Event) {
	if c.leader() == nil {
		return
	}
	c.stepDown(e.D)
	time.Sleep(time.Duration(e.A%5) * time.Second)
	if c.leader() == nil && !w.isOver() {
		c.lead()
	}
}

// weathers are all kinds of weather, as often as they come.
var weathers = []string{
	weatherDown, weatherErrors, weatherLost, weatherLost, weatherSlow, weatherDoubles, weatherForbidden,
	weatherThrottles, weatherMangled, weatherCut, weatherDeaf, weatherForgetful, weatherCircles, weatherExisting, weatherMisnames,
	weatherRepeats, weatherMasked, weatherOddEnds, weatherGenerous, weatherLies, weatherBlind,
}

func (e Event) weather() string { return weathers[e.A%len(weathers)] }

// weatherIndex is the A of an event with that weather.
func weatherIndex(weather string) int { return slices.Index(weathers, weather) }
