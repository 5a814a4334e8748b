package simulation

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A route of a dialect is "METHOD /path what options answer". The path names what it says
// as {id}, {name}, {project}, {number} of a project, or {secret} of a key. What is one of
//
//	who                  tells that the credential works, an admin's or a key's
//	login                the same of the one at the place that the option at names
//	make, list, show, end, extend   are about keys
//	account, fill        make an account, and the key in it
//	admin, admins, admin-end, roll, swap   are about admin credentials
//
// Options: name=, id=, given= (an id that we choose) and key= are places in the body; end= (RFC 3339), utc=, date=,
// sql=, unix=, ms=, ttl= (seconds), life= (milliseconds), hours= and days= are those of an end; limit=, page=, page0=, offset=
// and cursor= are parameters of the query; when=place:text picks among routes of one path;
// missed says that what is not there is ended with success; dead= is the status by which a
// dead credential is told, where that is not 401. In the answer "$id" and the
// like stand for what the world's provider answers; what it leaves out is left out. A bar
// comes before the form of an item, else before the answer to a refusal.
type route struct {
	method  string
	path    []string
	what    string
	options map[string]string
	answer  any
	item    any
	refusal any
	// What follows is read from exchanges, as learned.go says: the status and headers of an
	// answer, the last page of a list where that has another form, and what is answered
	// where there is no such thing, and to a credential that does not work.
	status       int
	header       map[string]string
	last         any
	gone, denied *reply
}

// heard is a request in a dialect, and what it comes to in the world's own words.
type heard struct {
	route   *route
	said    *http.Request
	request *http.Request
	in      any // the body
	body    []byte
	values  map[string]any // what the answer may tell again
}

func parseRoutes(text string) []*route {
	var all []*route
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, parseRoute(line))
		}
	}
	return all
}

func parseRoute(line string) *route {
	r := &route{options: map[string]string{}}
	head, answer, found := cutJSON(line)
	words := strings.Fields(head)
	if !found || len(words) < 3 {
		panic("simulation: this is no route: " + line)
	}
	r.method, r.path, r.what = words[0], strings.Split(words[1], "/"), words[2]
	for _, word := range words[3:] {
		name, value, _ := strings.Cut(word, "=")
		r.options[name] = value
	}
	if text, refusal, found := strings.Cut(answer, " else "); found {
		answer, r.refusal = text, mustJSON(refusal)
	}
	if text, item, found := strings.Cut(answer, " | "); found {
		answer, r.item = text, mustJSON(item)
	}
	r.answer = mustJSON(answer)
	return r
}

// cutJSON cuts a line before its first object or text.
func cutJSON(line string) (head, answer string, found bool) {
	at := strings.IndexAny(line, "\"")
	if brace := strings.Index(line, " {"); brace >= 0 && (at < 0 || brace < at) {
		at = brace + 1
	}
	if at < 0 {
		return line, "", false
	}
	return line[:at], line[at:], true
}

func mustJSON(text string) (value any) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		panic(fmt.Sprintf("simulation: %s is no JSON: %s", text, err))
	}
	return value
}

// serve answers a request in the provider's dialect.
func (p *provider) serve(from *node, r *http.Request, body []byte) *answer {
	if p.routes == nil {
		return p.answer(from, r, body)
	}
	h := p.hear(r, body)
	if h == nil {
		p.world.breaks(workGoesOn, "nobody knows how %s is to be answered", r.Method+" "+r.URL.RequestURI())
		return notFound()
	}
	said := p.answer(from, h.request, h.body)
	if said == nil {
		return nil
	}
	return p.tell(h, said)
}

// hear finds what a request in the provider's dialect says; nil where nothing does.
func (p *provider) hear(r *http.Request, body []byte) *heard {
	in := bodyOf(r, body)
	for _, one := range p.routes {
		parts, matches := one.matches(r)
		h := &heard{route: one, said: r, in: in, values: map[string]any{}}
		if !matches || !h.isFor() {
			continue
		}
		h.request, h.body = p.translate(h, parts)
		return h
	}
	return nil
}

