package simulation

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// secretMark begins every secret of the world, so that one that goes astray is
// recognised wherever it turns up.
const secretMark = "sk_sim_"

// What a provider can be like for a while.
const (
	weatherDown      = "is down"           // no connection comes about
	weatherErrors    = "answers 503"       // and does nothing
	weatherLost      = "loses answers"     // after doing what was asked
	weatherSlow      = "is slow"           // beyond every timeout, and then does it
	weatherDoubles   = "repeats each POST" // a proxy before it does
	weatherForbidden = "answers 403"       // the admin may do and see nothing
	weatherThrottles = "answers 429"
	weatherMangled   = "mangles answers" // after doing what was asked
	weatherCut       = "breaks off in mid-answer"
	weatherDeaf      = "breaks off in mid-request" // and does nothing
	weatherForgetful = "leaves out attributes of what it made"
	weatherCircles   = "begins its lists anew at their end"
	weatherExisting  = "answers with what exists when it is to make a key" // and makes none
	weatherMisnames  = "answers with another key's id when it makes one"
	weatherRepeats   = "shows a page of its lists twice"
	weatherMasked    = "answers 404" // the admin may do and see nothing, and is not told so
	weatherOddEnds   = "tells a key's end as nobody can read it"
	weatherGenerous  = "gives keys more rights than were asked for"
	weatherLies      = "says that it deletes keys, and does not"
	weatherBlind     = "shows nothing in its lists" // to an admin who may not see
)

// provider is a host with an admin API. Its clock may differ from everybody's.
type provider struct {
	world   *world
	address string
	traits  Traits
	routes  []*route // of its dialect; nil where it has none

	mu       sync.Mutex
	accounts []*account
	weather  map[string]time.Time // until when
	// stormyUntil is when all weather has passed, and stormySince since when there has been
	// weather without a minute's pause.
	stormyUntil, stormySince time.Time
	counts                   map[string]int // requests, by what is asked
	free                     []string       // ids of keys that died, the oldest first
	requests                 int
	inFlight                 int
	asked                    map[string]int // requests since the quiet hour began, by method and path
	// requestsBefore is how many there were when the quiet hour began, and further how many
	// since then were for more of a list that had been begun.
	requestsBefore, further int
	most                    int // in flight at once
}

type account struct {
	name     string
	admins   []*admin
	keys     []*key
	projects map[string]bool // false once deleted
	// peoples are the paths of what people made, which the engine has no business with.
	peoples map[string]bool
}

// admin is one admin credential.
type admin struct {
	id, name, secret string
	account          *account
	byEngine         bool
	removed          bool
	// taken says that the world, and not the engine, ended it.
	taken bool
	// previous is its secret before it was last swapped, and swapped when.
	previous string
	swapped  time.Time
}

// key is one key, or the account that is made for one.
type key struct {
	id, name, secret string
	listed           string // the name, as lists show it
	project          string
	account          *account
	provider         *provider
	by               *admin   // the credential that it was made with
	cluster          *cluster // who had it made
	made             time.Time
	expires          time.Time // the provider's own end; zero for none
	// extended is when that was last moved.
	extended  time.Time
	deleted   time.Time // when its deletion was accepted
	dies      time.Time // when it stops working after that
	shownFrom time.Time
	// told is the id that the answer told in the place of its own.
	told string
	// grants are the rights of an account that is given them one by one, by their ids.
	grants []string
	// passphrase is what ends the key, where one is chosen as it is made.
	passphrase string
	// believed is the process that was told that the key is deleted, which it was not, and
	// has to look; liedOf is when anybody was told so last, and liedFirst when first.
	believed          *node
	liedOf, liedFirst time.Time
	// shared says that it is the one secret of something, which the next one replaces.
	shared bool
	// given says that its id is what its role gives.
	given bool
	// limited says that the account of the key is limited.
	limited bool
	// from is the process that had it made, and unheard says that none was told so.
	from    *node
	unheard bool
	// bound says that the key works from certain addresses alone.
	bound bool
	// twin says that a proxy repeated the request for another, and made it.
	twin bool
	// excused says why nothing is promised of it any more.
	excused string
}

// alive reports whether the key works at a time.
func (k *key) alive(now time.Time) bool {
	if !k.expires.IsZero() && !now.Add(k.provider.traits.Clock).Before(k.expires) {
		return false
	}
	return k.dies.IsZero() || now.Before(k.dies)
}

// isBeside reports whether it is none of the keys that lists show.
func (k *key) isBeside() bool { return k.shared || k.given }

// isRecorded reports whether a record is of the key: its id will end it, or the name,
// where the answer told the id of another key.
func (k *key) isRecorded(r *storedRecord) bool {
	return r.Handle.ID == k.id || k.told != "" && r.Handle.ID == k.told && fixedPart(r.Handle.Name) == fixedPart(k.name)
}

// there reports whether the provider knows the key.
func (k *key) there(now time.Time) bool { return k.deleted.IsZero() && k.alive(now) }

func (p *provider) is(weather string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(p.weather[weather])
}

func (p *provider) turn(weather string, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weather[weather] = time.Now().Add(d)
	if time.Since(p.stormyUntil) > time.Minute {
		p.stormySince = time.Now()
	}
	if p.weather[weather].After(p.stormyUntil) {
		p.stormyUntil = p.weather[weather]
	}
}

