package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyed"
	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

// What is held lives. Whatever the engine removes at a provider without being
// asked to end that very thing, it removes through removeUnheld, which looks once
// more whether anybody in the mount holds it: the ledger of all connections,
// mints in flight, the queue, static roles, admin credentials in use or in doubt.

// holder is one reason for which something at a provider must stay.
type holder struct {
	what       string // for the log and the operator, see describe
	connection string
	provider   string
	baseURL    string
	// id is the provider's own of what is held; empty where that is not known.
	id string
	// name and issued are of what is held, as far as they are known.
	name   string
	issued time.Time
	scope  providers.Scope
	// recordID is set where a ledger record is the holder.
	recordID string
	// static says that a static role is the holder.
	static bool
	// part is the fixed part of the name of what is held; empty where there is none.
	part string
	// unclear says that it is not known what the holder holds.
	unclear bool
	// note says that the holder is only a note of something to be finished, which
	// holds nothing against whoever finishes it.
	note bool
}

// describe says who holds something, for the log and the operator.
func (one *holder) describe() string {
	if one.recordID == "" || one.static {
		return one.what
	}
	return "key " + one.name + " in the ledger, of connection " + one.connection
}

// claim says what a removal is the clearing up of. The zero claim is of nothing
// in particular: whatever holds the object counts.
type claim struct {
	// part is the fixed part of the name that the mint or rotation chose: what is
	// in flight, queued or noted under it is the caller's own, and holds nothing.
	part string
	// failed says that the mint is known to have failed, so that nobody can have
	// received its key: a record of the ledger holds nothing either.
	failed bool
}

// covers reports whether the holder is the caller's own.
func (c claim) covers(one *holder) bool {
	return c.part != "" && one.part == c.part && (one.note || c.failed && one.recordID != "" && !one.static)
}

// nobodyGot reports whether nobody can have received what bears the fixed part.
func (c claim) nobodyGot(part string) bool { return c.failed && c.part != "" && part == c.part }

// object is something at a provider, as the provider tells of it.
type object struct {
	bound *boundConnection
	name  string
	// ids are the provider's own for it, as far as they are known.
	ids []string
	// beside are the ids of everything that the provider listed under the same
	// fixed part, in the same reading.
	beside []string
}

func objectOf(bound *boundConnection, handle providers.Handle) object {
	return object{bound: bound, name: handle.Name, ids: []string{handle.ID}}
}

// holdings is what is held in the whole mount, as of the moment at which it was
// asked for; keys that are entered into the ledger later are added until release.
// What is in flight and what is queued is not in it, see held.
type holdings struct {
	tag string

	mu     sync.Mutex
	byPart map[string][]*holder // by the fixed part of the name
	byID   map[string][]*holder
	scopes map[string]providers.Scope // those of the records, each once
	// credentials are all admin credentials in use or in doubt.
	credentials []heldCredential
	// unread are the ledger's records that cannot be read and may be of any key;
	// raw are the texts of damaged entries that still show what they hold.
	unread error
	raw    []string
}

// heldCredential is an admin credential by what may show that something at its
// provider is that credential.
type heldCredential struct {
	holder *holder
	// whole are values that the provider's id of it may be, and secrets those of
	// which the id may be a part.
	whole, secrets []string
}

// holdingsLog adds what is entered into the ledger to every holdings in use: the
// ledger is read shard by shard, and a key may be entered behind the reader.
type holdingsLog struct {
	// reading is held by whoever reads what others are to share.
	reading keyed.Locks

	mu   sync.Mutex
	open map[*holdings]struct{}
	// shared is what those who come now may use too.
	shared *holdings
	readAt time.Time
	users  map[*holdings]int
}

func newHoldingsLog() *holdingsLog {
	return &holdingsLog{reading: keyed.New(), open: map[*holdings]struct{}{}, users: map[*holdings]int{}}
}

// share lets others use what one has read.
func (l *holdingsLog) share(h *holdings, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shared, l.readAt = h, now
	l.users[h] = 1
}

// join is what others use and is not too old; nil when there is none.
func (l *holdingsLog) join(now time.Time) *holdings {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shared == nil || now.Sub(l.readAt).Abs() > holdingsAge {
		return nil
	}
	l.users[l.shared]++
	return l.shared
}

