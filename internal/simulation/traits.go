package simulation

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// How admin credentials are replaced at the provider.
const (
	rotateNew       = "new"       // a second one is made, and the first retired
	rotateCandidate = "candidate" // we choose the new one, which ends the old
	rotateInPlace   = "in place"  // the provider chooses it, which ends the old
)

// Traits are what a life's world is like from its beginning to its end. The zero
// value of each is the plainest.
type Traits struct {
	// The definition of the catalog that is used, and what follows from it; the world's own
	// where that is empty.
	Catalog string `help:"the provider is the catalog's"`
	// What the provider's definition can do.
	NoList   bool   `help:"keys cannot be listed"`
	KnownID  bool   `help:"a key's id is its name"`
	Lookup   bool   `help:"a key can be looked up by name"`
	Extend   bool   `help:"a key's own end can be moved"`
	Expiry   bool   `help:"the provider ends keys itself"`
	Probe    bool   `help:"a key can be asked whether it works"`
	Sealed   bool   `help:"revoking needs the key itself"`
	Steps    bool   `help:"an account is made for each key"`
	Projects bool   `help:"keys are made and listed in projects"`
	Username bool   `help:"the first secret field is a user name that all keys share"`
	ByName   bool   `help:"keys are revoked by name"`
	IDsOnly  bool   `help:"lists tell ids alone"`
	Rotation string `help:"how the admin credential is replaced"`
	// Further blocks and attributes of the language.
	NoID        bool          `help:"the answer to a request for a key tells no id, and the key is found by its name"`
	Numbers     bool          `help:"ids are numbers"`
	Chosen      bool          `help:"a key's value is ours to choose"`
	Derived     bool          `help:"revoking needs a passphrase that is derived of the name"`
	Granted     bool          `help:"the answer to a request for a key tells what it may do"`
	Looks       bool          `help:"a key is looked at before it is deleted, and before its end is moved"`
	ListFirst   bool          `help:"the list is read before a key is deleted"`
	Poll        bool          `help:"an account is not ready at once"`
	Grants      bool          `help:"an account is given its rights one by one, and loses them so"`
	OneByOne    bool          `help:"each key that is listed is asked for by itself"`
	PageKind    string        `help:"how a list goes on"`
	Past        time.Duration `help:"lists show a key that was revoked for so long"`
	ListGone    bool          `help:"a list says that its project is gone"`
	Seconds     bool          `help:"a key's end is told as a number of seconds"`
	Rounds      time.Duration `help:"ends are rounded up to"`
	Fixed       time.Duration `help:"every key lives for"`
	ShortNames  bool          `help:"names have 24 small letters and digits"`
	Rate        int           `help:"requests in a second at most"`
	Lag         string        `help:"the definition's lag"`
	AdminLookup bool          `help:"a new admin credential is looked up by its name"`
	EndsKeys    string        `help:"with the admin credential end keys of"`
	Form        bool          `help:"a key is asked for with a form"`
	Denies      bool          `help:"a credential that does not work is told by 403, and a text"`
	Bound       bool          `help:"keys are bound to addresses, of which Vault's is none"`
	Labels      bool          `help:"an account that is to end is given a label, in a step of its own"`
	LongNames   bool          `help:"names are filled up to 60 letters"`
	RetireSteps bool          `help:"an admin credential is looked at before it is ended"`
	Unnamed     bool          `help:"lists tell no names, so that an operator ends what a lost answer left"`
	UniqueEnds  bool          `help:"a key is found by its end, which no other has"`
	ShortIDs    bool          `help:"keys cannot be listed, and their ids are short and known from the answer alone"`
	InPlace     bool          `help:"beside the keys there are secrets which a new one replaces in place"`
	GivenIDs    bool          `help:"beside the keys there are users, whose names roles give, and some of whom people made"`
	Limits      bool          `help:"an account is limited where its role says so, in a step that other roles leave out"`
	BoundBy     string        `help:"the addresses that keys are bound to are a field of the"`
	TellsEnds   bool          `help:"lists tell when a key ends"`
	// How the provider behaves.
	Pages       int           `help:"keys in a page of a list"`
	ByNumber    bool          `help:"pages go by number, so that they shift"`
	NewestFirst bool          `help:"lists begin with the newest"`
	NoDates     bool          `help:"lists tell no dates"`
	NameForm    string        `help:"what the provider makes of names"`
	AdminsAmong bool          `help:"admin credentials are listed among the keys"`
	ListLag     time.Duration `help:"lists show a key so late"`
	DeathLag    time.Duration `help:"a deleted key works on for so long"`
	Clock       time.Duration `help:"the provider's clock is ahead by"`
	Slow        time.Duration `help:"an answer takes up to"`
	ReuseIDs    bool          `help:"ids of deleted keys are used again"`
	YoungLag    time.Duration `help:"a new key does not work, and cannot be found by its id, for so long"`
	Shortens    time.Duration `help:"the provider ends keys at the latest after"`
	Throttling  int           `help:"requests in excess are refused with status"`
	Tells       bool          `help:"the answer to a request for a key tells the name of what it is about"`
	Lies        string        `help:"the provider says that it deletes a key, and does not"`
	// How the mount is used.
	Second  string        `help:"what else is at the account"`
	Verify  bool          `help:"revocations are verified by the probe, or not at all"`
	Standby bool          `help:"requests come by way of a standby"`
	Tick    time.Duration `help:"the engine's tick"`
	Timeout time.Duration `help:"request_timeout"`
	Period  time.Duration `help:"the admin credential is rotated every"`
	Claims  bool          `help:"after a crash the mount waits for a claim, which an operator makes"`
}

