package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

// holdings is what is held in the whole mount, as of the moment at which it was
// asked for; keys that are entered into the ledger later are added until release.
// What is in flight and what is queued is not in it, see held.
type holdings struct {
	tag string

	mu     sync.Mutex
	byPart map[string][]*holder // by the fixed part of the name
	byID   map[string][]*holder
	// bySaved are those that revoking names by a value which issue saved.
	bySaved map[string][]*holder
	scopes  map[string]providers.ListingScope // those of the records, each once
	records map[string]bool                   // their ids
	// credentials are all admin credentials in use or in doubt.
	credentials []heldCredential
	// unread are the ledger's records that cannot be read and may be of any key;
	// raw are the texts of damaged entries that still show what they hold.
	unread error
	raw    []string

	// load adds the ledger's record with an id, if there is one; nil where all records
	// were read.
	load func(id string) error
}

// heldCredential is an admin credential by what may show that something at its
// provider is that credential.
type heldCredential struct {
	holder *holder
	// whole are values that the provider's id of it may be, and secrets those of
	// which the id may be a part.
	whole, secrets []string
}

// errLedgerReading is why what is held cannot be told just after a start.
var errLedgerReading = errors.New("the engine is still reading a long ledger since its start, to see what is held")

// holdings tells what is held. release must be called after use. Of the ledger the index
// is asked where it has all of it, and the records that it names are read; before that a
// short ledger is read whole, and of a long one the error is errLedgerReading.
func (e *Engine) holdings(ctx context.Context, s logical.Storage) (h *holdings, release func(), err error) {
	if e.books.ledger.IsSettled() {
		return e.holdingsWith(ctx, s, e.askIndex)
	}
	if err := e.refuseWhileReading(ctx, s); err != nil {
		return nil, nil, err
	}
	return e.holdingsWith(ctx, s, e.addRecords)
}

// refuseWhileReading is errLedgerReading for what would have to read the whole of a long
// ledger itself, since the index does not have it yet.
func (e *Engine) refuseWhileReading(ctx context.Context, s logical.Storage) error {
	if e.books.ledger.IsSettled() {
		return nil
	}
	long, err := e.books.ledger.IsLong(ctx, s)
	if err != nil || long {
		return cmp.Or(err, errLedgerReading)
	}
	return nil
}