// clear ends all weather.
func (p *provider) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.weather)
}

// answer lets a request take its time and effect. Nil is no answer.
func (p *provider) answer(from *node, r *http.Request, body []byte) *answer {
	what := r.Method + " " + r.URL.RequestURI() + nameIn(body)
	d := p.enter(what+r.Header.Get("Authorization"), r.Method+" "+r.URL.Path)
	defer p.leave()
	r = r.WithContext(context.WithValue(r.Context(), askedAt{}, time.Now()))
	changes := r.Method != http.MethodGet
	wait := between(d, p.traits.Slow/4, p.traits.Slow)
	if p.is(weatherSlow) {
		wait += between(d, p.traits.Timeout/2, 2*p.traits.Timeout+10*time.Second)
	}
	time.Sleep(wait)
	if p.is(weatherErrors) {
		return p.sayf(from, what, changes, refusal(http.StatusServiceUnavailable, "out of order"))
	}
	if p.is(weatherThrottles) {
		return p.sayf(from, what, changes, p.tooMany())
	}
	if changes && p.is(weatherDeaf) {
		p.world.note("provider", "%s is not heard to its end", what)
		return nil
	}
	a := p.act(from, r, body)
	if makesKey(r) && p.is(weatherDoubles) {
		a = p.doubled(d, what, a, p.act(from, r, body))
	}
	if a.header == nil {
		a.header = map[string]string{}
	}
	a.header["Date"] = time.Now().Add(p.traits.Clock).UTC().Format(http.TimeFormat)
	time.Sleep(between(d, time.Millisecond, 20*time.Millisecond))
	switch {
	case changes && p.is(weatherLost):
		p.world.note("provider", "%s is answered %d, and the answer is lost", what, a.status)
		p.unheard(a)
		return nil
	case changes && a.status < 300 && p.is(weatherMangled):
		p.world.note("provider", "%s is answered %d, mangled", what, a.status)
		p.unheard(a)
		return &answer{status: http.StatusOK, body: []byte("<html>")}
	case changes && p.is(weatherCut):
		p.world.note("provider", "%s is answered %d, and the answer breaks off", what, a.status)
		p.unheard(a)
		a.cut = true
		return a
	case makesKey(r) && a.status < 300 && p.is(weatherForgetful):
		p.world.note("provider", "%s is answered %d, with half of it", what, a.status)
		p.unheard(a)
		return a.without(pick(d, "id", "key"))
	}
	if from.isDead() {
		p.unheard(a)
		return nil
	}
	return p.sayf(from, what, changes, a)
}

// askedAt is the key of when a request came.
type askedAt struct{}

// tooMany refuses a request in excess, as the provider does.
func (p *provider) tooMany() *answer {
	status := p.traits.Throttling
	if status == 0 {
		status = http.StatusTooManyRequests
	}
	a := refusal(status, "slow down")
	a.header = map[string]string{"Retry-After": "7"}
	return a
}

// without leaves a field out of an answer.
func (a *answer) without(field string) *answer {
	return a.changed(func(fields map[string]any) { delete(fields, field) })
}

// with sets a field of an answer.
func (a *answer) with(field string, value any) *answer {
	return a.changed(func(fields map[string]any) { fields[field] = value })
}

func (a *answer) changed(change func(map[string]any)) *answer {
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.UseNumber()
	if decoder.Decode(&fields) != nil {
		return a
	}
	change(fields)
	rest := told(a.status, fields)
	rest.header, rest.made = a.header, a.made
	return rest
}

// makesKey reports whether a request makes one by itself.
func makesKey(r *http.Request) bool {
	return r.Method == http.MethodPost && (strings.HasSuffix(r.URL.Path, "/keys") || strings.HasSuffix(r.URL.Path, "/accounts")) &&
		!strings.Contains(r.URL.Path, "/accounts/")
}

// doubled is the one of two answers to one request that a proxy passes on.
func (p *provider) doubled(d chanceStream, what string, first, second *answer) *answer {
	if oneIn(d, 2) {
		p.world.note("provider", "a proxy repeats %s", what)
		p.twin(first, second)
		return first
	}
	p.world.note("provider", "a proxy repeats %s, and passes on the second answer", what)
	p.unheard(first)
	p.twin(second, first)
	return second
}

// twin marks the key that one of two answers is about, both to one request that made two,
// of which the other was told. Nobody can know of it before the provider is asked what it has.
func (p *provider) twin(passed, other *answer) {
	if passed.made == nil || other.made == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	other.made.twin, other.made.excused = true, "a proxy made it"
}

// sayf notes an answer that matters and returns it.
func (p *provider) sayf(from *node, what string, changes bool, a *answer) *answer {
	if changes || a.status >= 300 {
		p.world.note("provider", "%s from %s: %d", what, from, a.status)
	}
	return a
}

// unheard excuses what ended by an answer that does not arrive: a credential that was
// swapped in place.
func (p *provider) unheard(a *answer) {
	if a.meant != nil {
		a = a.meant
	}
	var told struct{ Key string }
	if json.Unmarshal(a.body, &told) != nil || told.Key == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.adminOf(told.Key); one != nil && p.traits.Rotation == rotateInPlace {
		p.world.take(one.previous)
	}
	for _, k := range p.keys() {
		k.unheard = k.unheard || k.secret == told.Key
	}
}