// What else there can be at the account that the first connection leads to.
const (
	secondConnection = "another connection of the mount"
	secondMount      = "another mount"
	secondOfVault    = "another mount of the same Vault"
)

// Whose keys end with the admin credential that made them.
const endsAll = "all"

// longLag is a lag that is longer than most things take.
const longLag = "10m"

// For which requests to delete a key a provider lies.
const (
	liesOnce    = "to the first who asks"
	liesAtFirst = "for two minutes"
)

// Which fields can bind keys to addresses.
const (
	boundByRole       = "role"
	boundByConnection = "connection"
)

func drawTraits(seed uint64) Traits {
	d := dice(seed, "traits")
	t := Traits{
		Lookup:      oneIn(d, 3),
		Extend:      oneIn(d, 2),
		Expiry:      oneIn(d, 2),
		Probe:       oneIn(d, 2),
		Sealed:      oneIn(d, 6),
		Steps:       oneIn(d, 6),
		Projects:    oneIn(d, 3),
		Username:    oneIn(d, 8),
		Rotation:    pick(d, rotateNew, rotateNew, rotateCandidate, rotateInPlace, ""),
		Pages:       pick(d, 0, 0, 2, 3, 10),
		ByNumber:    oneIn(d, 2),
		NewestFirst: oneIn(d, 2),
		NoDates:     oneIn(d, 3),
		NameForm:    pick(d, "", "", "", "prefixed", "underscores", "front cut"),
		AdminsAmong: oneIn(d, 4),
		ListLag:     pick(d, 0, 0, 0, 5*time.Second, 40*time.Second),
		DeathLag:    pick(d, 0, 0, 0, 3*time.Second, 30*time.Second),
		Clock:       pick(d, 0, 0, 0, 20*time.Second, -20*time.Second),
		Slow:        pick(d, 50*time.Millisecond, 300*time.Millisecond, 2*time.Second),
		ReuseIDs:    oneIn(d, 8),
		YoungLag:    pick(d, 0, 0, 0, 5*time.Second, 25*time.Second),
		Shortens:    pick(d, 0, 0, 0, 15*time.Minute, 45*time.Minute),
		Throttling:  pick(d, 0, 0, 403, 200, 418),
		Second:      pick(d, "", secondConnection, secondConnection, secondMount),
		Verify:      oneIn(d, 4),
		Standby:     oneIn(d, 4),
		Tick:        pick(d, 2*time.Second, 5*time.Second),
		Timeout:     pick(d, 4*time.Second, 11*time.Second, 31*time.Second, 90*time.Second),
		Period:      pick(d, 0, 0, 0, 10*time.Minute, 25*time.Minute),
	}
	// Each of these is drawn by itself, so that the other traits stay as they were.
	t.ByName = oneIn(dice(seed, "traits", "by name"), 8)
	t.IDsOnly = oneIn(dice(seed, "traits", "ids only"), 3)
	t.ListFirst = oneIn(dice(seed, "traits", "list first"), 6)
	switch d.IntN(12) {
	case 0:
		t.NoList, t.KnownID, t.Lookup = true, true, false
	case 1:
		t.KnownID = true
	}
	t.Tells = oneIn(dice(seed, "told names"), 3)
	t.Lies = pick(dice(seed, "traits", "lies"), "", "", "", "", "", "", liesOnce, liesAtFirst)
	t.drawLanguage(seed)
	switch d := dice(seed, "traits", "names"); d.IntN(16) {
	case 0:
		t.Unnamed = true
	case 1:
		t.Unnamed, t.UniqueEnds = true, true
	case 2:
		t.ShortIDs = true
	}
	if d := dice(seed, "traits", "catalog"); oneIn(d, 4) {
		t.Catalog = pick(d, dialectNames()...)
	}
	return t.consistent()
}