// holdingsWith is holdings with what is added of the ledger.
func (e *Engine) holdingsWith(ctx context.Context, s logical.Storage, addRecords func(context.Context, logical.Storage, *holdings) error) (h *holdings, release func(), err error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	h = &holdings{tag: mount.Tag, byPart: map[string][]*holder{}, byID: map[string][]*holder{}, bySaved: map[string][]*holder{}, scopes: map[string]providers.ListingScope{}, records: map[string]bool{}}
	e.books.holdingsLog.open(h)
	release = func() { e.books.holdingsLog.end(h) }
	for _, read := range []func(context.Context, logical.Storage, *holdings) error{
		e.addCredentials, addRecords, e.addStaticKeys,
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
	for _, value := range one.named {
		if value != one.id {
			h.bySaved[value] = append(h.bySaved[value], one)
		}
	}
}

// addRecords adds every record of the ledger, whatever its connection.
func (e *Engine) addRecords(ctx context.Context, s logical.Storage, h *holdings) error {
	for r, err := range ledger.All(ctx, s) {
		if err := e.addRead(ctx, s, h, r, err); err != nil {
			return err
		}
	}
	return nil
}

// addRead adds a record, or what can be told of one that cannot be read.
func (e *Engine) addRead(ctx context.Context, s logical.Storage, h *holdings, r *ledger.Record, err error) error {
	if errors.Is(err, stored.ErrUnreadable) {
		shows, damagedErr := h.addDamaged(ctx, s, ledger.Prefix+ledger.ShardOf(r.ID)+"/"+r.ID, ledger.SealedPrefix+ledger.ShardOf(r.ID)+"/"+r.ID)
		if damagedErr != nil {
			return damagedErr
		}
		if !shows {
			h.unread = errors.Join(h.unread, err)
		}
		return nil
	}
	if err == nil {
		h.addRecord(r, e.namedBy(r), e.targets(r))
	}
	return err
}

// askIndex has the ledger's index asked for each object. Records that cannot be read are
// added at once: nobody knows what they name.
func (e *Engine) askIndex(ctx context.Context, s logical.Storage, h *holdings) error {
	ctx = context.WithoutCancel(ctx) // others may share what this caller has asked for
	h.load = func(id string) error {
		if h.hasRecord(id) {
			return nil
		}
		r, err := ledger.Get(ctx, s, id)
		if err == nil && r == nil {
			return nil // it went meanwhile
		}
		if r == nil {
			r = &ledger.Record{ID: id}
		}
		return e.addRead(ctx, s, h, r, err)
	}
	for _, id := range e.books.ledger.Unreadable() {
		if err := h.load(id); err != nil {
			return err
		}
	}
	return nil
}

// fetch reads the records that may hold the objects, where not all have been read.
func (e *Engine) fetch(h *holdings, objects ...object) error {
	if h.load == nil {
		return nil
	}
	var parts, ids []string
	for _, o := range objects {
		part, _ := h.partOf(o.name)
		parts, ids = append(parts, part), append(ids, o.ids...)
	}
	for _, id := range e.books.ledger.Naming(parts, ids) {
		if err := h.load(id); err != nil {
			return fmt.Errorf("reading what may hold it: %w", err)
		}
	}
	return nil
}

func (h *holdings) hasRecord(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.records[id]
}

func (h *holdings) addRecord(r *ledger.Record, named []string, targets []uint64) {
	h.mu.Lock()
	h.records[r.ID] = true
	h.mu.Unlock()
	h.add(&holder{
		connection: r.Connection, provider: r.Provider, baseURL: r.BaseURL, id: r.Handle.ID, named: named, targets: targets,
		name: r.Handle.Name, issued: r.IssuedAt, scope: h.scope(r.Scope), recordID: r.ID,
	}, r.Handle.Name)
}

// scope is one that is kept once for all records that have it.
func (h *holdings) scope(of providers.ListingScope) providers.ListingScope {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := of.String()
	if known, ok := h.scopes[text]; ok {
		return known
	}
	h.scopes[text] = of
	return of
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
			if h.load != nil {
				if err := h.load(key.RecordID); err != nil {
					return err
				}
			}
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
	one.addValues(fields, values)
	h.credentials = append(h.credentials, one)
}

func (c *heldCredential) addValues(fields providers.Fields, values providers.Values) {
	for name, value := range values {
		text, ok := providers.TextOf(value)
		if !ok || text == "" {
			continue
		}
		if field := fields.Lookup(name); field != nil && !field.Sensitive {
			c.whole = append(c.whole, text)
		} else {
			c.secrets = append(c.secrets, text)
		}
	}
}

// shortestTellingID is the length from which an id that is a part of a credential
// tells that it is its id, as in "SG.ID.SECRET", and no coincidence.
const shortestTellingID = 8

// shows reports whether the id tells of this credential: a whole value of it that
// is no secret, or a part of a secret that is long enough to be no coincidence.
func (c heldCredential) shows(id string) bool {
	return len(id) >= shortestTellingID && c.has(id)
}

// has reports whether the text is a whole value of the credential that is no secret, or
// a part of a secret, be it by coincidence.
func (c heldCredential) has(text string) bool {
	return slices.Contains(c.whole, text) ||
		slices.ContainsFunc(c.secrets, func(secret string) bool { return strings.Contains(secret, text) })
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

// holderOf is what holds the object; nil when nothing does.
func (h *holdings) holderOf(o object, by claim) *holder {
	h.mu.Lock()
	defer h.mu.Unlock()
	part, named := h.partOf(o.name)
	if one := h.relyingOn(o, by, h.byID); one != nil {
		return one
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

// isAt reports whether the holder is, or may be, at the object's provider.
func (one *holder) isAt(o object) bool {
	if one.baseURL != "" {
		return origin.SameAddress(one.baseURL, o.bound.client.BaseURL())
	}
	return one.provider == "" || one.provider == o.bound.definition.Name
}

// isCertainlyAt is isAt where there is no doubt.
func (one *holder) isCertainlyAt(o object) bool {
	return one.provider == o.bound.definition.Name && one.baseURL != "" && origin.SameAddress(one.baseURL, o.bound.client.BaseURL())
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
