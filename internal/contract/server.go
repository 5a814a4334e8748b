package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Server stands in for a provider. It is made from the provider's document:
// a request that the document does not allow is a violation, an answer is made
// from the operation's response schema, and what a request makes can be read,
// listed, changed and deleted, after which it is gone.
type Server struct {
	document *Document
	router   routers.Router
	rules    Case
	// admins are the credentials of administrators.
	admins []string
	born   time.Time
	// needed are the names of properties that answers hold even where they need
	// not; nil where they hold all.
	needed map[string]bool
	// oneEach has what a request makes replace what was made at the same path.
	oneEach bool

	mu         sync.Mutex
	count      int64
	objects    []*object
	gone       []string
	tokens     map[string]string // what a login answered, by what it stands for
	violations []string
}

// pageSize is the most that a list answers at once, whatever was asked for:
// providers cap silently, and a definition must not take a short page for the
// last one.
const pageSize = 2

// NewServer makes a server of document that follows rules and accepts the
// given admin credentials.
func NewServer(document *Document, rules *Case, credentials []string) (*Server, error) {
	prefix := document.ServerPath()
	if rules.Prefix != nil {
		prefix = *rules.Prefix
	}
	document.serveUnder(prefix)
	document.ignoreParameters(rules.IgnoreParameters)
	document.textForms()
	router, err := gorillamux.NewRouter(document.T)
	if err != nil {
		return nil, err
	}
	return &Server{
		document: document,
		router:   router,
		rules:    *rules,
		admins:   credentials,
		born:     time.Now().UTC().Truncate(time.Second),
		count:    1000,
		tokens:   map[string]string{},
	}, nil
}

// seed has the server keep the administrator's credentials as things that were made,
// with these values.
func (s *Server) seed(rotation *RotationCase, connection map[string]any) error {
	for _, credential := range rotation.Credentials {
		value, _ := connection[credential.Field].(string)
		if value == "" {
			return fmt.Errorf("rotation: the connection has no %s", credential.Field)
		}
		shown, err := fields(credential.Shows)
		if err != nil {
			return fmt.Errorf("rotation: credential %q: shows: %w", credential.Field, err)
		}
		kept := newObject(credential.Path)
		kept.kinds = lastOf(kindsOf(credential.Path))
		kept.learn(map[string]any{"id": credential.ID})
		kept.learn(shown)
		kept.made, kept.secret = []string{credential.ID}, value
		s.objects = append(s.objects, kept)
		s.admins = slices.DeleteFunc(s.admins, func(admin string) bool { return admin == value })
	}
	return nil
}

// shownBy is the thing whose secret a request shows.
func (c *call) shownBy() *object {
	for _, value := range anywhere(c.request) {
		if lent, ok := c.tokens[value]; ok {
			value = lent
		}
		for _, o := range c.objects {
			if o.secret != "" && o.secret == value {
				return o
			}
		}
	}
	return nil
}

// asksWhoAmI reports whether the operation is about the credential that is shown, and
// that is a thing that the server keeps.
func (c *call) asksWhoAmI() bool {
	return c.rules.Rotation != nil && slices.Contains(c.rules.Rotation.WhoAmI, c.operation()) && c.shownBy() != nil
}

// leaveOut has answers hold nothing that they need not, but for properties of
// these names.
func (s *Server) leaveOut(needed map[string]bool) { s.needed = needed }

// keepOneAtEachPath has what a request makes replace what was made at the same path.
func (s *Server) keepOneAtEachPath() { s.oneEach = true }

// madeAt is the one thing that was made at a path, where there is one at each.
func (s *Server) madeAt(path string) *object {
	i := slices.IndexFunc(s.objects, func(o *object) bool { return s.oneEach && o.address == path })
	if i < 0 {
		return nil
	}
	return s.objects[i]
}

// served reports whether the document names base as one of its servers.
func (s *Server) served(base string) bool { return s.document.ServedAt(base) }

// Violations says in which requests the document was not kept.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

// Remaining are the paths of what was made and never deleted.
func (s *Server) Remaining() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var paths []string
	for _, object := range s.objects {
		paths = append(paths, object.path)
	}
	return paths
}

