package simulation

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"vault-plugin-secrets-apikeys/internal/contract"
	"vault-plugin-secrets-apikeys/providers"
)

// The exchanges beside a definition show one key's life at its provider, from that
// provider's own documentation: what is asked for and what is answered. Read with the
// question where its id, its name, its value and its end stand, they are a dialect: what
// was true of that key there is said of any key here. Nothing is made up: an exchange that
// leaves open where one of these stands is an error, and its definition is not played.

// lesson is what a definition's exchanges do not tell of its dialect.
type lesson struct {
	// exchange is the title of the one that is read; empty for the first that lists keys,
	// or else the first that makes one.
	exchange string
	// base is what of the paths belongs to the address, where that is computed.
	base string
	// end is where and how a request says the key's end, as an option of a route, where
	// nothing in it is the end that the exchange says.
	end string
	// connection and role are fields in the place of the exchange's.
	connection, role map[string]any
	// credential and key are the fields that hold the admin credential and the key.
	credential, key string
	// more are routes of requests that the exchange does not have, as dialects write them.
	more string
	// traits are those that a definition's capabilities do not tell.
	traits Traits
}

// exchangeFolder has the exchanges, a file for each definition.
const exchangeFolder = "../../providers/testdata/exchanges"

// reply is an answer, as a form.
type reply struct {
	status int
	form   any
}

// learner reads a dialect out of an exchange.
type learner struct {
	lesson
	definition *providers.Definition
	x          *contract.Exchange
	issue      *contract.Step
	connection map[string]any // as the exchange has it
	id, name   string
	secret     string
	composed   bool        // no answer has the secret as it is
	ends       []time.Time // that was asked for, and that was given
	ttl        time.Duration
	cursor     string // by which the list that is read goes on; empty where it does not
	further    string // the number by which it does
	listed     int    // keys in that list
	denied     *reply
	found      []*taught
	dialect    dialect
}

// taught is a request of the exchange, and what it is about.
type taught struct {
	*contract.Trip
	what   string
	method string
	path   []string
	query  url.Values
	body   any
	answer any
	route  *route
}

var (
	learning sync.Mutex
	learned  = map[string]*dialect{}
)

// learnedDialect is the dialect of a definition of lessons. One that cannot be read is an
// error of this package's.
func learnedDialect(name string) *dialect {
	learning.Lock()
	defer learning.Unlock()
	if d := learned[name]; d != nil {
		return d
	}
	d, err := learn(name, lessons[name])
	if err != nil {
		panic(fmt.Sprintf("simulation: reading the exchanges of %s: %s", name, err))
	}
	learned[name] = d
	return d
}

func learn(name string, from lesson) (*dialect, error) {
	definition, err := providers.Load(name)
	if err != nil {
		return nil, err
	}
	all, err := contract.ReadExchanges(filepath.Join(exchangeFolder, name+".hcl"))
	if err != nil {
		return nil, err
	}
	l := &learner{lesson: from, definition: definition}
	if err := l.choose(all); err != nil {
		return nil, err
	}
	for _, read := range []func() error{l.readValues, l.readMint, l.readChecks, l.readLists, l.readEnds, l.readProbes, l.tellApart} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	for _, one := range l.found {
		if one.route.denied == nil {
			one.route.denied = l.denied
		}
		l.dialect.learned = append(l.dialect.learned, one.route)
	}
	l.dialect.learned = append(l.dialect.learned, parseRoutes(from.more)...)
	return &l.dialect, nil
}

// choose finds the exchange that is read, and in it the step that makes a key.
func (l *learner) choose(all []*contract.Exchange) error {
	best := 0
	for _, x := range all {
		points := 0
		for _, s := range x.Steps {
			switch {
			case s.Do == "issue" && s.Fails == "":
				points++
			case s.Do == "list" && s.Fails == "":
				points += 2
			}
		}
		if l.exchange == x.Title {
			points = 100
		}
		if points > best {
			best, l.x = points, x
		}
	}
	if l.x == nil {
		return errors.New("none makes a key")
	}
	steps := l.steps("issue")
	if len(steps) == 0 || steps[len(steps)-1].Key == nil {
		return errors.New("it makes no key")
	}
	l.issue = steps[len(steps)-1] // what comes after is about this one
	if elsewhere := ownHost.FindString(l.definition.Source()); elsewhere != "" {
		return fmt.Errorf("a request goes to a host of its own: %s", elsewhere)
	}
	return nil
}

