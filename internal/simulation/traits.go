package simulation

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
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
	YoungLag    time.Duration `help:"a new key cannot be found by its id for so long"`
	Shortens    time.Duration `help:"the provider ends keys at the latest after"`
	Throttling  int           `help:"requests in excess are refused with status"`
	Tells       bool          `help:"the answer to a request for a key tells the name of what it is about"`
	// How the mount is used.
	Second  string        `help:"what else is at the account"`
	Verify  bool          `help:"revocations are verified by the probe, or not at all"`
	Standby bool          `help:"requests come by way of a standby"`
	Tick    time.Duration `help:"the engine's tick"`
	Timeout time.Duration `help:"request_timeout"`
	Period  time.Duration `help:"the admin credential is rotated every"`
}

// What else there can be at the account that the first connection leads to.
const (
	secondConnection = "another connection of the mount"
	secondMount      = "another mount"
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
	switch d.IntN(12) {
	case 0:
		t.NoList, t.KnownID, t.Lookup = true, true, false
	case 1:
		t.KnownID = true
	}
	t.Tells = oneIn(dice(seed, "told names"), 3)
	return t.consistent()
}

// consistent leaves out what cannot go together.
func (t Traits) consistent() Traits {
	if t.Tick == 0 {
		t.Tick = 5 * time.Second
	}
	if t.Timeout == 0 {
		t.Timeout = 11 * time.Second
	}
	if t.Slow == 0 {
		t.Slow = 50 * time.Millisecond
	}
	if t.NoList {
		t.Sealed = false // who has not got the key cannot revoke it
	}
	if t.KnownID {
		t.Steps, t.NameForm, t.ReuseIDs = false, "", false
	}
	if t.NoList {
		// Without a list, and without an id that is known beforehand, a lost
		// answer leaves no way to find the key: nothing is promised there.
		t.KnownID, t.Lookup, t.AdminsAmong = true, false, false
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
	if !t.Expiry {
		t.Extend, t.Shortens = false, 0
	}
	if t.Rotation == "" {
		t.Period = 0
	}
	if t.Pages == 0 {
		t.ByNumber = false
	}
	return t
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