// ServeHTTP answers one request as the provider's document says.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		s.violation(r, fmt.Errorf("unreadable body: %w", err))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	if _, beyond := s.rules.Beyond[r.Method+" "+r.URL.Path]; beyond {
		s.answerBeyond(w, r)
		return
	}
	if s.isTokenEndpoint(r) {
		s.answerToken(w, r, text)
		return
	}
	c, err := s.call(r, text)
	if err != nil {
		s.violation(r, err)
		http.Error(w, "no such operation", http.StatusNotFound)
		return
	}
	c.serve(w)
}

// Conforms says in what a request does not keep to the document. It makes and
// answers nothing.
func (s *Server) Conforms(r *http.Request, text []byte) error {
	c, err := s.call(r, text)
	if err != nil {
		return err
	}
	return c.conforms()
}

func (s *Server) call(r *http.Request, text []byte) (*call, error) {
	route, params, err := s.router.FindRoute(r)
	if err != nil {
		return nil, fmt.Errorf("the document has no such operation: %w", err)
	}
	return &call{Server: s, request: r, text: text, route: route, params: params}, nil
}

func (s *Server) answerBeyond(w http.ResponseWriter, r *http.Request) {
	if !slices.ContainsFunc(anywhere(r), s.accepts) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{})
}

func (s *Server) isTokenEndpoint(r *http.Request) bool {
	return slices.Contains(s.rules.TokenEndpoints, r.Method+" "+r.URL.Path) ||
		slices.Contains(s.rules.TokenEndpoints, r.Method+" https://"+r.Host+r.URL.Path)
}

// answerToken lends a token for a credential that is shown, or for an assertion
// (RFC 7523), whose signature is not looked at.
func (s *Server) answerToken(w http.ResponseWriter, r *http.Request, text []byte) {
	body, err := bodyOf(r.Header, text)
	if err != nil {
		s.violation(r, err)
	}
	shown := append(texts(body), anywhere(r)...)
	i := slices.IndexFunc(shown, s.accepts)
	form, _ := body.(map[string]any)
	if _, asserted := form[assertionField]; asserted && len(s.admins) > 0 {
		shown, i = s.admins, 0
	}
	if i < 0 {
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	token := fmt.Sprintf("token-%d", s.next())
	s.tokens[token] = shown[i]
	writeJSON(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600})
}

func (s *Server) violation(r *http.Request, err error) {
	s.violations = append(s.violations, fmt.Sprintf("%s %s: %s", r.Method, r.URL.RequestURI(), complaint(err)))
}

func (s *Server) next() int64 {
	s.count++
	return s.count
}

// Opens says whether value is that of a key that was made and not deleted.
func (s *Server) Opens(value string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.living(value)
}

func (s *Server) living(value string) bool {
	return value != "" && slices.ContainsFunc(s.objects, func(o *object) bool { return o.secret == value })
}

// accepts says whether credential is an admin's or a living key's, by itself or behind
// its id and a colon, as some providers want the two in one header.
func (s *Server) accepts(credential string) bool {
	_, secret, isPair := strings.Cut(credential, ":")
	return s.acceptsAlone(credential) || isPair && s.acceptsAlone(secret)
}

func (s *Server) acceptsAlone(credential string) bool {
	if lent, ok := s.tokens[credential]; ok {
		credential = lent
	}
	return slices.Contains(s.admins, credential) || slices.Contains(s.rules.Identifiers, credential) || s.living(credential)
}

func (s *Server) valid(schema *openapi3.Schema, value any) bool {
	return schema.VisitJSON(value, s.schemaOptions()...) == nil
}

func (s *Server) schemaOptions() []openapi3.SchemaValidationOption {
	options := []openapi3.SchemaValidationOption{openapi3.EnableFormatValidation()}
	if s.document.IsOpenAPI31OrLater() {
		options = append(options, openapi3.EnableJSONSchema2020())
	}
	return options
}