// ownHost is a request that goes to an address other than the connection's.
var ownHost = regexp.MustCompile(`(?m)^\s*(get|post|put|patch|delete|url|token_url)\s*=\s*"https://.*$`)

// steps are those that do a thing and do not fail.
func (l *learner) steps(do string) []*contract.Step {
	var found []*contract.Step
	for _, s := range l.x.Steps {
		if s.Do == do && s.Fails == "" {
			found = append(found, s)
		}
	}
	return found
}

// readValues reads what the exchange's key is, and what is written to connection and role.
func (l *learner) readValues() error {
	key := l.issue.Key
	l.id, l.name, l.ttl = l.issue.ID, key.Name, time.Duration(key.TTL)*time.Second
	l.readEndsOf(l.issue)
	if now, err := time.Parse(time.RFC3339, l.x.Now); err == nil && l.ttl == 0 && len(l.ends) > 0 {
		l.ttl = l.ends[0].Sub(now)
	}
	l.dialect.traits = l.traits
	l.dialect.key = l.key
	for _, field := range l.definition.SecretFields() {
		if value := l.issue.Secret[field]; value != "" && value != l.id && l.dialect.key == "" {
			l.dialect.key = field
		}
	}
	if l.secret = l.issue.Secret[l.dialect.key]; l.secret == "" {
		return errors.New("the key has no value beside its id")
	}
	l.composed = true
	for _, trip := range l.issue.Trips {
		answer, err := plainOf(trip.Answer)
		if err != nil {
			return err
		}
		l.composed = l.composed && !slices.ContainsFunc(leavesOf("", answer), func(one leaf) bool { return one.value == l.secret })
	}
	if l.id == l.name {
		l.dialect.traits.KnownID = true
	}
	return l.readFields()
}

// readEndsOf notes the ends that a step asks for and is given.
func (l *learner) readEndsOf(s *contract.Step) {
	for _, text := range []string{s.Key.ExpiresAt, s.Ends} {
		if end, err := time.Parse(time.RFC3339, text); err == nil {
			l.ends = append(l.ends, end)
		}
	}
}

// readFields has an operator write what the exchange's does.
func (l *learner) readFields() error {
	connection, err := plainOf(l.x.Connection)
	if err != nil {
		return err
	}
	role, err := plainOf(l.x.Role)
	if err != nil {
		return err
	}
	l.connection, _ = connection.(map[string]any)
	fields, _ := role.(map[string]any)
	l.connection, fields = maps.Clone(l.connection), maps.Clone(fields)
	maps.Copy(l.connection, l.lesson.connection)
	if fields == nil {
		fields = map[string]any{}
	}
	maps.Copy(fields, l.role)
	if l.base == "" {
		address, _ := l.connection["base_url"].(string)
		if address == "" {
			address = l.definition.BaseURL
		}
		if parsed, err := url.Parse(address); err == nil {
			l.base = strings.TrimSuffix(parsed.EscapedPath(), "/")
		}
	}
	if l.dialect.credential, err = l.credentialField(); err != nil {
		return err
	}
	given := maps.Clone(l.connection)
	delete(given, "base_url")
	delete(given, l.dialect.credential)
	l.dialect.connection, l.dialect.role = mustText(given), mustText(fields)
	return nil
}

// credentialField is the field of the connection that requests show, or by which they are
// known, where they are signed.
func (l *learner) credentialField() (string, error) {
	if l.credential != "" {
		return l.credential, nil
	}
	shown := map[string]bool{}
	add := func(text string) {
		shown[text] = true
		if kind, rest, found := strings.Cut(text, " "); found {
			shown[rest] = true
			if decoded, err := base64.StdEncoding.DecodeString(rest); err == nil && kind == "Basic" {
				user, password, _ := strings.Cut(string(decoded), ":")
				shown[user], shown[password] = true, true
			}
		}
	}
	for _, value := range l.x.Headers {
		add(value)
	}
	for _, s := range l.steps("check") {
		for _, trip := range s.Trips {
			one, err := l.read(trip, "who")
			if err != nil {
				return "", err
			}
			for _, value := range trip.Headers {
				add(value)
			}
			for _, leaf := range one.said() {
				add(fmt.Sprint(leaf.value))
			}
		}
	}
	fields := l.definition.CredentialFields()
	// Where nothing in the exchange is one, its headers leave it out.
	for _, mustBeShown := range []bool{true, false} {
		for _, mustBeSecret := range []bool{true, false} {
			for _, field := range fields {
				value, _ := l.connection[field.Name].(string)
				if value != "" && (shown[value] || !mustBeShown) && (field.Sensitive || !mustBeSecret) {
					return field.Name, nil
				}
			}
		}
	}
	return "", errors.New("nothing tells which field is the admin credential")
}

