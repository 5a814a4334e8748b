package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// writer makes values that a schema allows. What it knows of the object comes
// first, then the document's examples, then what the types allow.
type writer struct {
	server *Server
	// object is what the answer is about; nil for none.
	object *object
	// minting says that the answer is the object's birth: strings and ids
	// without a known value get one of their own.
	minting bool
	// naming says that the answer lists the object, which may be the first that tells
	// its id.
	naming bool
	// failing says that the answer is a refusal.
	failing bool
	// required are the properties that the whole demands of which this is a part.
	required []string
	// fill names component schemas for open parts, by place.
	fill map[string]string
}

// Documents may describe endless nesting: beyond shallow only what is required
// is made, beyond deepest nothing.
const shallow, deepest = 4, 12

// value makes a value for schema. name is the property that it is for, place
// where in the answer it stands, example what an enclosing example says.
func (w *writer) value(schema *openapi3.SchemaRef, name, place string, example any) any {
	if schema == nil || schema.Value == nil || strings.Count(place, ".") > deepest {
		return nil
	}
	if component := w.component(place); component != nil {
		return w.both(schema, component, name, place, example)
	}
	s := schema.Value
	if known, ok := w.known(s, name); ok {
		return known
	}
	example = exampleOf(s, example)
	switch {
	case s.Const != nil:
		return s.Const
	case len(s.Enum) > 0:
		return fromEnum(s, example)
	case len(s.AllOf) > 0:
		return w.all(s, name, place, example)
	case len(s.OneOf) > 0 && len(s.Properties) == 0:
		return w.value(firstReal(s.OneOf), name, place, example)
	case len(s.AnyOf) > 0 && len(s.Properties) == 0:
		return w.value(firstReal(s.AnyOf), name, place, example)
	case isObject(s):
		return w.properties(s, place, example)
	case s.Type.Includes("array"):
		return w.array(s, place, example)
	default:
		return w.scalar(s, name, example)
	}
}

// component is the schema that the case names for this place.
func (w *writer) component(place string) *openapi3.SchemaRef {
	name, document := w.fill[place], w.server.document
	if name == "" || document.Components == nil {
		return nil
	}
	return document.Components.Schemas[name]
}

// both makes what the document says of an open place, and what the case adds.
func (w *writer) both(open, component *openapi3.SchemaRef, name, place string, example any) any {
	inner := *w
	inner.fill = maps.Clone(w.fill)
	delete(inner.fill, place)
	return inner.all(&openapi3.Schema{AllOf: openapi3.SchemaRefs{component, open}}, name, place, example)
}

// known is what was sent for, or first answered about, a property of this name.
// An object is put together anew, since its properties may have changed.
func (w *writer) known(s *openapi3.Schema, name string) (any, bool) {
	if always, ok := w.server.rules.Always[name]; ok && !w.failing {
		return always, true
	}
	if w.object == nil || name == "" || w.minting && name == "id" && w.object.isSomebodyElses(name) {
		return nil, false
	}
	if properties, _ := propertiesOf(s); len(properties) > 0 || len(s.Required) > 0 {
		return nil, false
	}
	value, ok := w.object.fields[name]
	if other, alias := w.server.rules.Aliases[name]; !ok && alias {
		value, ok = w.object.fields[other]
	}
	return value, ok && value != nil && w.server.valid(s, value)
}

func (w *writer) all(s *openapi3.Schema, name, place string, example any) any {
	merged := map[string]any{}
	inner := *w
	inner.required = slices.Concat(w.required, s.Required)
	for _, part := range s.AllOf { // what one part names, another may demand
		if part.Value != nil {
			inner.required = append(inner.required, part.Value.Required...)
		}
	}
	for _, part := range s.AllOf {
		value := inner.value(part, name, place, example)
		object, ok := value.(map[string]any)
		if !ok && value != nil {
			return value
		}
		mergeInto(merged, object)
	}
	if own, ok := w.properties(s, place, example).(map[string]any); ok {
		mergeInto(merged, own)
	}
	return merged
}

// mergeInto adds the properties of from to into; of objects that both have, each may say
// a part.
func mergeInto(into, from map[string]any) {
	for name, value := range from {
		part, isPart := value.(map[string]any)
		whole, isWhole := into[name].(map[string]any)
		if isPart && isWhole {
			mergeInto(whole, part)
			continue
		}
		into[name] = value
	}
}