// beginCount has the requests of the quiet hour counted.
func (p *provider) beginCount() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requestsBefore, p.further = p.requests, 0
	clear(p.asked)
}

// mostAsked is what is asked most often. The caller holds mu.
func (p *provider) mostAsked() string {
	names := sortedNames(p.asked)
	slices.SortStableFunc(names, func(a, b string) int { return p.asked[b] - p.asked[a] })
	names = names[:min(3, len(names))]
	for i, name := range names {
		names[i] = fmt.Sprintf("%s (%d)", name, p.asked[name])
	}
	return strings.Join(names, ", ")
}

// enter counts a request and gives it its own chance.
func (p *provider) enter(what, path string) chanceStream {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	p.inFlight++
	p.most = max(p.most, p.inFlight)
	p.counts[what]++
	p.asked[path]++
	return dice(p.world.life.Seed, p.address, what, p.counts[what])
}

func (p *provider) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
}

// nameIn tells requests to one collection apart.
func nameIn(body []byte) string {
	var named struct{ Name string }
	if json.Unmarshal(body, &named) == nil && named.Name != "" {
		return " " + named.Name
	}
	return ""
}

func refusal(status int, message string) *answer {
	return told(status, map[string]any{"error": map[string]any{"message": message}})
}

func told(status int, body any) *answer {
	text, err := json.Marshal(body)
	if err != nil {
		panic("simulation: an answer is JSON: " + err.Error())
	}
	return &answer{status: status, body: text}
}

func notFound() *answer { return refusal(http.StatusNotFound, "no such thing here") }

// act has a request take effect.
func (p *provider) act(from *node, r *http.Request, body []byte) *answer {
	secret := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.URL.Path == "/v1/use" {
		for _, k := range p.keys() {
			if k.secret == secret && k.bound {
				return refusal(http.StatusUnauthorized, "not from there")
			}
			// An account that was made for a key has none yet.
			if k.secret == secret && secret != "" && k.alive(now) && !p.isTooYoung(k) {
				return told(http.StatusOK, map[string]any{"name": k.name})
			}
		}
		return refusal(http.StatusUnauthorized, "no such key")
	}
	a := p.adminOf(secret)
	switch {
	case a == nil && p.traits.Denies:
		return refusal(http.StatusForbidden, "no such admin")
	case a == nil:
		return refusal(http.StatusUnauthorized, "no such admin")
	}
	if now.Before(p.weather[weatherForbidden]) && r.URL.Path != "/v1/whoami" {
		return refusal(http.StatusForbidden, "you may not")
	}
	if now.Before(p.weather[weatherMasked]) && r.URL.Path != "/v1/whoami" {
		if p.traits.ListGone && r.Method == http.MethodGet {
			return refusal(http.StatusForbidden, "you may not") // its 404 says that the place is gone
		}
		return notFound()
	}
	var in wanted
	_ = json.Unmarshal(jsonOf(r, body), &in)
	return p.route(from, a, r, in)
}

// wanted is what a request says of the thing that it is about.
type wanted struct {
	ID         string
	Name       string
	Key        string
	ExpiresAt  string `json:"expires_at"`
	Scopes     []string
	Passphrase string
	CIDRs      []string `json:"cidrs"`
	Limited    bool
}

// route finds what is asked for. The caller holds mu.
func (p *provider) route(from *node, a *admin, r *http.Request, in wanted) *answer {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	project := ""
	if parts[0] == "projects" && len(parts) > 2 {
		project = parts[1]
		if exists, known := a.account.projects[project]; known && !exists {
			return notFound()
		}
		parts = parts[2:]
	}
	switch route := r.Method + " " + parts[0] + fmt.Sprintf("/%d", len(parts)); route {
	case "GET whoami/1":
		return told(http.StatusOK, map[string]any{"id": p.idIn(a.id), "admin": true})
	case "POST accounts/1", "POST keys/1":
		return p.makeOrShow(from, a, project, in)
	case "POST accounts/3":
		switch parts[2] {
		case "grants":
			return p.grant(a.account, parts[1])
		case "limit":
			return p.limit(a.account, parts[1], true)
		}
		return p.fillAccount(a.account, parts[1], in)
	case "DELETE accounts/3":
		return p.limit(a.account, parts[1], false)
	case "PUT accounts/3":
		return p.label(a.account, parts[1])
	case "DELETE accounts/4":
		return p.endGrant(a.account, parts[1], parts[3])
	case "GET accounts/2", "GET keys/2":
		return p.showKey(a.account, project, parts[1])
	case "DELETE accounts/2", "DELETE keys/2":
		return p.deleteKey(from, a.account, project, parts[1])
	case "POST keys/3":
		return p.deleteWith(from, a.account, project, parts[1], in.Passphrase)
	case "DELETE named-keys/2":
		return p.deleteNamed(from, a.account, project, parts[1])
	case "PATCH accounts/2", "PATCH keys/2":
		return p.extendKey(a.account, parts[1], in.ExpiresAt)
	case "GET accounts/1", "GET keys/1":
		return p.listKeys(a.account, project, r)
	case "POST admin-keys/1":
		made := p.addAdmin(a.account, in.Name)
		made.byEngine, made.taken = true, from.isLost() || from.cluster.early != nil
		return told(http.StatusCreated, map[string]any{"id": p.idIn(made.id), "key": made.secret})
	case "GET admin-keys/2":
		return p.showAdmin(a.account, parts[1])
	case "GET admin-keys/1":
		return p.listAdmins(a.account, r.URL.Query().Get("name"))
	case "DELETE admin-keys/2":
		return p.removeAdmin(from, a.account, parts[1])
	case "PUT admin-keys/3", "POST admin-keys/3":
		return p.swapAdmin(from, a, in.Key)
	case "POST applications/3":
		return p.replaceShared(from, a, parts[1], in.Name)
	case "DELETE applications/3":
		return p.endShared(a.account, parts[1])
	case "PUT users/2":
		return p.makeUser(from, a, in.Name, parts[1])
	case "DELETE users/2":
		asked, _ := r.Context().Value(askedAt{}).(time.Time)
		return p.endUser(from, a.account, parts[1], asked)
	}
	return notFound()
}