// matches reports whether the route is that of a request, and what its path says.
func (r *route) matches(request *http.Request) (parts map[string]string, matches bool) {
	segments := strings.Split(request.URL.EscapedPath(), "/")
	if request.Method != r.method || len(segments) != len(r.path) {
		return nil, false
	}
	parts = map[string]string{}
	for i, pattern := range r.path {
		before, name, isPart := strings.Cut(pattern, "{")
		if !isPart && pattern != segments[i] || !strings.HasPrefix(segments[i], before) || isPart && segments[i] == before {
			return nil, false
		}
		if isPart {
			name, after, _ := strings.Cut(name, "}")
			text, err := url.PathUnescape(strings.TrimSuffix(strings.TrimPrefix(segments[i], before), after))
			if err != nil || !strings.HasSuffix(segments[i], after) {
				return nil, false
			}
			parts[name] = text
		}
	}
	return parts, true
}

// isFor reports whether the body is what the route's option when wants.
func (h *heard) isFor() bool {
	place, text, _ := strings.Cut(h.route.options["when"], ":")
	return place == "" || strings.Contains(h.at(place), text)
}

// at is what the request says at a place of its body, or of its query where that begins
// with a question mark.
func (h *heard) at(place string) string {
	if parameter, inQuery := strings.CutPrefix(place, "?"); inQuery {
		return h.said.URL.Query().Get(parameter)
	}
	return at(h.in, place)
}

// words are what the routes come to in the world's own provider.
var words = map[string]string{
	"who": "GET /v1/whoami", "login": "GET /v1/whoami",
	"make": "POST {place}/keys", "list": "GET {place}/keys", "show": "GET {place}/keys/{id}",
	"end": "DELETE {place}/keys/{id}", "extend": "PATCH {place}/keys/{id}",
	"account": "POST /v1/accounts", "fill": "POST /v1/accounts/{id}/keys",
	"admin": "POST /v1/admin-keys", "admins": "GET /v1/admin-keys", "admin-end": "DELETE /v1/admin-keys/{id}",
	"roll": "POST /v1/admin-keys/self/roll", "swap": "PUT /v1/admin-keys/self/key",
}

// translate says in the world's own words what a request says.
func (p *provider) translate(h *heard, parts map[string]string) (*http.Request, []byte) {
	method, path, _ := strings.Cut(words[h.route.what], " ")
	place, project := "/v1", parts["project"]
	if number := parts["number"]; number != "" {
		project = projectOf(number)
	}
	if project != "" {
		place = "/v1/projects/" + project
	}
	if p.traits.Steps && !strings.Contains(path, "admin") {
		path = strings.Replace(path, "{place}/keys", "/v1/accounts", 1)
	}
	id := cmp.Or(parts["id"], h.at(h.route.options["id"]))
	credential := p.shown(h)
	if h.route.what == "login" {
		credential = cmp.Or(keyWithin(h.at(h.route.options["at"])), credential)
		h.values["key"] = credential
	}
	p.mu.Lock()
	if secret := cmp.Or(parts["secret"], h.at(h.route.options["secret"])); secret != "" {
		id = p.idOf(secret)
	}
	if (h.route.what == "who" || h.route.what == "login") && p.adminOf(credential) == nil {
		path = "/v1/use"
	}
	end := p.wantedEnd(h, id)
	p.mu.Unlock()
	h.values["asked"] = id
	given := h.at(h.route.options["given"])
	if h.route.what == "make" {
		given = cmp.Or(given, parts["id"])
	}
	wanted := map[string]any{
		"name": cmp.Or(parts["name"], h.at(h.route.options["name"]), given), "key": h.at(h.route.options["key"]), "scopes": []string{"read", "write"},
	}
	if end != "" {
		wanted["expires_at"] = end
	}
	if given != "" {
		wanted["id"] = given
	}
	body, err := json.Marshal(wanted)
	if err != nil {
		panic("simulation: a request is JSON: " + err.Error())
	}
	path = strings.NewReplacer("{place}", place, "{id}", url.PathEscape(cmp.Or(id, "none"))).Replace(path)
	query := p.translateQuery(h)
	if name := cmp.Or(parts["name"], h.at(h.route.options["name"])); name != "" && h.route.what == "list" {
		query.Set("name", name)
	}
	request := (&http.Request{Method: method, URL: &url.URL{Path: path, RawQuery: query.Encode()}, Header: http.Header{}})
	request.Header.Set("Authorization", "Bearer "+credential)
	return request, body
}