// drawLanguage draws what else a definition can say.
func (t *Traits) drawLanguage(seed uint64) {
	d := dice(seed, "traits", "language")
	rare := func(n int) bool { return oneIn(d, n) }
	t.NoID = rare(8)
	t.Numbers = rare(8)
	t.Chosen = rare(8)
	t.Derived = rare(10)
	t.Granted = rare(6)
	t.Looks = rare(6)
	t.Poll = rare(2)
	t.Grants = rare(2)
	t.OneByOne = rare(8)
	t.PageKind = pick(d, "", "", pageNumbers, pageOffset, pageCursor, pageLink, pageURL)
	t.Past = pick(d, 0, 0, 0, 0, time.Minute, quiet+aftermath)
	t.ListGone = rare(2)
	t.Seconds = rare(4)
	t.Rounds = pick(d, 0, 0, 0, 0, 15*time.Minute, 24*time.Hour)
	t.Fixed = pick(d, 0, 0, 0, 0, 0, 0, 0, 50*time.Minute)
	t.ShortNames = rare(8)
	t.Rate = pick(d, 0, 0, 0, 0, 0, 0, 0, 2)
	t.Lag = pick(d, "", "", "", "", "5s", longLag)
	t.AdminLookup = rare(3)
	t.EndsKeys = pick(d, "", "", "", endsAll, endsAll, "beta")
	t.InPlace = rare(5)
	t.Claims = rare(6)
	more := dice(seed, "traits", "more language")
	t.Form, t.Denies, t.Bound, t.Labels = oneIn(more, 6), oneIn(more, 6), oneIn(more, 8), oneIn(more, 2)
	t.LongNames, t.RetireSteps = oneIn(more, 6), oneIn(more, 2)
	if t.Second == secondMount && rare(2) {
		t.Second = secondOfVault
	}
	if t.Lag == longLag {
		t.ListLag = 4 * time.Minute
	}
	given := dice(seed, "traits", "what is given")
	t.GivenIDs, t.Limits, t.TellsEnds = oneIn(given, 4), oneIn(given, 2), oneIn(given, 2)
	t.BoundBy = pick(given, "", boundByRole, boundByConnection)
}

// How a list goes on, by the name that a definition says.
const (
	pageNumbers = "page"
	pageOffset  = "offset"
	pageCursor  = "cursor"
	pageLink    = "link"
	pageURL     = "url"
)