// keys are those of all accounts. The caller holds mu.
func (p *provider) keys() []*key {
	var all []*key
	for _, a := range p.accounts {
		all = append(all, a.keys...)
	}
	return all
}

func (p *provider) adminOf(secret string) *admin {
	for _, account := range p.accounts {
		for _, a := range account.admins {
			if a.secret == secret && !a.removed {
				return a
			}
		}
	}
	return nil
}

// mark makes an id or a secret that depends on what it is for alone.
func (p *provider) mark(what string) string {
	p.counts["mark "+what]++
	hash := fnv.New64a()
	fmt.Fprint(hash, p.world.life.Seed, p.address, what, p.counts["mark "+what])
	return fmt.Sprintf("%016x", hash.Sum64())
}

// newID is an id for a new key.
func (p *provider) newID(name string) string {
	id := p.mark(name)
	if !p.traits.Numbers {
		return id
	}
	number, err := strconv.ParseUint(id, 16, 64)
	if err != nil {
		panic("simulation: a mark is a number: " + err.Error())
	}
	return strconv.FormatUint(number%1e12, 10)
}

// idIn is an id as answers tell it.
func (p *provider) idIn(id string) any {
	if p.traits.Numbers {
		return json.Number(id)
	}
	return id
}

// makeOrShow makes a key, or answers with one that exists, wholly or in part.
func (p *provider) makeOrShow(from *node, by *admin, project string, wanted wanted) *answer {
	in, name := by.account, wanted.Name
	there := p.newest(in, project)
	now := time.Now()
	switch {
	case (p.traits.ByName || p.traits.Chosen || p.traits.KnownID) && slices.ContainsFunc(in.keys, func(k *key) bool { return k.name == name && k.there(now) }):
		return refusal(http.StatusConflict, "there is one of that name")
	case there == nil || p.traits.KnownID || p.traits.ByName || !p.traits.findsByName(): // see docs/reliability.md
	case now.Before(p.weather[weatherExisting]):
		return p.showExisting(from, there)
	case now.Before(p.weather[weatherMisnames]) && p.isWellKnown(there) && !p.traits.NoID:
		made := p.makeKey(from, by, project, wanted)
		one := in.keys[len(in.keys)-1]
		one.told = there.id
		if there.cluster != from.cluster {
			one.excused = "its answer told the id of another mount's key"
		}
		there.share(from)
		p.world.note("provider", "the answer for %s tells the id of %s", name, there.name)
		return made.with("id", p.idIn(there.id))
	}
	return p.makeKey(from, by, project, wanted)
}

// isWellKnown reports whether a ledger has the key under its own id. An answer that
// tells the id of one that is not is more than an engine can see through, as
// docs/reliability.md says.
func (p *provider) isWellKnown(k *key) bool { return k.told == "" && p.world.recordOf(k) != nil }

// newest is the newest living key of a place; nil where there is none.
func (p *provider) newest(in *account, project string) *key {
	for _, k := range slices.Backward(in.keys) {
		if k.project == project && k.there(time.Now()) && k.secret != "" && !k.isBeside() {
			return k
		}
	}
	return nil
}

// showExisting is the answer to a request for a new key that makes none.
func (p *provider) showExisting(from *node, k *key) *answer {
	p.world.note("provider", "%s is there already, and is what the answer tells of", k.name)
	if !p.traits.Tells {
		k.share(from)
	}
	if p.traits.Steps {
		return told(http.StatusOK, map[string]any{"id": p.idIn(k.id), "name": k.name})
	}
	return told(http.StatusOK, p.shownKey(k))
}

// shownKey is a key as the answer to a request for one tells it.
func (p *provider) shownKey(k *key) map[string]any {
	fields := map[string]any{
		"id": p.idIn(k.id), "name": k.name, "key": k.secret, "username": "robot", "expires_at": p.shownEnd(k), "scopes": []string{"read", "write"},
	}
	if p.traits.Seconds {
		fields["expires_in"] = p.secondsLeft(k, fields["expires_at"])
	}
	if time.Now().Before(p.weather[weatherGenerous]) {
		fields["scopes"] = []string{"read", "write", "admin"}
	}
	return fields
}

