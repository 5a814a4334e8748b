package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Exchange is a key's life as the provider's documentation shows it: which
// requests are made, one after the other, and what each is answered. It serves
// where no document describes the answers, and no server can be run.
type Exchange struct {
	Title string `hcl:"title,label"`
	// Source is where the answers are from: addresses of documentation, or a
	// repository and path.
	Source string `hcl:"source"`
	// Read is the day on which somebody read that, the earliest of several: 2006-01-02;
	// empty where nobody says.
	Read string `hcl:"read,optional"`
	// Document is an OpenAPI document that the requests must keep to as well,
	// where there is one; Prefix is what stands before its paths.
	Document string  `hcl:"document,optional"`
	Prefix   *string `hcl:"prefix"`
	// Connection and Role are the fields that an operator would write; base_url is
	// one of the connection's where the definition has none of its own.
	Connection cty.Value `hcl:"connection,optional"`
	Role       cty.Value `hcl:"role,optional"`
	// Now, an RFC 3339 time, makes the client's clock stand still, so that
	// signatures can be written down. Each nonce is "nonce" then.
	Now string `hcl:"now,optional"`
	// Headers are those that every request carries, unless it names its own
	// value; "" means that the header must be absent.
	Headers map[string]string `hcl:"headers,optional"`
	Steps   []*Step           `hcl:"step,block"`
}

// Step is one call of the client, with the requests that it makes of it and
// what it must return.
type Step struct {
	// Do is the client's method: check, issue, list, find, extend, probe, revoke,
	// rotate, stray, retire. After rotate the connection has its new values; stray
	// finds what has the name of key, and retires each.
	Do    string  `hcl:"do,label"`
	Trips []*Trip `hcl:"trip,block"`
	// Key is what issue, extend, rotate and stray are asked for: name,
	// expires_at, cidrs.
	Key *WantedKey `hcl:"key,block"`
	// ID and Secret are what issue must find in the answer; Alive is what probe must.
	ID     string            `hcl:"id,optional"`
	Secret map[string]string `hcl:"secret,optional"`
	Alive  *bool             `hcl:"alive"`
	// IDs or Items are what list and find must find, in order: by their ids alone, or
	// with all that is read of each.
	IDs   []string      `hcl:"ids,optional"`
	Items []*ListedItem `hcl:"item,block"`
	// Ends is the end (RFC 3339) that the key of issue or extend was granted, or
	// "never"; without it, that is the end it was asked for.
	Ends string `hcl:"ends,optional"`
	// Connection are the fields that rotate must change; Strays is how many
	// stray must find.
	Connection map[string]string `hcl:"connection,optional"`
	Strays     int               `hcl:"strays,optional"`
	// ByHand says that retire must leave something to be removed by hand.
	ByHand bool `hcl:"by_hand,optional"`
	// Fails is the kind of failure that must come back: refused, unauthorized,
	// throttled, unknown. Without it the call must succeed.
	Fails string `hcl:"fails,optional"`
}

// ListedItem is all that must be read of a key that is listed: what it leaves out must not be.
type ListedItem struct {
	ID   string `hcl:"id,label"`
	Name string `hcl:"name,optional"`
	// CreatedAt, LastUsedAt and ExpiresAt are RFC 3339, and LastUsedAt "never" where the
	// answer says that the key was not used.
	CreatedAt  string `hcl:"created_at,optional"`
	LastUsedAt string `hcl:"last_used_at,optional"`
	ExpiresAt  string `hcl:"expires_at,optional"`
	// Saved are the values that revoking it needs.
	Saved map[string]string `hcl:"saved,optional"`
}

// WantedKey is the key that a step asks for.
type WantedKey struct {
	Name string `hcl:"name"`
	// ExpiresAt is RFC 3339; the key's TTL runs from now to then, unless TTL
	// gives it in seconds.
	ExpiresAt string   `hcl:"expires_at,optional"`
	TTL       int      `hcl:"ttl,optional"`
	CIDRs     []string `hcl:"cidrs,optional"`
}