// leave ends one use.
func (l *holdingsLog) leave(h *holdings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users[h]--
	if l.users[h] > 0 {
		return
	}
	delete(l.users, h)
	delete(l.open, h)
	if l.shared == h {
		l.shared = nil
	}
}

func (l *holdingsLog) begin(h *holdings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[h] = struct{}{}
}

func (l *holdingsLog) end(h *holdings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, h)
}

// entered is called once a new key is in the ledger, and before it is out of
// flight.
func (l *holdingsLog) entered(r *ledger.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for h := range l.open {
		h.addRecord(r)
	}
}

// holdings reads what is held. release must be called after use.
func (e *Engine) holdings(ctx context.Context, s logical.Storage) (h *holdings, release func(), err error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	h = &holdings{tag: mount.Tag, byPart: map[string][]*holder{}, byID: map[string][]*holder{}, scopes: map[string]providers.Scope{}}
	e.books.holdingsLog.begin(h)
	release = func() { e.books.holdingsLog.end(h) }
	for _, read := range []func(context.Context, logical.Storage, *holdings) error{
		e.addCredentials, e.addRecords, e.addStaticKeys,
	} {
		if err := read(ctx, s, h); err != nil {
			release()
			return nil, nil, fmt.Errorf("finding out what is held: %w", err)
		}
	}
	return h, release, nil
}

// holdingsAge is how long what was read serves those who come later.
const holdingsAge = 10 * time.Second