// read reads a request.
func (l *learner) read(trip *contract.Trip, what string) (*taught, error) {
	method, target, _ := strings.Cut(trip.Request, " ")
	parsed, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	one := &taught{Trip: trip, what: what, method: method, query: parsed.Query()}
	one.path = strings.Split(strings.TrimPrefix(parsed.EscapedPath(), l.base), "/")
	if one.body, err = plainOf(trip.JSON); err != nil {
		return nil, err
	}
	if trip.Form != nil {
		form := map[string]any{}
		for name, value := range trip.Form {
			form[name] = value
		}
		one.body = form
	}
	one.answer, err = plainOf(trip.Answer)
	return one, err
}

// leaf is one value of a request, and where it stands.
type leaf struct {
	place string
	value any
}

// said are the values of a request's query and body.
func (one *taught) said() []leaf {
	var all []leaf
	for _, name := range sortedNames(one.query) {
		all = append(all, leaf{"?" + name, one.query.Get(name)})
	}
	return append(all, leavesOf("", one.body)...)
}

// leavesOf are the values in what is JSON, in order.
func leavesOf(place string, value any) []leaf {
	within := func(name string) string { return strings.TrimPrefix(place+"."+name, ".") }
	var all []leaf
	switch value := value.(type) {
	case map[string]any:
		for _, name := range sortedNames(value) {
			all = append(all, leavesOf(within(name), value[name])...)
		}
	case []any:
		for i, part := range value {
			all = append(all, leavesOf(within(strconv.Itoa(i)), part)...)
		}
	case nil:
	default:
		all = append(all, leaf{place, value})
	}
	return all
}

// teach adds the route of a request; one that is there already stays as it is.
func (l *learner) teach(one *taught) *route {
	r := &route{method: one.method, what: one.what, options: map[string]string{}, status: one.Status}
	for _, segment := range one.path {
		r.path = append(r.path, l.pattern(segment))
	}
	r.answer = l.form("", one.answer)
	r.header = map[string]string{}
	for name, value := range one.AnswerHeaders {
		if text, ok := l.formOf(name, value).(string); ok {
			r.header[name] = text
		}
	}
	one.route = r
	for _, other := range l.found {
		if other.what == one.what && other.route.method == r.method && slices.Equal(other.route.path, r.path) {
			one.route = other.route
			return one.route
		}
	}
	l.found = append(l.found, one)
	return r
}

// pattern is a part of a path, with what is the key's own left open.
func (l *learner) pattern(segment string) string {
	text, err := url.PathUnescape(segment)
	if err != nil {
		return segment
	}
	for _, own := range []struct{ value, stands string }{{l.id, "{id}"}, {l.name, "{name}"}, {l.secret, "{secret}"}} {
		if own.value != "" && (text == own.value || len(own.value) >= shortestOwn && strings.Contains(text, own.value)) {
			return strings.Replace(text, own.value, own.stands, 1)
		}
	}
	return segment
}

// shortestOwn is the length from which a value of the exchange's key is known within a
// longer one.
const shortestOwn = 6

// form is what is answered, with what is the key's own left open. Name is that of the
// attribute.
func (l *learner) form(name string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		object := map[string]any{}
		for part, within := range value {
			object[part] = l.form(part, within)
		}
		return object
	case []any:
		list := []any{}
		for _, within := range value {
			list = append(list, l.form(name, within))
		}
		return list
	}
	return l.formOf(name, value)
}