// consistent leaves out what cannot go together.
func (t Traits) consistent() Traits {
	if t.Tick == 0 {
		t.Tick = 5 * time.Second
	}
	if t.Timeout == 0 {
		t.Timeout = 11 * time.Second
	}
	if t.Lag == longLag {
		t.Lies = "" // what was said too early is never all found out, while keys are rotated as often
	}
	if t.Slow == 0 {
		t.Slow = 50 * time.Millisecond
	}
	if t.Catalog != "" {
		return t.ofCatalog()
	}
	t.suitNames()
	if t.NoList {
		t.Sealed = false // who has not got the key cannot revoke it
	}
	if t.KnownID {
		t.Steps, t.NameForm, t.ReuseIDs = false, "", false
	}
	if t.NoList {
		// Without a list, and without an id that is known beforehand, a lost
		// answer leaves no way to find the key: nothing is promised there.
		t.KnownID, t.Lookup, t.AdminsAmong = !t.ShortIDs, false, false
	}
	if t.Steps || t.Sealed || t.KnownID {
		t.ByName = false
	}
	if t.ByName {
		t.NameForm = ""
	}
	if !t.KnownID || t.NoList {
		t.IDsOnly = false // a key of unknown outcome can be found by its name alone
	}
	if t.NameForm != "" {
		t.Lookup = false // whoever looks up asks for the name as it was given
	}
	if t.Steps {
		t.Projects, t.Extend = false, false
	}
	t.suitLanguage()
	if t.Rotation == "" {
		t.Period = 0
	}
	if t.Pages == 0 {
		t.ByNumber, t.PageKind = false, ""
	}
	if t.PageKind != "" {
		t.ByNumber = t.PageKind == pageNumbers || t.PageKind == pageOffset
	}
	return t
}

// findsByName reports whether the engine finds a key whose making had no answer by itself,
// by the name that it has in lists. What it does not find is left to an operator.
func (t Traits) findsByName() bool { return !t.Unnamed && !t.ShortIDs }

// suitNames leaves out what needs names, or lists, where there are none.
func (t *Traits) suitNames() {
	if t.findsByName() {
		t.UniqueEnds = false
		return
	}
	t.Steps, t.Sealed, t.ByName, t.Derived, t.Chosen, t.NoID = false, false, false, false, false, false
	t.KnownID, t.IDsOnly, t.OneByOne, t.NameForm = false, false, false, ""
	if t.ShortIDs {
		t.NoList, t.Numbers, t.Unnamed, t.UniqueEnds = true, true, false, false
		return
	}
	t.NoList, t.Lookup = false, t.UniqueEnds
	if t.UniqueEnds {
		t.Expiry, t.Fixed, t.Rounds, t.Shortens, t.Seconds = true, 0, 0, 0, false
	}
}

// ofCatalog is what a definition of the catalog can do, and how its provider behaves.
func (t Traits) ofCatalog() Traits {
	d := dialectOf(t.Catalog)
	definition, err := providers.Load(t.Catalog)
	if err != nil {
		panic("simulation: loading a definition of the catalog: " + err.Error())
	}
	can, defined := definition.Capabilities, d.traits
	defined.Catalog = t.Catalog
	defined.NoList, defined.Lookup, defined.Extend, defined.Expiry = !can.Reconcile, can.Lookup, can.Extend, can.NativeExpiry
	defined.NoID = definition.Issue.ID == nil
	defined.Probe, defined.KnownID, defined.Sealed, defined.Granted = can.Probe, can.KnownID || d.traits.KnownID, can.SealedRecord, can.Granted
	defined.Pages, defined.NewestFirst, defined.ListLag, defined.DeathLag = t.Pages, t.NewestFirst, t.ListLag, t.DeathLag
	defined.Clock, defined.Slow, defined.YoungLag = t.Clock, t.Slow, t.YoungLag
	defined.ReuseIDs = t.ReuseIDs && !defined.KnownID && !defined.Numbers
	defined.Second, defined.Verify, defined.Standby, defined.Tick = t.Second, t.Verify, t.Standby, t.Tick
	defined.Timeout, defined.Claims, defined.Lies = t.Timeout, t.Claims, t.Lies
	if defined.Expiry && d.any((*route).tellsMoment) {
		defined.Shortens = t.Shortens
	}
	defined.Seconds = d.any(func(r *route) bool { return r.tells("$ttl") })
	if defined.Rotation != "" {
		defined.Period = t.Period
	}
	if definition.Lag < time.Minute || d.any((*route).forgives) {
		defined.ListLag, defined.YoungLag = 0, 0 // its provider shows at once what it has
	}
	if d.any(func(r *route) bool { return r.options["reveals"] != "" }) {
		defined.YoungLag = 0 // a new key is asked for its value
	}
	defined.ListLag = min(defined.ListLag, 40*time.Second)
	return defined
}