// sharedHoldings is holdings for work of which much goes on at a time: whoever
// asks while others use theirs gets the same, for a while. What was entered into
// the ledger since is in it; what has gone from there is held a little longer.
func (e *Engine) sharedHoldings(ctx context.Context, s logical.Storage) (h *holdings, release func(), err error) {
	unlock, err := e.books.holdingsLog.reading.Lock(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	defer unlock() // those who ask meanwhile find it read
	if h := e.books.holdingsLog.join(e.now()); h != nil {
		return h, func() { e.books.holdingsLog.leave(h) }, nil
	}
	h, _, err = e.holdings(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	e.books.holdingsLog.share(h, e.now())
	return h, func() { e.books.holdingsLog.leave(h) }, nil
}

// addRecords adds every record of the ledger, whatever its connection.
func (e *Engine) addRecords(ctx context.Context, s logical.Storage, h *holdings) error {
	for r, err := range ledger.All(ctx, s) {
		if errors.Is(err, stored.ErrUnreadable) {
			shows, damagedErr := h.addDamaged(ctx, s, ledger.Prefix+ledger.ShardOf(r.ID)+"/"+r.ID, ledger.SealedPrefix+ledger.ShardOf(r.ID)+"/"+r.ID)
			if damagedErr != nil {
				return damagedErr
			}
			if !shows {
				h.unread = errors.Join(h.unread, err)
			}
			continue
		}
		if err != nil {
			return err
		}
		h.addRecord(r)
	}
	return nil
}

func (h *holdings) addRecord(r *ledger.Record) {
	h.add(&holder{
		connection: r.Connection, provider: r.Provider, baseURL: r.BaseURL, id: r.Handle.ID,
		name: r.Handle.Name, issued: r.IssuedAt, scope: h.scope(r.Scope), recordID: r.ID,
	}, r.Handle.Name)
}

// scope is one that is kept once for all records that have it.
func (h *holdings) scope(of providers.Scope) providers.Scope {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := of.String()
	if known, ok := h.scopes[text]; ok {
		return known
	}
	h.scopes[text] = of
	return of
}

// add notes the holder under its id and the fixed part of the name.
func (h *holdings) add(one *holder, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if part, ok := h.partOf(name); ok {
		one.part = part
		h.byPart[part] = append(h.byPart[part], one)
	}
	if one.id != "" {
		h.byID[one.id] = append(h.byID[one.id], one)
	}
}

// partOf is the fixed part of a name, be it a key's or an admin credential's.
func (h *holdings) partOf(name string) (string, bool) {
	if part, _, ok := keyname.FindKeyPart(h.tag, name); ok {
		return part, true
	}
	part, _, ok := keyname.FindCredentialPart(h.tag, name)
	return part, ok
}

// addDamaged takes an entry that cannot be decoded for a holder of whatever its
// text shows, and reports whether that shows a name at all.
func (h *holdings) addDamaged(ctx context.Context, s logical.Storage, paths ...string) (shows bool, err error) {
	for _, path := range paths {
		entry, err := s.Get(ctx, path)
		if err != nil {
			return false, fmt.Errorf("reading %s: %w", path, err)
		}
		if entry == nil {
			continue
		}
		text := strings.ToLower(string(entry.Value))
		_, named := h.partOf(text)
		shows = shows || named
		h.raw = append(h.raw, text)
	}
	return shows, nil
}

// addStaticKeys adds the keys of static roles: they are in the ledger too, and
// are held even should they be missing there.
func (e *Engine) addStaticKeys(ctx context.Context, s logical.Storage, h *holdings) error {
	names, err := s.List(ctx, staticKeyPrefix)
	if err != nil {
		return fmt.Errorf("listing the keys of static roles: %w", err)
	}
	for _, name := range names {
		keys, err := e.staticKeys(ctx, s, name)
		if errors.Is(err, stored.ErrUnreadable) {
			if _, err := h.addDamaged(ctx, s, staticKeyPrefix+name); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		for _, key := range keys.all() {
			one := holder{what: "the key of static role " + name, recordID: key.RecordID, static: true}
			if r := h.recordHolder(key.Name, key.RecordID); r != nil {
				// Its id tells it from a twin under the same name.
				one.id, one.connection, one.provider, one.baseURL = r.id, r.connection, r.provider, r.baseURL
			}
			h.add(&one, key.Name)
		}
	}
	return nil
}

// recordHolder is the ledger's record of a key by its name and the record's id;
// nil when there is none.
func (h *holdings) recordHolder(name, recordID string) *holder {
	h.mu.Lock()
	defer h.mu.Unlock()
	part, _ := h.partOf(name)
	for _, one := range h.byPart[part] {
		if one.recordID == recordID && !one.static {
			return one
		}
	}
	return nil
}

// addCredentials adds the admin credentials of all connections, and those that
// rotations under way have made or may have made.
func (e *Engine) addCredentials(ctx context.Context, s logical.Storage, h *holdings) error {
	names, err := e.Connections(ctx, s)
	if err != nil {
		return err
	}
	for _, name := range names {
		c, err := e.Connection(ctx, s, name)
		if errors.Is(err, stored.ErrUnreadable) {
			_, err = h.addDamaged(ctx, s, connectionPrefix+name)
		}
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		fields := e.connectionFields(ctx, s, c.Provider)
		one := &holder{what: "the admin credential of connection " + name, connection: name, provider: c.Provider, baseURL: c.BaseURL}
		h.add(one, c.CredentialName)
		h.addCredential(one, fields, c.Fields)
		if err := e.addRotation(ctx, s, h, one, fields); err != nil {
			return err
		}
	}
	return nil
}

// connectionFields are those of a provider's connections; nil when its definition
// cannot be had.
func (e *Engine) connectionFields(ctx context.Context, s logical.Storage, provider string) providers.Fields {
	definition, err := e.Definition(ctx, s, provider)
	if err != nil {
		return nil
	}
	return definition.Connection
}

// addRotation adds what a rotation under way has made or may have made.
func (e *Engine) addRotation(ctx context.Context, s logical.Storage, h *holdings, of *holder, fields providers.Fields) error {
	note, err := stored.Read[rotationNote](ctx, s, rotationPrefix+of.connection)
	if errors.Is(err, stored.ErrUnreadable) {
		_, err = h.addDamaged(ctx, s, rotationPrefix+of.connection)
	}
	if err != nil {
		return err
	}
	for _, note := range []*rotationNote{note, e.clients.unsaved.get(of.connection)} {
		if note == nil {
			continue
		}
		one := *of
		one.what, one.note = "the unfinished rotation of connection "+of.connection, true
		h.add(&one, note.Name)
		h.addCredential(&one, nil, note.Candidate)
		if note.Made != nil && note.stage() != rotationAbandoned { // that one is given up
			h.addCredential(&one, fields, note.Made.Connection)
		}
	}
	return nil
}

// addCredential notes the values of a credential. Without fields every value
// counts as secret.
func (h *holdings) addCredential(of *holder, fields providers.Fields, values providers.Values) {
	one := heldCredential{holder: of}
	for name, value := range values {
		text, ok := textOf(value)
		if !ok || text == "" {
			continue
		}
		if field := fields.Lookup(name); field != nil && !field.Sensitive {
			one.whole = append(one.whole, text)
		} else {
			one.secrets = append(one.secrets, text)
		}
	}
	h.credentials = append(h.credentials, one)
}

// textOf is a text or a number of a connection's fields as text.
func textOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// shortestTellingID is the length from which an id that is a part of a credential
// tells that it is its id, as in "SG.ID.SECRET", and no coincidence.
const shortestTellingID = 8

// shows reports whether the id tells of this credential: a whole value of it that
// is no secret, or a part of a secret that is long enough to be no coincidence.
func (c heldCredential) shows(id string) bool {
	return len(id) >= shortestTellingID && (slices.Contains(c.whole, id) ||
		slices.ContainsFunc(c.secrets, func(secret string) bool { return strings.Contains(secret, id) }))
}

// credentialOf is the admin credential that the id tells of; nil when it is of
// none.
func (h *holdings) credentialOf(o object, id string, by claim) *holder {
	for _, one := range h.credentials {
		if one.shows(id) && one.holder.isAt(o) && !by.covers(one.holder) {
			return one.holder
		}
	}
	return nil
}

// isAt reports whether the holder is, or may be, at the object's provider.
func (one *holder) isAt(o object) bool {
	if one.baseURL != "" {
		return sameURL(one.baseURL, o.bound.client.BaseURL())
	}
	return one.provider == "" || one.provider == o.bound.definition.Name
}

// isCertainlyAt is isAt where there is no doubt.
func (one *holder) isCertainlyAt(o object) bool {
	return one.provider == o.bound.definition.Name && one.baseURL != "" && sameURL(one.baseURL, o.bound.client.BaseURL())
}

func sameURL(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}

// holderOf is what holds the object; nil when nothing does.
func (h *holdings) holderOf(o object, by claim) *holder {
	h.mu.Lock()
	defer h.mu.Unlock()
	part, named := h.partOf(o.name)
	for _, id := range o.ids {
		for _, one := range h.byID[id] {
			if one.isAt(o) && !by.covers(one) {
				return one
			}
		}
		if one := h.credentialOf(o, id, by); one != nil {
			return one
		}
	}
	for _, text := range h.raw {
		if named && strings.Contains(text, part) || o.isShownIn(text) {
			return &holder{what: "an entry in storage that is damaged"}
		}
	}
	if h.unread != nil && !by.nobodyGot(part) && !strings.HasPrefix(part, keyname.CredentialLetter) {
		return &holder{what: fmt.Sprintf("a record of the ledger that cannot be read: %s", h.unread), unclear: true}
	}
	for _, one := range h.byPart[part] {
		if !by.covers(one) && !one.isTwin(o) {
			return one
		}
	}
	return nil
}

// isShownIn reports whether a text in lower case shows an id of the object.
func (o object) isShownIn(text string) bool {
	return slices.ContainsFunc(o.ids, func(id string) bool {
		return len(id) >= shortestTellingID && strings.Contains(text, strings.ToLower(id))
	})
}

// isTwin reports whether the object is another one than what is held under the
// same name. Only the provider can tell: it lists both.
func (one *holder) isTwin(o object) bool {
	return one.id != "" && one.isCertainlyAt(o) && !slices.Contains(o.ids, one.id) && slices.Contains(o.beside, one.id)
}

// removal is something at a provider that the engine is about to remove of its
// own accord.
type removal struct {
	object
	claim claim
	// work is a word for the metric, such as "recovery", and why is for the log.
	work, why string
	// holdings were read after the provider told of the object; nil has them read.
	holdings *holdings
	remove   func(context.Context) error
}

// errHeld means that something was not removed because somebody holds it.
var errHeld = errors.New("it is held, so it stays")

// errUnclear means that something was not removed because it cannot be told
// whether somebody holds it.
var errUnclear = errors.New("it cannot be told whether somebody holds it, so it stays")

// removeUnheld removes something at a provider, unless anybody holds it: then its
// error is errHeld. It is errUnclear when that cannot be told, and errPassive
// when this mount is to remove nothing; other errors are the provider's and
// storage's.
func (e *Engine) removeUnheld(ctx context.Context, s logical.Storage, r removal) error {
	if err := e.mayRemove(ctx, s, r); err != nil {
		e.metrics.removed(r.bound.name, r.work, err)
		e.log.Info("something at a provider was not removed", "connection", r.bound.name, "name", r.name, "why", r.why, "error", err)
		return err
	}
	err := r.remove(ctx)
	e.metrics.removed(r.bound.name, r.work, err)
	if err != nil {
		return err
	}
	e.log.Info("removed what nobody holds", "connection", r.bound.name, "name", r.name, "why", r.why)
	return nil
}

func (e *Engine) mayRemove(ctx context.Context, s logical.Storage, r removal) error {
	// What a mint of this very process left is its own to clear up.
	if e.passive() && !r.claim.failed {
		return errPassive
	}
	// What this process knows to be held may have been read before another one
	// took over, whose keys it cannot know of.
	if err := e.refuseIfSuperseded(ctx, s, r.claim); err != nil {
		return err
	}
	h, release, err := e.holdingsFor(ctx, s, r)
	if err != nil {
		return err
	}
	defer release()
	one := e.held(h, r.object, r.claim)
	switch {
	case one == nil:
		return nil
	case one.unclear:
		return fmt.Errorf("%w: %s", errUnclear, one.describe())
	}
	return fmt.Errorf("%w: %s", errHeld, one.describe())
}

// holdingsFor is what a removal is compared with. Keys share one reading of the
// ledger, which is kept up with; a credential is compared with what storage says
// at this moment, since what a rotation writes there is in no log.
func (e *Engine) holdingsFor(ctx context.Context, s logical.Storage, r removal) (h *holdings, release func(), err error) {
	if r.holdings != nil {
		return r.holdings, func() {}, nil
	}
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	if _, _, isKey := keyname.FindKeyPart(mount.Tag, r.name); isKey {
		return e.sharedHoldings(ctx, s)
	}
	return e.holdings(ctx, s)
}

// held is what holds the object at this moment; nil when nothing does. A mint
// goes from flight to the queue or the ledger, so they are asked in that order.
func (e *Engine) held(h *holdings, o object, by claim) *holder {
	if part, named := h.partOf(o.name); named && part != by.part {
		if connection, yes := e.books.marks.IsInFlight(h.tag, part); yes {
			return &holder{what: "a mint in flight of connection " + connection, connection: connection}
		}
	}
	if one := e.queuedFor(h, o, by); one != nil {
		return one
	}
	return h.holderOf(o, by)
}

// idOfAnother reports whether the id of a key that the ledger does not have is
// that of another one by now, which somebody holds.
func (e *Engine) idOfAnother(ctx context.Context, s logical.Storage, r *ledger.Record) (bool, error) {
	h, release, err := e.holdings(ctx, s)
	if err != nil {
		return false, err
	}
	defer release()
	own, _ := h.partOf(r.Handle.Name)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range h.byID[r.Handle.ID] {
		if one.part != own && one.provider == r.Provider {
			e.log.Info("a lease ended whose key is gone: its id is another key's by now", "connection", r.Connection, "key_name", r.Handle.Name, "held", one.what)
			return true, nil
		}
	}
	return false, nil
}

// queuedFor is the entry of the queue that is about the object and not the
// caller's own: it is that one's to remove. A queued revocation speaks for nobody,
// its key being in the ledger.
func (e *Engine) queuedFor(h *holdings, o object, by claim) *holder {
	part, named := h.partOf(o.name)
	if !named || part == by.part {
		return nil
	}
	for _, entry := range e.books.queue.All() {
		if entry.Kind == queue.Revoke {
			continue
		}
		if other, ok := h.partOf(entry.KeyName); ok && other == part {
			return &holder{what: "entry " + entry.ID + " of the queue", connection: entry.Connection}
		}
	}
	return nil
}

// recordsOf are the ledger's records of one connection.
func (h *holdings) recordsOf(connection string) []*holder {
	h.mu.Lock()
	defer h.mu.Unlock()
	var records []*holder
	for _, holders := range h.byPart {
		for _, one := range holders {
			if one.recordID != "" && !one.static && one.connection == connection {
				records = append(records, one)
			}
		}
	}
	return records
}

// newest is when the newest key was made of which storage holds a record.
func (h *holdings) newest() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	var newest time.Time
	for part := range h.byPart {
		if issued, ok := keyname.ReadPart(part); ok && issued.After(newest) {
			newest = issued
		}
	}
	return newest
}