// formOf is the form of one value.
func (l *learner) formOf(name string, value any) any {
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	if isNumber {
		text = number.String()
	}
	lower := strings.ToLower(name)
	switch {
	case !isText && !isNumber || text == "":
		return value
	case isNumber && l.listed > 0 && strings.Contains(lower, "page") && (strings.Contains(lower, "total") || lower == "pages"):
		return "$pages"
	case isNumber && l.further != "" && text == l.further && strings.Contains(lower, "next"):
		return "$further"
	case isNumber && l.listed > 0 && (strings.Contains(lower, "total") || strings.Contains(lower, "count")) && text == strconv.Itoa(l.listed):
		return "$total"
	case l.cursor != "" && text == l.cursor:
		return "$next"
	case l.cursor != "" && isText && strings.HasPrefix(text, "/") && strings.Contains(text, url.QueryEscape(l.cursor)):
		return "$next_path"
	case l.cursor != "" && isText && strings.Contains(text, "://") && strings.Contains(text, url.QueryEscape(l.cursor)):
		return nextForm(text)
	case l.cursor != "" && isText && strings.Contains(text, "://") && strings.Contains(text, l.cursor):
		return strings.ReplaceAll(text, l.cursor, "$next") // not escaped, so that it is taken out of there
	case isText && text == l.secret:
		return l.secretForm()
	case isText && l.composed && len(text) >= shortestOwn && strings.Contains(l.secret, text) && text != l.id:
		return "$key"
	case text == l.id:
		if isNumber {
			l.dialect.traits.Numbers = true
		}
		return "$id"
	case isText && text == l.name:
		return "$name"
	}
	if form, is := l.timeForm(text, isNumber, name); is {
		return form
	}
	if isText && len(l.id) >= shortestOwn {
		text = strings.ReplaceAll(text, l.id, "$id")
	}
	if isText {
		return strings.ReplaceAll(text, l.name, "$name")
	}
	return value
}

// secretForm is the form of the key's value: some begin with its id.
func (l *learner) secretForm() string {
	if rest, begins := strings.CutPrefix(l.secret, l.id); begins && len(l.id) >= shortestOwn && len(rest) > 1 {
		return "$id" + rest[:1] + "$key"
	}
	return "$key"
}

// nextForm is the address of a next page, or a Link header that has it.
func nextForm(text string) string {
	if before, rest, found := strings.Cut(text, "<"); found {
		_, after, _ := strings.Cut(rest, ">")
		return before + "<$next_url>" + after
	}
	return "$next_url"
}

// layouts are the forms of a time that is text.
var layouts = []struct{ suffix, layout string }{
	{"", time.RFC3339}, {"_utc", utcLayout}, {"_sql", sqlLayout}, {"_zone", zoneLayout}, {"_date", time.DateOnly},
}

const (
	utcLayout  = "2006-01-02T15:04:05"
	sqlLayout  = "2006-01-02 15:04:05"
	zoneLayout = "2006-01-02T15:04:05-0700"
)

// timeForm is the form of a value that is a time: the key's end, or else when it was made.
func (l *learner) timeForm(text string, isNumber bool, name string) (string, bool) {
	at, suffix := time.Time{}, ""
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		switch {
		case isNumber && l.ttl > 0 && n == int64(l.ttl/time.Second) && saysLife(name):
			return "$ttl", true
		case n > 1.4e9 && n < 2.5e9 && isNumber:
			at, suffix = time.Unix(n, 0), "_unix"
		case n > 1.4e9 && n < 2.5e9 && !isNumber:
			at, suffix = time.Unix(n, 0), "_unix_text"
		case n > 1.4e12 && n < 2.5e12:
			at, suffix = time.UnixMilli(n), "_ms"
			if !isNumber {
				suffix = "_ms_text"
			}
		default:
			return "", false
		}
	}
	for _, one := range layouts {
		if parsed, err := time.Parse(one.layout, text); err == nil {
			at, suffix = parsed, one.suffix
			break
		}
	}
	if at.IsZero() {
		return "", false
	}
	if l.isEnd(at) {
		return "$end" + suffix, true
	}
	return "$made" + suffix, true
}

// isEnd reports whether a time is the key's end, which some providers round.
func (l *learner) isEnd(at time.Time) bool {
	return slices.ContainsFunc(l.ends, func(end time.Time) bool {
		return at.Sub(end).Abs() < time.Minute || at.Equal(end.Truncate(24*time.Hour))
	})
}