// Trip is one request and its answer.
type Trip struct {
	// Request is "METHOD /path?query"; the order within the query is free. With
	// "METHOD https://host/path?query" the host counts as well.
	Request string            `hcl:"request"`
	Headers map[string]string `hcl:"headers,optional"`
	// JSON or Form is the body, whole.
	JSON cty.Value         `hcl:"json,optional"`
	Form map[string]string `hcl:"form,optional"`
	// JWT are the claims, whole, of the token that the request carries: as its
	// bearer, or in the form field "assertion". It is signed with PrivateKey.
	JWT cty.Value `hcl:"jwt,optional"`
	// Beyond says that the exchange's document does not have the request.
	Beyond bool `hcl:"beyond,optional"`
	// Status and Answer are what comes back. Answer is sent as JSON, or as it
	// is where it is a string.
	Status        int               `hcl:"status"`
	Answer        cty.Value         `hcl:"answer,optional"`
	AnswerHeaders map[string]string `hcl:"answer_headers,optional"`
}

// ReadExchanges reads a definition's file of exchanges.
func ReadExchanges(path string) ([]*Exchange, error) {
	var file struct {
		Exchanges []*Exchange `hcl:"exchange,block"`
	}
	context := &hcl.EvalContext{
		Variables: map[string]cty.Value{"private_key": cty.StringVal(PrivateKey())},
		Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc},
	}
	if err := decodeFile(path, context, &file); err != nil {
		return nil, err
	}
	if len(file.Exchanges) == 0 {
		return nil, fmt.Errorf("%s: write a block: exchange \"title\" { source = … }", path)
	}
	return file.Exchanges, nil
}

// Rotates reports whether the exchange is about replacing the connection's
// credential.
func (x *Exchange) Rotates() bool {
	return slices.ContainsFunc(x.Steps, func(s *Step) bool { return s.Do == "rotate" })
}

// ShowsUse reports whether the exchange lists a key that was used, and one of which the answer
// tells no use, or no later one than its making.
func (x *Exchange) ShowsUse() (used, unused bool) {
	for _, step := range x.Steps {
		for _, item := range step.Items {
			told := item.LastUsedAt != "" && item.LastUsedAt != neverUsed && item.LastUsedAt != item.CreatedAt
			used, unused = used || told, unused || !told
		}
	}
	return used, unused
}

// ShowsEnd reports whether the exchange lists a key of which the answer tells when it ends.
func (x *Exchange) ShowsEnd() bool {
	return slices.ContainsFunc(x.Steps, func(s *Step) bool {
		return slices.ContainsFunc(s.Items, func(item *ListedItem) bool { return item.ExpiresAt != "" })
	})
}

func (t *Trip) namesHost() bool { return strings.Contains(t.Request, " https://") }

// Player answers the requests of an exchange, in their order and no others.
type Player struct {
	headers map[string]string
	// document, if any, is what the requests must keep to as well.
	document *Server
	mu       sync.Mutex
	trips    []*Trip
	wrong    []string
}

// NewPlayer makes a player of the exchange's requests. document may be nil.
func NewPlayer(x *Exchange, document *Document) (*Player, error) {
	p := &Player{headers: x.Headers}
	if document == nil {
		return p, nil
	}
	var err error
	p.document, err = NewServer(document, &Case{Prefix: x.Prefix}, nil)
	return p, err
}

// Expect adds the requests that come next.
func (p *Player) Expect(trips []*Trip) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trips = append(p.trips, trips...)
}

// Wrong says what was requested that the exchange does not have, and what it
// has that was not requested, and forgets both.
func (p *Player) Wrong() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	wrong := p.wrong
	for _, trip := range p.trips {
		wrong = append(wrong, "never requested: "+trip.Request)
	}
	p.trips, p.wrong = nil, nil
	return wrong
}