// translateQuery is the page of a list that a request wants. The provider caps pages.
func (p *provider) translateQuery(h *heard) url.Values {
	query := url.Values{}
	paged := false
	for _, kind := range []string{"page", "page0", "offset", "cursor"} {
		place, has := h.route.options[kind]
		paged = paged || has
		value := h.pageAt(place)
		if !has || value == "" {
			continue
		}
		if n, err := strconv.Atoi(value); kind == "page0" && err == nil {
			kind, value = "page", strconv.Itoa(n+1)
		}
		query.Set(kind, value)
	}
	if !paged {
		return query
	}
	limit := 100
	if n, err := strconv.Atoi(h.pageAt(h.route.options["limit"])); err == nil {
		limit = n
	}
	if p.traits.Pages > 0 {
		limit = min(limit, p.traits.Pages)
	}
	query.Set("limit", strconv.Itoa(limit))
	return query
}

// pageAt is what the request says of the page that it wants: in its query, or where a list
// is asked for with a body, in that.
func (h *heard) pageAt(place string) string {
	if value := h.said.URL.Query().Get(strings.TrimPrefix(place, "?")); value != "" || place == "" {
		return value
	}
	return h.at(place)
}

// shown is the credential that a request shows, wherever it does.
func (p *provider) shown(h *heard) string {
	r := h.said
	var all []string
	if user, password, ok := r.BasicAuth(); ok {
		all = append(all, password, user)
	}
	for _, name := range sortedNames(r.Header) {
		for _, value := range r.Header[name] {
			_, rest, _ := strings.Cut(value, " ")
			all = append(all, value, rest)
		}
	}
	for _, name := range sortedNames(r.URL.Query()) {
		all = append(all, r.URL.Query().Get(name))
	}
	for _, part := range leavesOf("", h.in) {
		all = append(all, fmt.Sprint(part.value))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range all {
		if one = keyWithin(one); one != "" && (p.adminOf(one) != nil || p.idOf(one) != "") {
			return one
		}
	}
	return p.signer(all)
}

// signer is the value of the key of which a request shows the public part alone, since it
// is signed with the rest, or of the admin credential that a signature names; empty for
// none. The caller holds mu.
func (p *provider) signer(shown []string) string {
	for _, account := range p.accounts {
		for _, a := range account.admins {
			if !a.removed && slices.ContainsFunc(shown, func(one string) bool { return strings.Contains(one, a.secret) }) {
				return a.secret
			}
		}
	}
	for _, k := range p.keys() {
		if k.secret != "" && slices.Contains(shown, k.id) && k.alive(time.Now()) {
			return k.secret
		}
	}
	return ""
}

// idOf is the id of the key with a value; empty for none. The caller holds mu.
func (p *provider) idOf(secret string) string {
	for _, k := range p.keys() {
		if k.secret == secret {
			return k.id
		}
	}
	return ""
}

// wantedEnd is the end that a request wants, in RFC 3339; empty where it wants none. The
// caller holds mu.
func (p *provider) wantedEnd(h *heard, id string) string {
	r, now := h.route, time.Now().Add(p.traits.Clock)
	for form, layout := range map[string]string{"end": time.RFC3339, "utc": utcLayout, "sql": sqlLayout, "date": time.DateOnly} {
		if text := h.at(r.options[form]); text != "" {
			end, err := time.Parse(layout, text)
			if err != nil {
				panic(fmt.Sprintf("simulation: %s is no %s", text, layout))
			}
			return end.UTC().Format(time.RFC3339)
		}
	}
	for form, unit := range map[string]time.Duration{"unix": time.Second, "ms": time.Millisecond, "ttl": time.Second, "life": time.Millisecond, "hours": time.Hour, "days": 24 * time.Hour} {
		text := strings.TrimRight(h.at(r.options[form]), "sh")
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			panic(fmt.Sprintf("simulation: %s is no number", text))
		}
		from := time.Unix(0, 0)
		if form != "unix" && form != "ms" {
			from = now
		}
		if form == "days" && r.what == "extend" {
			from = p.madeAt(id)
		}
		return from.Add(time.Duration(n) * unit).UTC().Format(time.RFC3339)
	}
	return ""
}

// madeAt is when the key with an id was made.
func (p *provider) madeAt(id string) time.Time {
	for _, k := range p.keys() {
		if k.id == id {
			return k.made
		}
	}
	return time.Time{}
}