// remove deletes an object and all that was made below it, or for it.
func (s *Server) remove(o *object) {
	s.objects = slices.DeleteFunc(s.objects, func(other *object) bool {
		below := o.is(other.owner) || slices.ContainsFunc(o.made, func(name string) bool {
			return strings.HasPrefix(other.path, strings.TrimSuffix(o.path, "/")+"/"+name+"/")
		})
		if other == o || below {
			s.gone = append(s.gone, other.made...)
			return true
		}
		return false
	})
}

// call is one request, its operation known.
type call struct {
	*Server
	request *http.Request
	text    []byte
	route   *routers.Route
	params  map[string]string
	body    any
}

func (c *call) serve(w http.ResponseWriter) {
	if err := c.conforms(); err != nil {
		c.violation(c.request, err)
		c.fail(w, http.StatusBadRequest)
		return
	}
	if place, login := c.rules.Logins[c.operation()]; login {
		c.login(w, place)
		return
	}
	if !c.authorized() {
		c.challenge(w)
		c.fail(w, http.StatusUnauthorized)
		return
	}
	if c.parentGone() {
		c.fail(w, http.StatusNotFound)
		return
	}
	switch c.means() {
	case deletes:
		c.delete(w)
	case nothing:
		c.answer(w, &writer{server: c.Server, fill: c.rules.Fill[c.operation()]})
	case reads:
		c.read(w)
	case lists:
		c.list(w)
	case updates:
		c.update(w)
	default:
		c.create(w)
	}
}

// login lends a token for a credential that the body shows.
func (c *call) login(w http.ResponseWriter, place string) {
	shown := texts(c.body)
	i := slices.IndexFunc(shown, c.accepts)
	if i < 0 {
		c.fail(w, http.StatusUnauthorized)
		return
	}
	token := newObject(c.request.URL.Path)
	answer := c.answer(w, &writer{server: c.Server, object: token, minting: true})
	c.tokens[at(answer, place)] = shown[i]
}

func (c *call) operation() string { return c.route.Method + " " + c.route.Path }

// conforms holds the request against the document, all but whether the
// credential that it shows is the right one.
func (c *call) conforms() (err error) {
	shown := func(credential string) bool { return credential != "" || c.takesDigest() }
	if err := openapi3filter.ValidateRequest(c.request.Context(), c.input(shown)); err != nil {
		return err
	}
	if err := unknownQuery(c.route, c.request.URL.Query()); err != nil {
		return err
	}
	if c.body, err = bodyOf(c.request.Header, c.text); err != nil {
		return err
	}
	if schema := bodySchema(c.route.Operation, c.request.Header); schema != nil {
		return unknownFields(schema, c.body, "")
	}
	return nil
}

// authorized says whether one of the credentials that the document wants is an
// admin's or a living key's; any that is shown, where it says nothing of them.
func (c *call) authorized() bool {
	security := c.security()
	if c.takesDigest() && c.answersChallenge() {
		return true
	}
	if len(security) == 0 {
		return slices.ContainsFunc(anywhere(c.request), c.accepts)
	}
	return openapi3filter.ValidateSecurityRequirements(c.request.Context(), c.input(c.accepts), security) == nil
}

func (c *call) input(accept func(credential string) bool) *openapi3filter.RequestValidationInput {
	c.request.Body = io.NopCloser(bytes.NewReader(c.text))
	return &openapi3filter.RequestValidationInput{
		Request:    c.request,
		PathParams: c.params,
		Route:      c.route,
		Options: &openapi3filter.Options{
			AuthenticationFunc:                authenticator(accept),
			RejectWhenRequestBodyNotSpecified: true,
			ExcludeReadOnlyValidations:        c.rules.IgnoreReadOnly,
			SkipSettingDefaults:               true,
			IncludeResponseStatus:             true,
			SchemaValidationOptions:           []openapi3.SchemaValidationOption{openapi3.EnableFormatValidation()},
		},
	}
}

// security is what the document wants of a credential; nil where it lets
// anybody in, which no provider of keys does.
func (c *call) security() openapi3.SecurityRequirements {
	wanted := c.document.Security
	if c.route.Operation.Security != nil {
		wanted = *c.route.Operation.Security
	}
	if slices.ContainsFunc(wanted, func(one openapi3.SecurityRequirement) bool { return len(one) == 0 }) {
		return nil
	}
	return wanted
}