// secondsLeft is a key's end as a number of seconds, or what is told in its place.
func (p *provider) secondsLeft(k *key, end any) any {
	if text, ok := end.(string); ok && text == p.shownTime(k.expires) {
		return int(k.expires.Sub(time.Now().Add(p.traits.Clock)) / time.Second)
	}
	return end
}

// share excuses a key that another mount is told to be its own, by an answer that
// shows no difference: neither mount knows what the other one holds.
func (k *key) share(with *node) {
	if k.cluster != with.cluster && k.excused == "" {
		k.excused = "another mount was told that it is its own"
	}
}

func (p *provider) makeKey(from *node, by *admin, project string, wanted wanted) *answer {
	now, in, name := time.Now(), by.account, wanted.Name
	k := &key{
		name: name, listed: p.formed(name), project: project, account: in, provider: p, by: by, passphrase: wanted.Passphrase,
		cluster: from.cluster, from: from, made: now, shownFrom: now.Add(p.traits.ListLag),
	}
	switch {
	case p.traits.KnownID:
		k.id = cmp.Or(wanted.ID, name)
	case p.traits.ReuseIDs && len(p.free) > 0:
		k.id, p.free = p.free[0], p.free[1:]
	default:
		k.id = p.newID("key " + name)
	}
	p.keep(k)
	var a *answer
	if p.traits.Steps {
		a = told(http.StatusCreated, map[string]any{"id": p.idIn(k.id), "name": k.name})
	} else {
		a = p.fill(k, wanted)
	}
	a.made = k
	return a
}

// keep takes in a key that was just made.
func (p *provider) keep(k *key) {
	switch {
	case k.from.isLost():
		k.excused = "a snapshot from before was restored"
	case k.from.cluster.early != nil:
		k.excused = "a copy made it that was started early"
	case p.world.isMended() && (p != p.world.host || k.account != p.accounts[0]):
		k.excused = "its connection leads elsewhere again"
	}
	k.account.keys = append(k.account.keys, k)
	p.world.made(k)
}

// fillAccount makes the key in the account that was made for it.
func (p *provider) fillAccount(in *account, id string, wanted wanted) *answer {
	k := p.find(in, "", id)
	switch {
	case k == nil:
		return notFound()
	case k.secret != "":
		return refusal(http.StatusConflict, "it has a key")
	case p.traits.Grants && len(k.grants) < len(allGrants):
		return refusal(http.StatusConflict, "it lacks rights that were to come first")
	case !p.isReady(k):
		return refusal(http.StatusConflict, "it is not ready")
	case k.limited != wanted.Limited:
		return refusal(http.StatusConflict, "it is limited otherwise than it was to be")
	}
	return p.fill(k, wanted)
}

// isReady reports whether an account can be used: where that takes a while, a moment
// after it was made.
func (p *provider) isReady(k *key) bool { return !p.traits.Poll || time.Since(k.made) > 3*time.Second }

// label gives an account a text that nothing depends on.
func (p *provider) label(in *account, id string) *answer {
	if p.find(in, "", id) == nil {
		return notFound()
	}
	return told(http.StatusOK, map[string]any{})
}

// limit limits an account, or has it do all again.
func (p *provider) limit(in *account, id string, limited bool) *answer {
	k := p.find(in, "", id)
	if k == nil {
		return notFound()
	}
	k.limited = limited
	return told(http.StatusOK, map[string]any{})
}

// allGrants are the rights that roles give, unless they say otherwise.
var allGrants = []string{"read", "write"}

// grant gives an account a right.
func (p *provider) grant(in *account, id string) *answer {
	k := p.find(in, "", id)
	if k == nil {
		return notFound()
	}
	grant := p.mark("grant of " + k.name)
	k.grants = append(k.grants, grant)
	return told(http.StatusCreated, map[string]any{"id": grant})
}

// endGrant takes a right from an account.
func (p *provider) endGrant(in *account, id, grant string) *answer {
	k := p.find(in, "", id)
	if k == nil || p.isTooYoung(k) || !slices.Contains(k.grants, grant) {
		return notFound()
	}
	k.grants = slices.DeleteFunc(k.grants, func(one string) bool { return one == grant })
	return &answer{status: http.StatusNoContent}
}

// replaceShared makes the one secret of an application, which ends the one before.
func (p *provider) replaceShared(from *node, by *admin, application, name string) *answer {
	now := time.Now()
	k := &key{
		id: application, name: name, account: by.account, provider: p, by: by, cluster: from.cluster, made: now, shared: true,
	}
	k.secret = secretMark + p.mark("secret "+name)
	if from.isLost() {
		k.excused = "a snapshot from before was restored"
	}
	if before := p.sharedOf(by.account, application); before != nil {
		before.deleted, before.dies = now, now
		p.world.died(before) // whoever kept it has noted that it may end
	}
	delete(by.account.peoples, "applications/"+application) // an operator wrote a role of it there
	by.account.keys = append(by.account.keys, k)
	return told(http.StatusCreated, map[string]any{"key": k.secret})
}

// sharedOf is the secret that an application has; nil for none.
func (p *provider) sharedOf(in *account, application string) *key {
	for _, k := range in.keys {
		if k.shared && k.id == application && k.there(time.Now()) {
			return k
		}
	}
	return nil
}