// tell says an answer in the provider's dialect.
func (p *provider) tell(h *heard, said *answer) *answer {
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader(said.body))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil && len(said.body) > 0 {
		return said // mangled
	}
	dialect, r := *said, h.route
	dialect.meant = said
	_, forgives := r.options["missed"]
	switch {
	case said.status < 300:
		dialect.status = cmp.Or(r.status, max(said.status, http.StatusOK))
		form := r.answer
		if r.last != nil && fields["next_cursor"] == nil {
			form = r.last
		}
		dialect.body = h.fill(form, fields)
		dialect.header = h.headers(said.header, fields)
	case said.status == http.StatusNotFound && forgives && !p.is(weatherMasked):
		dialect.status = http.StatusOK
		form := r.answer
		if r.refusal != nil {
			form = r.refusal
		}
		dialect.body = h.fill(form, fields)
	case said.status == http.StatusNotFound && r.gone != nil && (r.gone.status >= 300 || !p.is(weatherMasked)):
		dialect.status, dialect.body = r.gone.status, h.fill(r.gone.form, fields)
	case said.status == http.StatusUnauthorized && r.denied != nil:
		dialect.status, dialect.body = r.denied.status, h.fill(r.denied.form, fields)
	case r.refusal != nil:
		dialect.body = h.fill(r.refusal, fields)
	}
	if dead, err := strconv.Atoi(r.options["dead"]); err == nil && said.status == http.StatusUnauthorized {
		dialect.status = dead
	}
	if said.status == http.StatusNoContent && r.status == 0 {
		dialect.status = http.StatusOK
	}
	return &dialect
}

// headers are those of an answer: what they say of a next page is left out where there is
// none.
func (h *heard) headers(before map[string]string, fields map[string]any) map[string]string {
	all := maps.Clone(before)
	for name, form := range h.route.header {
		next := strings.Contains(form, "$next")
		if next && fields["next_cursor"] == nil {
			continue
		}
		if text, ok := filled(form, h.nextOf(fields)); ok {
			all[name] = fmt.Sprint(text)
		}
	}
	return all
}

// nextOf is how the next page of a list is told; empty where there is none.
func (h *heard) nextOf(fields map[string]any) map[string]any {
	cursor := fields["next_cursor"]
	if cursor == nil {
		return map[string]any{"more": false}
	}
	query := h.said.URL.Query()
	query.Set(cmp.Or(strings.TrimPrefix(h.route.options["cursor"], "?"), "cursor"), fmt.Sprint(cursor))
	path := h.said.URL.Path + "?" + query.Encode()
	return map[string]any{"next": cursor, "more": true, "next_path": path, "next_url": h.home() + path, "further": h.further(cursor)}
}

// further is the number by which a list goes on that does so by numbers.
func (h *heard) further(cursor any) any {
	_, offset, _ := strings.Cut(fmt.Sprint(cursor), "@")
	if place := h.route.options["page"]; place != "" {
		page, err := strconv.Atoi(cmp.Or(h.pageAt(place), "1"))
		if err == nil {
			return page + 1
		}
	}
	return json.Number(cmp.Or(offset, "0"))
}

// home is the address of the host, where the route is one that was read from an exchange:
// those have whole addresses.
func (h *heard) home() string {
	if h.route.status == 0 {
		return ""
	}
	return "http://" + h.said.Host
}

// fill puts what the world's provider answers into a form.
func (h *heard) fill(form any, fields map[string]any) []byte {
	values := shownForms(fields)
	maps.Copy(values, h.values)
	items := []any{}
	listed, _ := fields["data"].([]any)
	for _, one := range listed {
		item, _ := one.(map[string]any)
		filled, _ := filled(h.route.item, shownForms(item))
		items = append(items, filled)
	}
	values["items"] = items
	maps.Copy(values, h.nextOf(fields))
	if _, told := values["id"]; !told && h.values["asked"] != "" {
		values["id"] = h.values["asked"]
	}
	body, _ := filled(form, values)
	if text, isText := body.(string); isText {
		return []byte(text)
	}
	if body == nil {
		return nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic("simulation: an answer is JSON: " + err.Error())
	}
	return text
}