// saysLife reports whether an attribute's name is that of a number of seconds.
func saysLife(name string) bool {
	lower := strings.ToLower(name)
	return slices.ContainsFunc([]string{"ttl", "expir", "life", "second", "duration", "age", "valid"}, func(word string) bool { return strings.Contains(lower, word) })
}

// readMint reads how a key is made.
func (l *learner) readMint() error {
	var makes, shows *taught
	for _, trip := range l.issue.Trips {
		one, err := l.read(trip, "who")
		if err != nil {
			return err
		}
		if makes == nil && one.method != "GET" && (l.placeOf(one, l.name) != "" || slices.ContainsFunc(one.path, func(s string) bool { return l.isNamed(s) })) {
			makes, one.what = one, "make"
			if text := one.sayAt(l.placeOf(one, l.name)); text != "" && l.id != l.name {
				l.name = text // with what the definition puts before it
			}
		}
		if l.tellsKey(one.answer) && shows == nil {
			shows = one
			if one != makes {
				one.what = "show"
			}
		}
		l.teach(one)
	}
	switch {
	case makes == nil:
		return errors.New("no request says the key's name")
	case shows == nil:
		return errors.New("no answer tells the key")
	}
	if shows != makes {
		shows.route.options["reveals"] = "yes"
	}
	r := makes.route
	r.place("name", l.placeOf(makes, l.name))
	if l.id != l.name {
		if place := l.placeOf(makes, l.id); place != "" {
			r.place("given", place)
			l.dialect.traits.KnownID = true
		}
		if slices.Contains(r.path, "{id}") || slices.ContainsFunc(r.path, func(s string) bool { return strings.Contains(s, "{id}") }) {
			l.dialect.traits.KnownID = true
		}
	}
	return l.readEnd(makes)
}

// place notes where something stands.
func (r *route) place(option, place string) {
	if place != "" {
		r.options[option] = place
	}
}

// isNamed reports whether a part of a path has the key's name.
func (l *learner) isNamed(segment string) bool {
	text, err := url.PathUnescape(segment)
	return err == nil && strings.Contains(text, l.name)
}

// tellsKey reports whether an answer has the key's value.
func (l *learner) tellsKey(answer any) bool {
	return slices.ContainsFunc(leavesOf("", answer), func(one leaf) bool { return strings.HasSuffix(fmt.Sprint(l.formOf("", one.value)), "$key") })
}

// placeOf is where in a request's query or body a value stands, by itself or within a
// longer one; empty for nowhere.
func (l *learner) placeOf(one *taught, value string) string {
	if value == "" {
		return ""
	}
	within := ""
	for _, part := range one.said() {
		text := fmt.Sprint(part.value)
		if text == value {
			return part.place
		}
		if within == "" && len(value) >= shortestOwn && strings.Contains(text, value) {
			within = part.place
		}
	}
	return within
}

// readEnd reads where a request says the key's end.
func (l *learner) readEnd(one *taught) error {
	if l.lesson.end != "" {
		form, place, _ := strings.Cut(l.lesson.end, "=")
		one.route.place(form, place)
		return nil
	}
	for _, part := range one.said() {
		if form := l.endForm(part); form != "" {
			one.route.place(form, part.place)
			return nil
		}
	}
	if l.definition.Capabilities.NativeExpiry && l.definition.Expiry.Fixed == 0 && len(l.ends) > 0 {
		return errors.New("the definition has keys end, and no request says when")
	}
	return nil
}

// endForm is how a value of a request says the key's end; empty where it does not.
func (l *learner) endForm(part leaf) string {
	text := fmt.Sprint(part.value)
	if seconds := strings.TrimSuffix(text, "s"); l.ttl > 0 && seconds == strconv.Itoa(int(l.ttl/time.Second)) {
		return "ttl"
	}
	_, err := strconv.ParseInt(text, 10, 64) // a form has numbers as text
	form, is := l.timeForm(text, err == nil, part.place)
	suffix, isEnd := strings.CutPrefix(form, "$end")
	if !is || !isEnd {
		return ""
	}
	return map[string]string{"": "end", "_utc": "utc", "_sql": "sql", "_date": "date", "_unix": "unix", "_ms": "ms"}[suffix]
}