// provider is the name of the definition that connections use.
func (t Traits) provider() string { return cmp.Or(t.Catalog, providerName) }

// credential is the connection's field that holds the admin credential, and keyField that
// of secret which is the key.
func (t Traits) credential() string {
	if d := dialectOf(t.Catalog); d != nil {
		return d.credential
	}
	return "admin_key"
}

func (t Traits) keyField() string {
	if d := dialectOf(t.Catalog); d != nil {
		return d.key
	}
	return "api_key"
}

// suitLanguage leaves out what a definition cannot say together.
func (t *Traits) suitLanguage() {
	if !t.Steps {
		t.Poll, t.Grants, t.Labels, t.Limits = false, false, false, false
	}
	if t.Bound {
		t.Verify = false // the probe, which such a key is not asked by
	} else {
		t.BoundBy = ""
	}
	if t.Steps || t.Granted || t.Bound {
		t.Form = false // a form has no lists
	}
	if t.NoList || t.KnownID || t.Steps || t.ByName || t.IDsOnly {
		t.NoID = false
	}
	if t.KnownID {
		t.Numbers = false
	}
	if t.Numbers {
		t.ReuseIDs = false // a short id that is used again is more than can be told apart
	}
	if t.Steps || t.Sealed {
		t.Chosen, t.Derived = false, false
	}
	if t.ByName || t.NameForm != "" {
		t.Derived = false // who lists the key has not got the name that was given
	}
	if t.Steps || t.Sealed || t.Derived || t.ByName {
		t.Looks = false
	}
	if t.NoList || t.Sealed || t.AdminsAmong {
		t.OneByOne = false
	}
	if t.NoList {
		t.Past, t.Pages, t.ListFirst = 0, 0, false
	}
	if !t.Projects || t.NoList {
		t.ListGone = false
	}
	if t.OneByOne && t.Projects {
		t.ListGone, t.Lookup = true, t.NameForm == ""
	}
	if t.ShortNames {
		t.LongNames = false
	}
	if t.Fixed > 0 {
		t.Expiry, t.Extend, t.Shortens, t.Rounds = true, false, 0, 0
	}
	if !t.Expiry {
		t.Extend, t.Shortens, t.Seconds, t.Rounds = false, 0, false, 0
	}
	if !t.Expiry || t.NoList {
		t.TellsEnds = false
	}
	if t.OneByOne && t.Pages > 0 && t.PageKind == "" {
		t.PageKind = pageCursor
	}
	if t.Lag == "5s" && (t.ListLag > 5*time.Second || t.YoungLag > 5*time.Second || t.OneByOne) {
		t.Lag = ""
	}
	if t.Lag == "" && t.ListLag > time.Minute {
		t.ListLag = 40 * time.Second
	}
	if t.Rotation != rotateNew {
		t.AdminLookup, t.RetireSteps = false, false
	}
	if t.NameForm != "" {
		t.AdminLookup = false
	}
	if t.Rotation == "" || t.EndsKeys != endsAll && !t.Projects {
		t.EndsKeys = ""
	}
}

// plainer yields the traits with one of them as plain as can be.
func (t Traits) plainer() []Traits {
	var all []Traits
	for i := range reflect.TypeFor[Traits]().NumField() {
		plain := t
		field := reflect.ValueOf(&plain).Elem().Field(i)
		if field.IsZero() {
			continue
		}
		field.SetZero()
		if plain = plain.consistent(); plain != t {
			all = append(all, plain)
		}
	}
	return all
}

// describe tells every trait that is not plain, one a line.
func (t Traits) describe() []string {
	var lines []string
	value := reflect.ValueOf(t)
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if value.Field(i).IsZero() || slices.Contains([]string{"Tick", "Timeout", "Slow"}, field.Name) && t.plainTimes(field.Name) {
			continue
		}
		line := field.Tag.Get("help")
		if field.Type.Kind() != reflect.Bool {
			line += ": " + fmt.Sprint(value.Field(i))
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// plainTimes reports whether a time is what consistent sets.
func (t Traits) plainTimes(name string) bool {
	plain := Traits{}.consistent()
	return reflect.ValueOf(t).FieldByName(name).Equal(reflect.ValueOf(plain).FieldByName(name))
}