// endShared ends the one secret of an application.
func (p *provider) endShared(in *account, application string) *answer {
	k := p.sharedOf(in, application)
	if k == nil {
		return p.endPeoples(in, "applications/"+application)
	}
	k.deleted, k.dies = time.Now(), time.Now()
	p.world.died(k)
	return &answer{status: http.StatusNoContent}
}

// fill gives a key its value and its end.
func (p *provider) fill(k *key, wanted wanted) *answer {
	k.secret = secretMark + p.mark("secret "+k.name)
	if p.traits.Chosen {
		k.secret = wanted.Key
	}
	k.expires, k.bound = p.endOf(wanted.ExpiresAt), len(wanted.CIDRs) > 0
	if p.traits.Fixed > 0 {
		k.expires = k.made.Add(p.traits.Fixed + p.traits.Clock)
	}
	if latest := k.made.Add(p.traits.Shortens + p.traits.Clock); p.traits.Shortens > 0 && k.expires.After(latest) {
		k.expires = latest
	}
	return told(http.StatusCreated, p.shownKey(k))
}

func (p *provider) endOf(text string) time.Time {
	end, err := time.Parse(time.RFC3339, text)
	if err != nil || !p.traits.Expiry {
		return time.Time{}
	}
	return end
}

// oddEnds are texts and numbers that no time can be read from.
var oddEnds = []any{"soon", "2000-13-45T99:00:00Z", "31/12/2000", true, map[string]any{"date": "soon"}, []any{}}

// noEnds are the ways in which providers say that a key does not end.
var noEnds = []any{"", 0, -1, "never", "0001-01-01T00:00:00Z"}

// shownEnd is a key's end as the provider tells it.
func (p *provider) shownEnd(k *key) any {
	if !time.Now().Before(p.weather[weatherOddEnds]) {
		return p.shownTime(k.expires)
	}
	odd := oddEnds
	if p.traits.Shortens == 0 {
		// Where a key ends when it was asked to, it harms nobody to be told that it does not.
		odd = slices.Concat(odd, noEnds)
	}
	end := pick(dice(p.world.life.Seed, "end", k.name, len(k.account.keys)), odd...)
	p.world.note("provider", "the end of %s is told as %#v", k.name, end)
	return end
}

// shownTime is a time as exact as the provider keeps it.
func (p *provider) shownTime(t time.Time) any {
	if p.traits.UniqueEnds && !t.IsZero() {
		return t.UTC().Format(time.RFC3339Nano)
	}
	return shown(t)
}

func shown(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// formed is what the provider makes of a name.
func (p *provider) formed(name string) string {
	switch p.traits.NameForm {
	case "prefixed":
		return "acct." + name
	case "underscores":
		return strings.ReplaceAll(name, "-", "_")
	case "front cut":
		return name[max(0, len(name)-26):]
	}
	return name
}

func (p *provider) find(in *account, project, id string) *key {
	for _, k := range slices.Backward(in.keys) {
		if k.id == id && k.project == project && k.there(time.Now()) && !k.isBeside() {
			return k
		}
	}
	return nil
}

// deleteWith deletes a key for whoever shows what that needs.
func (p *provider) deleteWith(from *node, in *account, project, id, passphrase string) *answer {
	if k := p.find(in, project, id); k != nil && k.passphrase != passphrase {
		return refusal(http.StatusForbidden, "this is not its passphrase")
	}
	return p.deleteKey(from, in, project, id)
}

// showKey is one key as a list shows it, and whether it is ready.
func (p *provider) showKey(in *account, project, id string) *answer {
	for _, a := range in.admins {
		if p.traits.AdminsAmong && a.id == id && !a.removed {
			return told(http.StatusOK, p.shownItem(listedThing{id: a.id, name: a.name}))
		}
	}
	k := p.find(in, project, id)
	p.further++
	if k == nil || p.isTooYoung(k) {
		return notFound()
	}
	shown := p.shownItem(k.item())
	shown["ready"], shown["expires_at"] = p.isReady(k), p.shownEnd(k)
	return told(http.StatusOK, shown)
}

// deleteNamed deletes a key by its name, which no two have where that is how.
func (p *provider) deleteNamed(from *node, in *account, project, name string) *answer {
	for _, k := range in.keys {
		if k.name == name && k.project == project && k.there(time.Now()) {
			return p.deleteKey(from, in, project, k.id)
		}
	}
	return notFound()
}

func (p *provider) deleteKey(from *node, in *account, project, id string) *answer {
	if p.traits.AdminsAmong && project == "" {
		if a := p.removeAdmin(from, in, id); a.status < 300 {
			return a
		}
	}
	k := p.find(in, project, id)
	if k == nil || p.isTooYoung(k) && !p.liesOf(k) {
		return notFound()
	}
	if from.isLost() {
		p.world.excuse(k, "its end was asked for before a snapshot was restored")
	}
	p.excuseEarly(from, k)
	if p.liesOf(k) && !p.world.clocksJumped(from.cluster) { // see docs/reliability.md, of a key that bears a time to come
		p.world.note("provider", "%s is not deleted, though the answer says so", k.name)
		p.lie(from, k)
		return &answer{status: http.StatusNoContent}
	}
	p.kill(k)
	p.world.died(k)
	return &answer{status: http.StatusNoContent}
}

// liesOf reports whether the provider says that it deletes the key, and does not.
func (p *provider) liesOf(k *key) bool {
	switch p.traits.Lies {
	case liesOnce:
		return k.liedOf.IsZero()
	case liesAtFirst:
		return k.liedOf.IsZero() || time.Since(k.liedFirst) < 2*time.Minute
	}
	return time.Now().Before(p.weather[weatherLies])
}

// lie notes that a process was told that a key is gone. What the ledger has had for a while
// it has to look for.
func (p *provider) lie(from *node, k *key) {
	p.world.died(k) // whoever asks for its end believes that it is nobody's
	p.world.excuse(k, "the provider said that it is gone")
	k.liedOf = time.Now()
	if k.liedFirst.IsZero() {
		k.liedFirst = k.liedOf
	}
	if time.Since(k.made) > time.Minute && p.world.recordOf(k) != nil {
		k.believed = from
	}
}

// isTooYoung reports whether the key is not yet known where it is asked for by id, or used.
func (p *provider) isTooYoung(k *key) bool { return time.Since(k.made) < p.traits.YoungLag }

// kill ends a key.
func (p *provider) kill(k *key) {
	now := time.Now()
	k.deleted, k.dies = now, now.Add(p.traits.DeathLag)
	if p.traits.ReuseIDs && !p.traits.KnownID {
		time.AfterFunc(5*time.Minute, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.free = append(p.free, k.id)
		})
	}
}