// onItem says whether the path ends in a parameter, so names one thing.
func (c *call) onItem() bool { return strings.HasSuffix(strings.TrimSuffix(c.route.Path, "/"), "}") }

// query is the query's parameters as an object; of several values the first.
func (c *call) query() map[string]any {
	return firstOf(c.request.URL.Query())
}

// withoutFlags leaves out what says how to answer, such as reveal=true: a thing that was
// made with it does not have it, and a list is not narrowed by it.
func withoutFlags(query map[string]any) map[string]any {
	return maps.Collect(func(yield func(string, any) bool) {
		for name, value := range query {
			if text, _ := scalarText(value); text != "true" && text != "false" && !yield(name, value) {
				return
			}
		}
	})
}

func (c *call) lastParamName() string {
	return c.route.Path[strings.LastIndex(c.route.Path, "{")+1 : strings.LastIndex(c.route.Path, "}")]
}

// camel is a_name as aName: documents mix the two, one in paths, one in bodies.
func camel(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		if word != "" {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}

func (c *call) lastParam() string { return c.param(c.lastParamName()) }

func (c *call) param(name string) string {
	if plain, err := url.PathUnescape(c.params[name]); err == nil {
		return plain
	}
	return c.params[name]
}

// parentGone says whether the path names something that was deleted.
func (c *call) parentGone() bool {
	for _, value := range c.params {
		if slices.Contains(c.gone, value) {
			return true
		}
	}
	return false
}

func (c *call) delete(w http.ResponseWriter) {
	found := c.item()
	switch {
	case found != nil:
		c.remove(found)
	case !slices.Contains(c.rules.Idempotent, c.operation()):
		c.fail(w, http.StatusNotFound)
		return
	}
	c.answer(w, &writer{server: c.Server, object: found, fill: c.rules.Fill[c.operation()]})
}

// read answers one thing, in a list of one where the document has it in a list alone.
func (c *call) read(w http.ResponseWriter) {
	found := c.item()
	if found == nil {
		c.fail(w, http.StatusNotFound)
		return
	}
	status, response := success(c.route.Operation)
	values := &writer{server: c.Server, object: found, fill: c.rules.Fill[c.operation()]}
	if schema := jsonSchema(response); schema != nil && !found.shares(schema.Value, 0) {
		if place, items := c.listPlace(values, schema); items != nil {
			body := put(values.value(schema, "", "", nil), place, c.elements(values.fill, items, place, []*object{found}))
			c.write(w, status, jsonKind(response), body)
			return
		}
	}
	c.answer(w, values)
}

// update changes what is there. A name that is not there yet is made, where
// the operation can make something.
func (c *call) update(w http.ResponseWriter) {
	found := c.item()
	switch {
	case found != nil:
		found.learn(c.body)
		_, replaces := c.rules.rotationSecret(c.operation())
		answer := c.answer(w, &writer{server: c.Server, object: found, minting: replaces, fill: c.rules.Fill[c.operation()]})
		if replaces {
			found.secret = at(answer, c.rules.secretPlace(c.operation()))
		}
	case c.makesUnnamed() || c.answersSecret() || c.route.Operation.Responses.Status(http.StatusCreated) != nil:
		c.create(w)
	default:
		c.fail(w, http.StatusNotFound)
	}
}

// makesUnnamed says whether the end of the path is not the name of what is made.
func (c *call) makesUnnamed() bool { return slices.Contains(c.rules.MakesUnnamed, c.operation()) }

func (c *call) create(w http.ResponseWriter) {
	made := newObject(c.request.URL.Path)
	made.address = made.path
	made.kinds, made.within = c.kindsMade(), map[string]string{}
	for _, one := range namedIn(c.route.Path, c.param) {
		made.within[one.kind] = one.value
	}
	if c.onItem() && !c.makesUnnamed() {
		made.path = strings.TrimSuffix(made.path, "/")
		made.path = made.path[:strings.LastIndex(made.path, "/")]
		made.made = append(made.made, c.lastParam())
		made.learn(map[string]any{c.lastParamName(): c.lastParam(), camel(c.lastParamName()): c.lastParam()})
	}
	made.learn(withoutFlags(c.query()))
	made.learn(c.body)
	for name, value := range c.rules.Shows {
		made.learn(map[string]any{name: value})
	}
	made.owner = at(c.body, c.rules.GoesWith[c.operation()])
	for _, place := range c.rules.ChosenIDs {
		if id := at(c.body, place); id != "" {
			made.made = append(made.made, id)
		}
	}
	if before := c.madeAt(made.address); before != nil {
		c.remove(before)
	}
	c.objects = append(c.objects, made)
	answer := c.answer(w, &writer{server: c.Server, object: made, minting: true, fill: c.rules.Fill[c.operation()]})
	made.learn(answer)
	made.secret = at(answer, c.rules.secretPlace(c.operation()))
}

// kindsMade is what the path calls that which a request to it makes.
func (c *call) kindsMade() []string {
	kinds := kindsOf(c.route.Path)
	if slices.Contains(createWords, c.lastWord()) {
		return kinds
	}
	return lastOf(kinds)
}

func lastOf(words []string) []string { return words[max(0, len(words)-1):] }

// answer writes the operation's success and gives back its body.
func (c *call) answer(w http.ResponseWriter, values *writer) any {
	status, response := success(c.route.Operation)
	schema := jsonSchema(response)
	if schema == nil {
		w.WriteHeader(status)
		return nil
	}
	body := values.value(schema, "", "", jsonExample(response))
	c.write(w, status, jsonKind(response), body)
	return body
}

// write sends an answer that was made from the document, and holds it against
// the document too: a wrong answer would prove nothing.
func (c *call) write(w http.ResponseWriter, status int, kind string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		c.violation(c.request, err)
		return
	}
	request := c.input(c.accepts)
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request,
		Status:                 status,
		Header:                 http.Header{"Content-Type": {kind}},
		Options:                request.Options,
	}
	input.SetBodyBytes(text)
	if err := openapi3filter.ValidateResponse(c.request.Context(), input); err != nil {
		c.violation(c.request, fmt.Errorf("no answer can be made that the document allows, so the case needs a \"fill\", or the definition an exchange: %s", complaint(err)))
	}
	w.Header().Set("Content-Type", kind)
	writeJSON(w, status, body)
}