// ServeHTTP answers the request that is next.
func (p *Player) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, err := io.ReadAll(r.Body)
	if err != nil || len(p.trips) == 0 {
		p.wrong = append(p.wrong, "one too many: "+r.Method+" "+r.URL.RequestURI())
		w.WriteHeader(http.StatusTeapot)
		return
	}
	trip := p.trips[0]
	p.trips = p.trips[1:]
	for _, difference := range p.differences(trip, r, text) {
		p.wrong = append(p.wrong, trip.Request+": "+difference)
	}
	trip.reply(w)
}

func (p *Player) differences(trip *Trip, r *http.Request, text []byte) []string {
	var found []string
	host := ""
	if trip.namesHost() {
		host = "https://" + r.Host
	}
	if got := canonical(r.Method + " " + host + r.URL.RequestURI()); got != canonical(trip.Request) {
		found = append(found, "the request is "+got)
	}
	headers := maps.Clone(p.headers)
	if headers == nil {
		headers = map[string]string{}
	}
	maps.Copy(headers, trip.Headers)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if got := r.Header.Get(name); got != headers[name] {
			found = append(found, fmt.Sprintf("header %s is %q, not %q", name, got, headers[name]))
		}
	}
	if difference := trip.bodyDifference(r.Header, text); difference != "" {
		found = append(found, difference)
	}
	if difference := trip.jwtDifference(r, text); difference != "" {
		found = append(found, difference)
	}
	if p.document != nil && !trip.Beyond {
		if err := p.document.Conforms(r, text); err != nil {
			found = append(found, err.Error())
		}
	}
	return found
}

// canonical is a request line with its query in order.
func canonical(request string) string {
	method, target, _ := strings.Cut(request, " ")
	path, query, _ := strings.Cut(target, "?")
	values, err := url.ParseQuery(query)
	if err != nil || len(values) == 0 {
		return method + " " + path
	}
	return method + " " + path + "?" + values.Encode()
}

func (t *Trip) bodyDifference(header http.Header, text []byte) string {
	switch {
	case t.Form != nil:
		return t.formDifference(header, text)
	case t.JSON != cty.NilVal && !t.JSON.IsNull():
		return jsonDifference(t.JSON, header, text)
	case len(text) > 0:
		return fmt.Sprintf("there is a body: %s", text)
	}
	return ""
}

func (t *Trip) formDifference(header http.Header, text []byte) string {
	expected := url.Values{}
	for name, value := range t.Form {
		expected.Set(name, value)
	}
	got, err := url.ParseQuery(string(text))
	if t.JWT != cty.NilVal && !t.JWT.IsNull() {
		got.Del(assertionField) // held against the claims
	}
	if err != nil || !reflect.DeepEqual(got, expected) || !isKind(header, "application/x-www-form-urlencoded") {
		return fmt.Sprintf("the body is %s, not the form %s", text, expected.Encode())
	}
	return ""
}

func jsonDifference(want cty.Value, header http.Header, text []byte) string {
	expected, err := plain(want)
	if err != nil {
		return err.Error()
	}
	got, err := decodeJSON(text)
	if err != nil || !reflect.DeepEqual(got, expected) {
		wanted, _ := json.Marshal(expected)
		return fmt.Sprintf("the body is %s, not %s", bytes.TrimSpace(text), wanted)
	}
	if kind := header.Get("Content-Type"); !strings.Contains(kind, "json") {
		return fmt.Sprintf("the body is JSON, and the content type is %q", kind)
	}
	return ""
}

func isKind(header http.Header, kind string) bool {
	got, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && got == kind
}

func (t *Trip) reply(w http.ResponseWriter) {
	// The exchange is of another time, and a Date would have its requests signed by
	// this one.
	w.Header()["Date"] = nil
	for name, value := range t.AnswerHeaders {
		w.Header().Set(name, value)
	}
	if t.Answer == cty.NilVal || t.Answer.IsNull() {
		w.WriteHeader(t.Status)
		return
	}
	if t.Answer.Type() == cty.String {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(t.Status)
		_, _ = io.WriteString(w, t.Answer.AsString())
		return
	}
	body, err := plain(t.Answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	writeJSON(w, t.Status, body)
}