func (p *provider) extendKey(in *account, id, expires string) *answer {
	for _, k := range slices.Backward(in.keys) {
		if k.id == id && !k.isBeside() && k.there(time.Now()) && !p.isTooYoung(k) {
			k.expires, k.extended = p.endOf(expires), time.Now()
			end := p.shownEnd(k)
			return told(http.StatusOK, map[string]any{"expires_at": end, "expires_in": p.secondsLeft(k, end)})
		}
	}
	return notFound()
}

// listedThing is an item of a list.
type listedThing struct {
	id, name, key          string
	made, revoked, expires time.Time
	grants                 []string
}

func (k *key) item() listedThing {
	return listedThing{k.id, k.listed, k.secret, k.made, k.deleted, k.expires, k.grants}
}

// shownItem is an item as lists tell it.
func (p *provider) shownItem(one listedThing) map[string]any {
	item := map[string]any{
		"id": p.idIn(one.id), "name": one.name, "key": one.key, "created_at": shown(one.made), "grant_ids": one.grants,
	}
	if p.traits.Past > 0 {
		item["revoked_at"] = shown(one.revoked)
	}
	if p.traits.UniqueEnds || p.traits.TellsEnds {
		item["expires_at"] = p.shownTime(one.expires)
	}
	return item
}

// isListed reports whether lists show a key: one of the past, too, where they do.
func (p *provider) isListed(k *key, now time.Time) bool {
	past := !k.deleted.IsZero() && now.Sub(k.deleted) < p.traits.Past
	return !k.isBeside() && (k.alive(now) || past) && !now.Before(k.shownFrom)
}

func (p *provider) listKeys(in *account, project string, r *http.Request) *answer {
	now := time.Now()
	var all []listedThing
	if p.traits.AdminsAmong && project == "" {
		for _, a := range in.admins {
			if !a.removed {
				all = append(all, listedThing{id: a.id, name: a.name})
			}
		}
	}
	for _, k := range in.keys {
		if k.project == project && p.isListed(k, now) {
			all = append(all, k.item())
		}
	}
	if now.Before(p.weather[weatherBlind]) && p.hasWitness(in, project) {
		all = nil
	}
	if name := r.URL.Query().Get("name"); name != "" {
		all = slices.DeleteFunc(all, func(one listedThing) bool { return one.name != name })
	}
	if p.traits.NewestFirst {
		slices.Reverse(all)
	}
	page, next := p.page(all, r)
	items := []any{}
	for _, one := range page {
		items = append(items, p.shownItem(one))
	}
	a := told(http.StatusOK, map[string]any{"data": items, "next_cursor": next, "next_url": p.nextURL(r, next), "pages": pagesOf(len(all), r), "total": len(all)})
	if p.traits.PageKind == pageLink && next != nil {
		a.header = map[string]string{"Link": fmt.Sprintf("<%s>; rel=\"next\"", p.nextURL(r, next))}
	}
	return a
}

// hasWitness reports whether a ledger has a key that a list should show. Where it has none,
// an empty list is believed, as docs/reliability.md says.
func (p *provider) hasWitness(in *account, project string) bool {
	return p.traits.Lag == "" && slices.ContainsFunc(in.keys, func(k *key) bool {
		return k.project == project && k.excused == "" && !k.isBeside() && k.there(time.Now()) && time.Since(k.made) > 5*time.Minute && p.world.recordOf(k) != nil
	})
}

// pagesOf is how many pages a list has.
func pagesOf(items int, r *http.Request) int {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		return 1
	}
	return (items + limit - 1) / limit
}

