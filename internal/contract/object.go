package contract

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// object is a thing that a request made: a key, an account, …
type object struct {
	// address is the concrete path of the request that made it, and path what of that
	// names the place that it was made in.
	address, path string
	// kinds are what the last words of that path call such a thing, and within the
	// things that the path named, by what it called them: {"projects": "7"}.
	kinds  []string
	within map[string]string
	// fields are what was sent and answered, by the name of the property; of
	// equal names the outermost counts, as depths remembers.
	fields map[string]any
	depths map[string]int
	// made are the values that the server chose for it alone: its ids, and
	// its secrets.
	made []string
	// secret is the credential that the object is or has, "" for none.
	secret string
	// owner names the thing that it goes with, "" for none but those of its path.
	owner string
}

func newObject(path string) *object {
	return &object{path: path, fields: map[string]any{}, depths: map[string]int{}}
}

// learn takes in every property of value. It replaces what was known, unless
// that was known from further out.
func (o *object) learn(value any) {
	seen := newObject(o.path)
	seen.collect(value, 0)
	for name, depth := range seen.depths {
		if known, ok := o.depths[name]; !ok || depth <= known {
			o.fields[name], o.depths[name] = seen.fields[name], depth
		}
	}
}

// collect leaves the elements of arrays alone: they are other things.
func (o *object) collect(value any, depth int) {
	properties, _ := value.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if known, ok := o.depths[name]; !ok || depth < known {
			o.fields[name], o.depths[name] = properties[name], depth
		}
		o.collect(properties[name], depth+1)
	}
}

// isSomebodyElses reports whether a property is known from within what was sent alone,
// where it is about something that the request names.
func (o *object) isSomebodyElses(name string) bool {
	value, _ := scalarText(o.fields[name])
	return o.depths[name] > 0 && !o.is(value)
}

// has reports whether one of its properties has this value.
func (o *object) has(value string) bool {
	for _, property := range o.fields {
		if text, ok := scalarText(property); ok && text == value {
			return true
		}
	}
	return false
}

func (o *object) is(name string) bool { return name != "" && slices.Contains(o.made, name) }

// shares reports whether a schema has a property of the object, but for those of the
// elements of its lists.
func (o *object) shares(s *openapi3.Schema, depth int) bool {
	if s == nil || depth > shallow {
		return false
	}
	properties, _ := propertiesOf(s)
	for name, property := range properties {
		if _, known := o.fields[name]; known || o.shares(property, depth+1) {
			return true
		}
	}
	return false
}

// first follows a name in a place where it is a list, of which the first element is meant:
// "tokens[0].value".
const first = "[0]"

// at is the text at a place of an answer, such as "data.token"; "" for none.
func at(value any, place string) string {
	for step := range strings.SplitSeq(place, ".") {
		name, isList := strings.CutSuffix(step, first)
		object, _ := value.(map[string]any)
		value = object[name]
		if list, _ := value.([]any); isList && len(list) > 0 {
			value = list[0]
		}
	}
	text, _ := value.(string)
	return text
}

// texts are all strings and numbers within value, as text.
func texts(value any) []string {
	var found []string
	switch value := value.(type) {
	case map[string]any:
		for _, property := range value {
			found = append(found, texts(property)...)
		}
	case []any:
		for _, element := range value {
			found = append(found, texts(element)...)
		}
	default:
		if text, ok := scalarText(value); ok {
			found = append(found, text)
		}
	}
	return found
}

func scalarText(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case int64:
		return strconv.FormatInt(value, 10), true
	case int:
		return strconv.Itoa(value), true
	case interface{ String() string }: // json.Number
		return value.String(), true
	}
	return "", false
}