func (w *writer) properties(s *openapi3.Schema, place string, example any) any {
	examples, _ := example.(map[string]any)
	object := map[string]any{}
	required := slices.Concat(s.Required, w.required)
	inner := *w
	inner.required = nil
	w = &inner
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		property := s.Properties[name]
		if property.Value == nil || property.Value.WriteOnly {
			continue
		}
		if slices.Contains(required, name) && isEnding(name) && nullable(property.Value) && !w.failing {
			object[name] = nil
		} else if slices.Contains(required, name) {
			object[name] = w.value(property, name, within(place, name), examples[name])
		} else if w.server.needed != nil && !w.server.needed[name] {
			if nullable(property.Value) {
				object[name] = nil
			}
		} else if value := w.optional(property, name, within(place, name), examples[name]); value != nil {
			object[name] = value
		}
	}
	return object
}

// endings are names, without what conventions add, of dates that a living key does
// not have.
var endings = []string{"revoked", "deleted", "disabled", "archived", "cancelled", "canceled", "deactivated", "suspended"}

// isEnding reports whether a property is a date at which something has ended.
func isEnding(name string) bool {
	name = strings.ToLower(strings.ReplaceAll(name, "_", ""))
	return slices.ContainsFunc(endings, func(ending string) bool {
		rest, ok := strings.CutPrefix(name, ending)
		return ok && slices.Contains([]string{"at", "on", "date", "time"}, rest)
	})
}

// nullable reports whether a property may be null.
func nullable(s *openapi3.Schema) bool { return s.Nullable || s.Type.Includes("null") }

// optional makes what may be left out, and leaves it out where it cannot be
// made as the schema wants it.
func (w *writer) optional(property *openapi3.SchemaRef, name, place string, example any) any {
	if strings.Count(place, ".") > shallow || !w.failing && isEnding(name) {
		return nil
	}
	value := w.value(property, name, place, example)
	if value == nil || !w.server.valid(property.Value, value) {
		return nil
	}
	return value
}

func within(place, name string) string {
	if place == "" {
		return name
	}
	return place + "." + name
}

// array holds an example's elements, or as many as the schema demands, and one at least where
// the new key stands in it.
func (w *writer) array(s *openapi3.Schema, place string, example any) any {
	elements, ok := example.([]any)
	holdsSecret := w.minting && strings.HasPrefix(w.server.rules.Secret, place+first)
	if ok && !holdsSecret && w.server.valid(s, elements) {
		return elements
	}
	fewest := s.MinItems
	if holdsSecret {
		fewest = max(fewest, 1)
	}
	made := make([]any, 0, fewest)
	for range fewest {
		made = append(made, w.value(s.Items, "", place+"[]", nil))
	}
	return made
}

// affirmations are names of properties by which an answer says yes or no.
var affirmations = []string{"success", "ok", "deleted", "enabled", "active", "loggedIn"}

func (w *writer) scalar(s *openapi3.Schema, name string, example any) any {
	if example == nil {
		example = s.Default
	}
	switch {
	case s.Type.Includes("boolean"):
		if slices.Contains(affirmations, name) {
			return !w.failing
		}
		value, _ := example.(bool)
		return value
	case s.Type.Includes("integer"), s.Type.Includes("number"):
		return w.number(s, name, example)
	case s.Type.Includes("string"):
		return w.text(s, name, example)
	default:
		return example
	}
}

// number is unique where its name says that it is an id.
func (w *writer) number(s *openapi3.Schema, name string, example any) any {
	if w.minting && isID(name) || w.firstTells(name) {
		number := w.server.next()
		w.object.made = append(w.object.made, fmt.Sprint(number))
		w.remember(name, number)
		return number
	}
	if example != nil && w.server.valid(s, example) {
		return example
	}
	switch {
	case s.Format == "unixtime" || strings.HasPrefix(name, "created"), name == "creation", tellsTime(name):
		return w.server.born.Unix()
	case strings.HasPrefix(name, "expir"):
		return w.server.born.Add(time.Hour).Unix()
	case s.Min != nil:
		return *s.Min
	}
	return 0
}

// firstTells reports whether a list is to tell the object's own id, of which its
// birth has told nothing.
func (w *writer) firstTells(name string) bool {
	if !w.naming || !isID(name) {
		return false
	}
	if name != "id" && slices.ContainsFunc(slices.Collect(maps.Keys(w.object.fields)), isID) {
		return false // it has one already, and this is another thing's
	}
	_, known := w.object.fields[name]
	return !known
}