// shownForms are the values that forms name, of an answer of the world's provider.
func shownForms(fields map[string]any) map[string]any {
	values := map[string]any{}
	if seconds := fields["expires_in"]; seconds != nil {
		values["ttl"] = seconds
	}
	for _, name := range []string{"id", "name", "key", "scopes", "pages", "total", "redacted"} {
		if value := fields[name]; value != nil {
			values[name] = value
		}
	}
	for name, field := range map[string]string{"end": "expires_at", "made": "created_at"} {
		value := fields[field]
		if value == nil {
			continue
		}
		for form, tell := range map[string]func(time.Time) any{
			"": nil, "_unix": func(t time.Time) any { return t.Unix() }, "_ms": func(t time.Time) any { return t.UnixMilli() },
			"_date": func(t time.Time) any { return t.Format(time.DateOnly) }, "_utc": func(t time.Time) any { return t.Format(utcLayout) },
			"_sql": func(t time.Time) any { return t.Format(sqlLayout) }, "_ms_text": func(t time.Time) any { return strconv.FormatInt(t.UnixMilli(), 10) },
			"_unix_text": func(t time.Time) any { return strconv.FormatInt(t.Unix(), 10) }, "_zone": func(t time.Time) any { return t.Format(zoneLayout) },
		} {
			values[name+form] = value
			if t, err := time.Parse(time.RFC3339, fmt.Sprint(value)); err == nil && tell != nil && t.Year() > 1 {
				values[name+form] = tell(t)
			}
		}
	}
	return values
}

// filled is a form with values in it; false where it is one that there is no value for.
func filled(form any, values map[string]any) (any, bool) {
	switch form := form.(type) {
	case string:
		if name, whole := strings.CutPrefix(form, "$"); whole && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == "" {
			value, has := values[name]
			return value, has
		}
		for _, name := range slices.Backward(sortedNames(values)) { // the longer of two that begin alike first
			form = strings.ReplaceAll(form, "$"+name, fmt.Sprint(values[name]))
		}
		return form, !strings.Contains(form, "$id") && !strings.Contains(form, "$key")
	case map[string]any:
		object := map[string]any{}
		for name, part := range form {
			if value, has := filled(part, values); has {
				object[name] = value
			}
		}
		return object, true
	case []any:
		list := []any{}
		for _, part := range form {
			if value, has := filled(part, values); has {
				list = append(list, value)
			}
		}
		return list, true
	}
	return form, true
}

// at is the text or number at a place of a body, such as "data.attributes.name"; empty for
// none.
func at(in any, place string) string {
	if place == "" {
		return ""
	}
	for name := range strings.SplitSeq(place, ".") {
		switch within := in.(type) {
		case map[string]any:
			in = within[name]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n >= len(within) {
				return ""
			}
			in = within[n]
		default:
			return ""
		}
	}
	if in == nil {
		return ""
	}
	return fmt.Sprint(in)
}

// bodyOf is what a request's body says: JSON, a form, or a form of several parts.
func bodyOf(r *http.Request, body []byte) any {
	kind, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form := map[string]any{}
	switch kind {
	case "application/x-www-form-urlencoded":
		values, _ := url.ParseQuery(string(body))
		for name := range values {
			form[name] = values.Get(name)
		}
		return form
	case "multipart/form-data":
		reader := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
		for {
			part, err := reader.NextPart()
			if err != nil {
				return form
			}
			text, _ := io.ReadAll(part)
			form[part.FormName()] = string(text)
		}
	}
	var in any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	_ = decoder.Decode(&in)
	return in
}

// jsonOf is what a request's body says, as JSON.
func jsonOf(r *http.Request, body []byte) []byte {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return body
	}
	form, ok := bodyOf(r, body).(map[string]any)
	if !ok {
		return body
	}
	text, err := json.Marshal(form)
	if err != nil {
		panic("simulation: a form is JSON: " + err.Error())
	}
	return text
}

// projects are those that roles name; some providers count theirs.
var projects = []string{"", "alpha", "beta", "gamma"}

func projectOf(number string) string {
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= len(projects) {
		return number
	}
	return projects[n]
}

// fieldsOf are the fields that a dialect's JSON has, with a project in its place.
func fieldsOf(text, project string) map[string]any {
	if text == "" {
		return map[string]any{}
	}
	filledIn, _ := filled(mustJSON(text), map[string]any{"project": project, "number": slices.Index(projects, project)})
	fields, _ := filledIn.(map[string]any)
	return fields
}
