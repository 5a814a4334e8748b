package draft

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// operation is one of the document's.
type operation struct {
	*openapi3.Operation
	method, path string
	item         *openapi3.PathItem
}

func (o *operation) String() string { return o.method + " " + o.path }

// operationsOf are all operations, by path and method.
func operationsOf(document *openapi3.T) []*operation {
	var all []*operation
	paths := document.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		operations := paths[path].Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			all = append(all, &operation{operations[method], method, path, paths[path]})
		}
	}
	return all
}

// segments are the parts of a path between its slashes.
func segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

// parameter is the name of a segment that is one: "id" of "{id}" and "{id}.json".
func parameter(segment string) (string, bool) {
	if name, inside := strings.CutPrefix(withoutKind(segment), "{"); inside && strings.HasSuffix(name, "}") {
		return strings.TrimSuffix(name, "}"), true
	}
	return "", false
}

// withoutKind is a segment without the format that some paths end in.
func withoutKind(segment string) string { return strings.TrimSuffix(segment, ".json") }

func endsInParameter(path string) bool {
	all := segments(path)
	_, is := parameter(all[len(all)-1])
	return is
}

// lastWord is the last segment of a path that is no parameter, and no word for
// making something.
func lastWord(path string) string {
	for _, segment := range slices.Backward(segments(path)) {
		segment = strings.ToLower(withoutKind(segment))
		if _, is := parameter(segment); !is && !slices.Contains(makeWords, segment) {
			return segment
		}
	}
	return ""
}

var (
	keyWord   = regexp.MustCompile(`(?i)(key|token|credential|robot|authorization)s?$`)
	actWords  = []string{"rotate", "regenerate", "refresh", "revoke", "reset", "roll", "renew", "validate", "verify", "lookup", "introspect", "restore", "undelete", "disable", "enable", "deactivate", "activate", "login", "promote", "exchange", "search", "import", "assign", "update", "delete", "remove", "bulk", "batch", "query"}
	makeWords = []string{"create", "generate", "issue", "new", "mint", "add"}
	endWords  = []string{"revoke", "delete", "remove", "revoke-accessor", "deactivate", "disable", "expire"}
)

func acts(word string, words []string) bool {
	word = word[strings.LastIndexAny(word, ":/")+1:]
	return slices.ContainsFunc(words, func(one string) bool { return word == one || strings.HasPrefix(word, one+"-") })
}

// makers are the operations that may make a key, the likeliest first.
func makers(all []*operation) []*operation {
	points := map[*operation]int{}
	var found []*operation
	for _, o := range all {
		if points[o] = likelihood(o, all); points[o] >= leastLikely {
			found = append(found, o)
		}
	}
	slices.SortStableFunc(found, func(a, b *operation) int { return cmp.Compare(points[b], points[a]) })
	return found
}

// leastLikely is what an operation needs to be taken for one that makes keys: a
// secret in its answer and a word for keys in its path, or nearly so.
const leastLikely = 6

func likelihood(o *operation, all []*operation) int {
	if o.method != "POST" && o.method != "PUT" {
		return 0
	}
	word, points := lastWord(o.path), 0
	if keyWord.MatchString(word) {
		points += 4
	}
	if acts(word, actWords) {
		points -= 8
	}
	answer := answerOf(o.Operation)
	if slices.Contains(makeWords, segments(o.path)[len(segments(o.path))-1]) {
		points += 2
	}
	if len(secretIn(answer)) > 0 {
		points += 6
	}
	if endOf(o, all) != nil {
		points += 3
	}
	if listOf(o, all) != nil {
		points++
	}
	if o.Security != nil && len(*o.Security) == 0 {
		points -= 4 // whoever may be asked without a credential is one for signing in
	}
	if strings.Contains(strings.ToLower(o.path), "admin") {
		points--
	}
	for _, segment := range segments(o.path) {
		if _, is := parameter(segment); is {
			points--
		}
	}
	return points
}

// namesIt reports whether the caller names what the operation makes: by the end of
// its path, at which it is deleted too.
func (o *operation) namesIt(end *operation) bool {
	if !endsInParameter(o.path) || end == nil || shape(end.path) != shape(o.path) {
		return false
	}
	all := segments(o.path)
	name, _ := parameter(all[len(all)-1])
	s := o.parameterNamed(name)
	return s == nil || len(s.Enum) == 0
}

// parameterNamed is the schema of a parameter; nil for none.
func (o *operation) parameterNamed(name string) *openapi3.Schema {
	for _, p := range o.parameters() {
		if p.Name == name && p.Schema != nil {
			return p.Schema.Value
		}
	}
	return nil
}