// fail writes a failure, in the form that the operation has for it.
func (c *call) fail(w http.ResponseWriter, status int) {
	responses := c.route.Operation.Responses
	response := responses.Status(status)
	if response == nil {
		response = responses.Value(fmt.Sprintf("%dXX", status/100))
	}
	if response == nil {
		response = responses.Default()
	}
	if response == nil || jsonSchema(response.Value) == nil {
		w.WriteHeader(status)
		return
	}
	values := &writer{server: c.Server, failing: true}
	writeJSON(w, status, values.value(jsonSchema(response.Value), "", "", jsonExample(response.Value)))
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "the answer is not JSON", http.StatusInternalServerError)
		return
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client's going away is its own matter
}

// success is the first success that the operation declares.
func success(operation *openapi3.Operation) (int, *openapi3.Response) {
	for status := http.StatusOK; status < http.StatusMultipleChoices; status++ {
		if response := operation.Responses.Status(status); response != nil {
			return status, response.Value
		}
	}
	for _, name := range []string{"2XX", "2xx", "default"} {
		if response := operation.Responses.Value(name); response != nil {
			return http.StatusOK, response.Value
		}
	}
	return http.StatusOK, nil
}

// jsonKind is the media type of a response that is JSON of some kind, "" for
// one that is not.
func jsonKind(response *openapi3.Response) string {
	if response == nil {
		return ""
	}
	for _, kind := range slices.Sorted(maps.Keys(response.Content)) {
		if strings.HasSuffix(kind, "json") {
			return kind
		}
	}
	return ""
}

func jsonSchema(response *openapi3.Response) *openapi3.SchemaRef {
	if kind := jsonKind(response); kind != "" {
		return response.Content[kind].Schema
	}
	return nil
}

func jsonExample(response *openapi3.Response) any {
	if kind := jsonKind(response); kind != "" {
		return response.Content[kind].Example
	}
	return nil
}