// readChecks reads how the admin credential is asked for, and how one that is dead is
// refused.
func (l *learner) readChecks() error {
	for _, s := range l.x.Steps {
		if s.Do != "check" || len(s.Trips) == 0 {
			continue
		}
		last, err := l.read(s.Trips[len(s.Trips)-1], "who")
		if err != nil {
			return err
		}
		switch s.Fails {
		case "unauthorized":
			l.denied = &reply{last.Status, last.answer}
		case "":
			l.teach(last)
			if err := l.readLogin(s.Trips[:len(s.Trips)-1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// readLogin reads the requests that come before a check: what they answer is shown by all
// others.
func (l *learner) readLogin(trips []*contract.Trip) error {
	for _, trip := range trips {
		one, err := l.read(trip, "login")
		if err != nil {
			return err
		}
		value, _ := l.connection[l.dialect.credential].(string)
		r := l.teach(one)
		r.place("at", l.placeOf(one, value))
		r.answer = tokenForm(r.answer)
	}
	return nil
}

// tokenForm has an answer tell a token: its longest text by such a name.
func tokenForm(form any) any {
	object, ok := form.(map[string]any)
	if !ok {
		return form
	}
	for name, within := range object {
		_, isText := within.(string)
		if lower := strings.ToLower(name); isText && (lower == "access_token" || lower == "token" || lower == "jwt") {
			object[name] = "$key"
			continue
		}
		object[name] = tokenForm(within)
	}
	return object
}

// readLists reads how keys are listed, and how one is found by its name.
func (l *learner) readLists() error {
	if lists := l.steps("list"); len(lists) > 0 {
		if err := l.readList(lists[0]); err != nil {
			return err
		}
	}
	for _, s := range l.steps("find") {
		for _, trip := range s.Trips {
			one, err := l.read(trip, "list")
			if err != nil {
				return err
			}
			if i := slices.IndexFunc(l.found, func(other *taught) bool { return other.what == "list" && slices.Equal(other.path, one.path) }); i >= 0 {
				l.found[i].route.place("name", l.placeOf(one, l.name))
			}
		}
	}
	if l.definition.Capabilities.Reconcile && !slices.ContainsFunc(l.found, func(one *taught) bool { return one.what == "list" }) {
		return errors.New("the definition lists keys, and the exchange does not")
	}
	return nil
}

// readList reads how a list is told, and how it goes on.
func (l *learner) readList(s *contract.Step) error {
	var pages []*taught
	for _, trip := range s.Trips {
		one, err := l.read(trip, "list")
		if err != nil {
			return err
		}
		pages = append(pages, one)
	}
	place, item, listed := l.itemsOf(pages)
	if item == nil {
		return errors.New("no answer lists the key by its id")
	}
	itemForm := l.form("", item)
	first, last := pages[0], pages[len(pages)-1]
	kind, by := pagingOf(first, last)
	l.listed = listed
	switch {
	case kind == "cursor":
		l.cursor = last.sayAt(by)
	case len(pages) > 1:
		l.further = last.sayAt(by)
	}
	for _, page := range pages {
		page.answer = withItems(page.answer, place)
	}
	r := l.teach(first)
	l.cursor, l.further = "", ""
	r.item = itemForm
	r.place(kind, by)
	if len(pages) > 1 {
		r.last = l.form("", last.answer)
	}
	for _, part := range first.said() {
		if slices.Contains(sizeNames, parameterName(part.place)) {
			r.place("limit", part.place)
		}
	}
	l.listed = 0
	return nil
}

// itemsOf is where the answers of a list have its items, the one that is the key, and how
// many there are; nil where there is none.
func (l *learner) itemsOf(pages []*taught) (place []string, item any, listed int) {
	for _, page := range pages {
		if place, item = l.itemIn(nil, page.answer); item != nil {
			break
		}
	}
	for _, page := range pages {
		items, _ := valueAt(page.answer, place).([]any)
		listed += len(items)
	}
	return place, item, listed
}

// itemIn finds the list that has the key.
func (l *learner) itemIn(place []string, value any) ([]string, any) {
	switch value := value.(type) {
	case []any:
		for _, one := range value {
			if slices.ContainsFunc(leavesOf("", one), func(part leaf) bool { return l.isOwn(fmt.Sprint(part.value)) }) {
				return place, one
			}
		}
	case map[string]any:
		for _, name := range sortedNames(value) {
			if found, item := l.itemIn(append(slices.Clone(place), name), value[name]); item != nil {
				return found, item
			}
		}
	}
	return nil, nil
}

// isOwn reports whether a text is the key's id, or has it.
func (l *learner) isOwn(text string) bool {
	return text == l.id || len(l.id) >= shortestOwn && strings.Contains(text, l.id)
}

// valueAt is what stands at a place; nil for nothing.
func valueAt(value any, place []string) any {
	for _, name := range place {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// withItems is an answer with the items at a place left open.
func withItems(answer any, place []string) any {
	object, ok := answer.(map[string]any)
	switch {
	case len(place) == 0:
		return "$items"
	case !ok || object[place[0]] == nil:
		return answer
	}
	object = maps.Clone(object)
	object[place[0]] = withItems(object[place[0]], place[1:])
	return object
}

// parameterName is the name by which a place is known.
func parameterName(place string) string { return strings.ToLower(strings.TrimPrefix(place, "?")) }

// sayAt is what a request says at a place; empty for nothing.
func (one *taught) sayAt(place string) string {
	for _, part := range one.said() {
		if part.place == place {
			return fmt.Sprint(part.value)
		}
	}
	return ""
}

// pageNames are the parameters that say which page of a list is wanted, or how long it is.
var (
	pageNames   = []string{"page", "p", "pagenum", "page[number]", "current_page", "pagenumber"}
	offsetNames = []string{"offset", "skip", "start", "$skip", "startat"}
	sizeNames   = []string{"limit", "size", "per_page", "page_size", "pagesize", "count", "perpage", "page[size]", "itemsperpage", "maxkeycount", "$top", "first"}
)

// pagingOf is how a list goes on, as an option of a route, and what says so: where the
// second request differs from the first, or, of a single one, what has such a name. Empty
// for a list that is told at once.
func pagingOf(first, last *taught) (kind, place string) {
	for _, part := range last.said() {
		name, value, was := parameterName(part.place), fmt.Sprint(part.value), first.sayAt(part.place)
		_, err := strconv.Atoi(value)
		isPage, isOffset := err == nil && slices.Contains(pageNames, name), err == nil && slices.Contains(offsetNames, name)
		switch {
		case first != last && was == value || slices.Contains(sizeNames, name):
		case isPage && (was == "0" || was == "" && value == "1"):
			return "page0", part.place
		case isPage:
			return "page", part.place
		case isOffset:
			return "offset", part.place
		case first != last:
			return "cursor", part.place
		}
	}
	return "", ""
}

// readEnds reads how a key is ended, and how its end is moved where that is shown.
func (l *learner) readEnds() error {
	var ends *taught
	for _, s := range l.steps("revoke") {
		read, err := l.readTrips(s, "end")
		if err != nil {
			return err
		}
		last := read[len(read)-1]
		switch {
		case last.what == "show" && last.Status >= 300:
			l.teach(last).gone = &reply{last.Status, l.form("", last.answer)}
		case ends == nil && last.what == "end":
			ends = last
			for _, one := range read {
				l.teach(one)
			}
			if err := l.readTarget(ends); err != nil {
				return err
			}
		case ends != nil && last.what == "end" && (last.Status != ends.Status || last.Request == ends.Request):
			ends.route.gone = &reply{last.Status, l.form("", last.answer)}
		}
	}
	if ends == nil {
		return errors.New("no request ends the key")
	}
	return l.readExtend()
}

// readExtend reads how a key's end is moved, where the exchange shows that.
func (l *learner) readExtend() error {
	steps := l.steps("extend")
	if len(steps) == 0 {
		return nil
	}
	l.readEndsOf(steps[0])
	read, err := l.readTrips(steps[0], "extend")
	if err != nil {
		return err
	}
	for _, one := range read {
		l.teach(one)
	}
	last := read[len(read)-1]
	if err := l.readTarget(last); err != nil {
		return err
	}
	return l.readEnd(last)
}

// readTrips reads the requests of a step of which the last does the thing; those before
// look.
func (l *learner) readTrips(s *contract.Step, what string) ([]*taught, error) {
	var all []*taught
	for _, trip := range s.Trips {
		one, err := l.read(trip, "who")
		if err != nil {
			return nil, err
		}
		switch {
		case slices.ContainsFunc(l.found, func(other *taught) bool {
			return other.what == "list" && other.method == one.method && slices.Equal(other.path, one.path)
		}):
			one.what = "list"
		case one.method == "GET" && slices.ContainsFunc(one.path, func(segment string) bool { return l.pattern(segment) != segment }):
			one.what = "show"
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("a step %q has no request", what)
	}
	if last := all[len(all)-1]; last.what == "who" {
		last.what = what
	}
	return all, nil
}

// readTarget reads which key a request is about.
func (l *learner) readTarget(one *taught) error {
	if slices.ContainsFunc(one.route.path, func(segment string) bool { return strings.Contains(segment, "{") }) {
		return nil
	}
	for _, value := range []string{l.id, l.name} {
		if place := l.placeOf(one, value); place != "" {
			one.route.place("id", place)
			return nil
		}
	}
	if place := l.placeOf(one, l.secret); place != "" {
		one.route.place("secret", place)
		return nil
	}
	return fmt.Errorf("%s does not say which key", one.Request)
}

// readProbes reads how a key is asked whether it works.
func (l *learner) readProbes() error {
	var asks *route
	for _, s := range l.x.Steps {
		if s.Do != "probe" || s.Alive == nil || len(s.Trips) == 0 {
			continue
		}
		one, err := l.read(s.Trips[len(s.Trips)-1], "who")
		if err != nil {
			return err
		}
		switch {
		case *s.Alive && asks == nil:
			place := l.placeOf(one, l.secret)
			if place != "" || slices.ContainsFunc(l.found, func(other *taught) bool { return other.what == "login" && slices.Equal(other.path, one.path) }) {
				one.what = "login"
			}
			asks = l.teach(one)
			asks.place("at", place)
		case !*s.Alive && asks != nil && asks.denied == nil:
			asks.denied = &reply{one.Status, one.answer}
		}
	}
	return nil
}

// tellApart has each request be known from the others of its address.
func (l *learner) tellApart() error {
	all := slices.Clone(l.found)
	l.found = slices.DeleteFunc(l.found, func(one *taught) bool {
		return one.what == "who" && slices.ContainsFunc(all, func(other *taught) bool {
			return other.what != "who" && other.isAt(one) && (other.what == "list" || other.what == "login")
		}) && one.body == nil
	})
	for _, one := range l.found {
		beside := slices.DeleteFunc(slices.Clone(l.found), func(other *taught) bool { return !other.isAt(one) })
		if len(beside) == 1 {
			continue
		}
		place := placeThatDiffers(beside)
		if place == "" {
			return fmt.Errorf("%s is asked for several things, and nothing tells which", one.Request)
		}
		one.route.options["when"] = place + ":" + one.sayAt(place)
	}
	slices.SortStableFunc(l.found, func(a, b *taught) int { return a.open() - b.open() })
	return nil
}

// isAt reports whether two requests go to one address.
func (one *taught) isAt(other *taught) bool {
	return one.method == other.method && slices.Equal(one.route.path, other.route.path)
}

// open is how many parts of the path are left open.
func (one *taught) open() int { return strings.Count(strings.Join(one.route.path, "/"), "{") }

// placeThatDiffers is where each of several requests says something else; empty for
// nowhere.
func placeThatDiffers(requests []*taught) string {
	for _, part := range requests[0].said() {
		said := map[string]bool{"": true}
		for _, one := range requests {
			said[one.sayAt(part.place)] = true
		}
		if len(said) == len(requests)+1 {
			return part.place
		}
	}
	return ""
}

// plainOf is a value of an exchange as JSON has it; nil for none.
func plainOf(value cty.Value) (plain any, err error) {
	if value == cty.NilVal || value.IsNull() {
		return nil, nil
	}
	text, err := ctyjson.Marshal(value, value.Type())
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err = decoder.Decode(&plain)
	return plain, err
}

func mustText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic("simulation: fields are JSON: " + err.Error())
	}
	return string(text)
}