// endOf is the operation that deletes what maker makes; nil where none is found.
func endOf(maker *operation, all []*operation) *operation {
	collection := maker.path
	if endsInParameter(maker.path) {
		collection = maker.path[:strings.LastIndex(strings.TrimSuffix(maker.path, "/"), "/")]
	}
	collection = strings.TrimSuffix(collection, "/")
	word := lastWord(maker.path)
	for _, fits := range []func(o *operation) bool{
		func(o *operation) bool { // DELETE /keys/{id}
			return o.method == "DELETE" && endsInParameter(o.path) && parent(o.path) == shape(collection)
		},
		func(o *operation) bool { // DELETE /keys/{id} elsewhere
			return o.method == "DELETE" && endsInParameter(o.path) && lastWord(o.path) == word
		},
		func(o *operation) bool { // POST /keys/{id}/revoke, POST /keys/{id}:revoke
			return o.method != "GET" && acts(lastWord(o.path), endWords) && strings.HasPrefix(shape(o.path), shape(collection)+"/{")
		},
		func(o *operation) bool { // DELETE /keys?id=…
			return o.method == "DELETE" && shape(o.path) == shape(collection)
		},
		func(o *operation) bool { // POST /keys/revoke, POST /token/revoke beside /token/create
			return o.method == "POST" && acts(lastWord(o.path), endWords) &&
				(parent(o.path) == shape(collection) || parent(o.path) == parent(collection))
		},
	} {
		if i := slices.IndexFunc(all, func(o *operation) bool { return o != maker && fits(o) }); i >= 0 {
			return all[i]
		}
	}
	return nil
}

// listOf is the operation that lists what maker makes; nil where none is found.
func listOf(maker *operation, all []*operation) *operation {
	word := lastWord(maker.path)
	for _, fits := range []func(o *operation) bool{
		func(o *operation) bool { return shape(o.path) == shape(maker.path) },
		func(o *operation) bool { return endsInParameter(maker.path) && shape(o.path) == parent(maker.path) },
		// What is listed below another parent, which the maker does not know, is another thing.
		func(o *operation) bool {
			return !endsInParameter(o.path) && lastWord(o.path) == word && isWithin(o.path, maker.path)
		},
	} {
		i := slices.IndexFunc(all, func(o *operation) bool {
			return o.method == "GET" && fits(o) && len(listsIn(answerOf(o.Operation))) > 0
		})
		if i >= 0 {
			return all[i]
		}
	}
	return nil
}

// isWithin reports whether the path needs no parameter that the other one lacks.
func isWithin(path, other string) bool {
	for _, segment := range segments(path) {
		if _, is := parameter(segment); is && !slices.Contains(segments(other), segment) {
			return false
		}
	}
	return true
}

// changeOf is the operation that changes what maker makes, and the place in its
// body of the key's end; nil where none is found that can move it.
func changeOf(maker, end *operation, all []*operation) *operation {
	for _, method := range []string{"PATCH", "PUT", "POST"} {
		for _, o := range all {
			if o == maker || end == nil || o.method != method || shape(o.path) != shape(end.path) {
				continue
			}
			if body, _ := bodyOf(o.Operation); body != nil && expiryIn(body) != nil {
				return o
			}
		}
	}
	return nil
}

var selfWords = regexp.MustCompile(`(?i)(^|/)(me|self|whoami|whoAmI|own-info|current_user|current|user|account|userinfo|lookup-self|verify|validate|key)$`)

// selfOf is a read that whoever signs in can make about himself; nil for none.
func selfOf(all []*operation) *operation {
	for _, o := range all {
		if o.method == "GET" && !strings.Contains(o.path, "{") && selfWords.MatchString(o.path) && !demandsQuery(o) {
			return o
		}
	}
	return nil
}

// plainRead is any read that needs nothing but a credential; nil for none.
func plainRead(all []*operation) *operation {
	for _, o := range all {
		open := o.Security != nil && len(*o.Security) == 0
		if o.method == "GET" && !strings.Contains(o.path, "{") && !open && !demandsQuery(o) {
			return o
		}
	}
	return nil
}

func demandsQuery(o *operation) bool {
	return slices.ContainsFunc(o.parameters(), func(p *openapi3.Parameter) bool { return p.Required && p.In == openapi3.ParameterInQuery })
}

// parameters are those of the operation and of its path.
func (o *operation) parameters() []*openapi3.Parameter {
	var all []*openapi3.Parameter
	for _, p := range slices.Concat(o.item.Parameters, o.Parameters) {
		if p.Value != nil {
			all = append(all, p.Value)
		}
	}
	return all
}

// shape is a path whose parameters have no names, and that does not end in a slash.
func shape(path string) string {
	all := segments(path)
	for i, segment := range all {
		if _, is := parameter(segment); is {
			all[i] = "{}"
		} else {
			all[i] = withoutKind(segment)
		}
	}
	return "/" + strings.Join(all, "/")
}

// parent is the shape of a path without its last segment.
func parent(path string) string {
	path = shape(path)
	return path[:strings.LastIndex(path, "/")]
}

// choose is the operation that makes the keys: the one that is named, or else the
// likeliest.
func choose(all []*operation, named string) (chosen *operation, others []*operation, err error) {
	if len(all) == 0 {
		return nil, nil, errors.New("the document has no operations: give the one that describes the provider's API, whole")
	}
	if named != "" {
		i := slices.IndexFunc(all, func(o *operation) bool {
			return strings.EqualFold(o.String(), named) || o.path == named && o.method == "POST"
		})
		if i < 0 {
			return nil, nil, fmt.Errorf("the document has no operation %q; write one as it does, such as %q", named, likely(all))
		}
		return all[i], nil, nil
	}
	found := makers(all)
	if len(found) == 0 {
		return nil, nil, fmt.Errorf("none of the document's %d operations looks like one that makes a key; name it with --keys %q", len(all), "POST /v1/keys")
	}
	return found[0], found[1:], nil
}

// likely is an operation of the document, as it is to be written: one that seems to make
// keys where there is one.
func likely(all []*operation) *operation {
	if found := makers(all); len(found) > 0 {
		return found[0]
	}
	return all[0]
}