// remember keeps an id that a list has told, for the next one.
func (w *writer) remember(name string, value any) {
	if w.naming {
		w.object.learn(map[string]any{name: value})
	}
}

func isID(name string) bool {
	return name == "id" || strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "ID")
}

// text is unique in an object's first answer, unless the format or the example
// says that it is a date, an address or the like: ids and secrets are strings
// of no format, and nothing else tells them from other strings.
func (w *writer) text(s *openapi3.Schema, name string, example any) any {
	text, _ := example.(string)
	switch {
	case w.minting && w.isSecret(name) && s.Format == "":
		// An example that looks like a time is none.
	case isTime(s, text), text == "" && s.Format == "" && tellsTime(name):
		return w.server.born.Format(time.RFC3339)
	case isZoneless(text):
		return w.server.born.Format(zoneless)
	case s.Format == "date":
		return w.server.born.Format(time.DateOnly)
	case s.Format == "uri" || s.Format == "url":
		return "https://provider.example/" + name
	case s.Format == "email":
		return name + "@provider.example"
	case !w.minting && !w.firstTells(name) && text != "" && w.server.valid(s, text):
		return text
	}
	unique := distinct(s, name, text, w.server.next())
	if !w.server.valid(s, unique) && s.Pattern != "" {
		unique = matching(s.Pattern, w.server.next())
	}
	if !w.server.valid(s, unique) {
		return text
	}
	if w.minting || w.firstTells(name) {
		w.object.made = append(w.object.made, unique)
		w.remember(name, unique)
	}
	return unique
}

// isSecret reports whether a property has the name of the one that is the key.
func (w *writer) isSecret(name string) bool {
	return name != "" && (w.server.rules.Secret == name || strings.HasSuffix(w.server.rules.Secret, "."+name))
}

// tellsTime reports whether a property is a time by its name: created_at, last_used, lastUsed.
func tellsTime(name string) bool {
	return strings.HasSuffix(name, "_at") || strings.HasPrefix(strings.ToLower(strings.ReplaceAll(name, "_", "")), "lastused")
}

func isTime(s *openapi3.Schema, example string) bool {
	_, err := time.Parse(time.RFC3339, example)
	return s.Format == "date-time" || err == nil
}

// zoneless is a time in UTC that does not say so.
const zoneless = "2006-01-02T15:04:05"

func isZoneless(example string) bool {
	_, err := time.Parse(zoneless, example)
	return err == nil
}

// distinct is example with a number for its end, of the same length where it
// can be.
func distinct(s *openapi3.Schema, name, example string, number int64) string {
	if s.Format == "uuid" {
		return fmt.Sprintf("00000000-0000-4000-8000-%012d", number)
	}
	digits := fmt.Sprintf("%04d", number)
	if len(example) > 2*len(digits) {
		return example[:len(example)-len(digits)] + digits
	}
	if example == "" {
		example = name
	}
	text := example + "-" + digits
	if lacking := int(s.MinLength) - len(text); lacking > 0 {
		text = strings.Repeat("0", lacking) + text
	}
	return text
}

// exampleOf is the schema's own example, else what an enclosing one says.
func exampleOf(s *openapi3.Schema, enclosing any) any {
	switch {
	case enclosing != nil:
		return enclosing
	case s.Example != nil:
		return s.Example
	case len(s.Examples) > 0:
		return s.Examples[0]
	}
	return nil
}

func fromEnum(s *openapi3.Schema, example any) any {
	for _, allowed := range s.Enum {
		if example != nil && fmt.Sprint(allowed) == fmt.Sprint(example) {
			return allowed
		}
	}
	for _, allowed := range s.Enum {
		if allowed != nil {
			return allowed
		}
	}
	return nil
}

// firstReal is the first alternative that is more than null.
func firstReal(alternatives openapi3.SchemaRefs) *openapi3.SchemaRef {
	for _, alternative := range alternatives {
		if alternative.Value != nil && !alternative.Value.Type.Is("null") {
			return alternative
		}
	}
	return alternatives[0]
}

func isObject(s *openapi3.Schema) bool { return s.Type.Includes("object") || len(s.Properties) > 0 }