// nextURL is the address of the page at a cursor; nil where there is none.
func (p *provider) nextURL(r *http.Request, cursor any) any {
	if cursor == nil {
		return nil
	}
	query := r.URL.Query()
	query.Set("cursor", fmt.Sprint(cursor))
	return "http://" + strings.TrimSuffix(p.address, ":80") + r.URL.Path + "?" + query.Encode()
}

// again marks the cursor of a page in whose place the one before was shown.
const again = "@again"

// page cuts out what the request asks for. Cursors hold still, numbers shift.
func (p *provider) page(all []listedThing, r *http.Request) (page []listedThing, next any) {
	query := r.URL.Query()
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil {
		return all, nil
	}
	from := 0
	switch number, cursor := query.Get("page"), query.Get("cursor"); {
	case query.Get("offset") != "":
		from, _ = strconv.Atoi(query.Get("offset"))
	case number != "":
		n, _ := strconv.Atoi(number)
		from = (n - 1) * limit
	case cursor != "":
		cursor = strings.TrimSuffix(cursor, again)
		// The last one that was shown; where it is gone, the list begins where it was.
		id, place, _ := strings.Cut(cursor, "@")
		from, _ = strconv.Atoi(place)
		if at := slices.IndexFunc(all, func(one listedThing) bool { return one.id == id }); at >= 0 {
			from = at + 1
		} else {
			from = max(0, from-1)
		}
	}
	from = min(max(from, 0), len(all))
	if from > 0 {
		p.further++
	}
	page = all[from:min(from+limit, len(all))]
	if len(page) == limit && from+limit < len(all) {
		next = fmt.Sprintf("%s@%d", page[limit-1].id, from+limit)
	}
	if from > 0 && !strings.HasSuffix(query.Get("cursor"), again) && time.Now().Before(p.weather[weatherRepeats]) {
		// The page before comes once more, and then this one.
		page = all[max(0, from-limit):from]
		next = query.Get("cursor") + again
	}
	if next == nil && len(all) > limit && time.Now().Before(p.weather[weatherCircles]) {
		next = fmt.Sprintf("%s@%d", all[limit-1].id, limit) // that of the first page
	}
	return page, next
}

func (p *provider) addAdmin(in *account, name string) *admin {
	made := &admin{id: p.newID("admin " + name), name: p.formed(name), account: in}
	made.secret = secretMark + "admin_" + p.mark("secret of admin "+name)
	in.admins = append(in.admins, made)
	return made
}

func (p *provider) listAdmins(in *account, name string) *answer {
	items := []any{}
	for _, a := range in.admins {
		if !a.removed && (name == "" || a.name == name) {
			items = append(items, map[string]any{
				"id": p.idIn(a.id), "name": a.name, "redacted": a.secret[:len(secretMark)] + "..." + a.secret[len(a.secret)-6:],
			})
		}
	}
	return told(http.StatusOK, map[string]any{"data": items})
}

// showAdmin is one admin credential, without its value.
func (p *provider) showAdmin(in *account, id string) *answer {
	for _, a := range in.admins {
		if a.id == id && !a.removed {
			return told(http.StatusOK, map[string]any{"id": p.idIn(a.id), "name": a.name})
		}
	}
	return notFound()
}

func (p *provider) removeAdmin(from *node, in *account, id string) *answer {
	for _, a := range in.admins {
		if a.id == id && !a.removed {
			p.tooLate(from, a)
			a.removed = true
			p.world.adminEnded(a)
			p.endKeysOf(from, a)
			return &answer{status: http.StatusNoContent}
		}
	}
	return notFound()
}

// tooLate excuses what a request ends that was under way when a snapshot took the place
// of its sender's storage: the credential was replaced by what storage said when it was
// sent, and is in use by what storage says now.
func (p *provider) tooLate(from *node, a *admin) {
	if from.isLost() || from.cluster.early != nil {
		p.world.take(a.secret)
	}
}

// swapAdmin changes an admin's secret to the given one, or to one of its own.
func (p *provider) swapAdmin(from *node, a *admin, value string) *answer {
	p.tooLate(from, a)
	if value == "" && from.isReadOnly() {
		p.world.take(a.secret) // who has its successor can store it nowhere
	}
	if value == "" {
		value = secretMark + "admin_" + p.mark("secret of admin "+a.name)
	}
	a.previous, a.swapped = a.secret, time.Now()
	a.secret, a.byEngine = value, true
	p.endKeysOf(from, a)
	return told(http.StatusOK, map[string]any{"key": value})
}

// endKeysOf ends the keys that were made with a credential, where they end with it. From
// is whose request that is; nil where the world ended the credential.
func (p *provider) endKeysOf(from *node, a *admin) {
	for _, k := range a.account.keys {
		if k.by != a || k.isBeside() || !k.there(time.Now()) || !p.traits.endsWithAdmin(k) {
			continue
		}
		if from == nil || from.isLost() || from.cluster.early != nil || p.world.isForced() {
			p.world.excuse(k, "it ended with the credential that made it")
		}
		p.kill(k)
		p.world.died(k)
	}
}

// endsWithAdmin reports whether a key ends with the credential that made it.
func (t Traits) endsWithAdmin(k *key) bool {
	return t.EndsKeys == endsAll || t.EndsKeys != "" && t.EndsKeys == k.project
}
