package contract

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// meaning is what an operation does to the things that the server keeps.
type meaning int

const (
	creates meaning = iota
	reads
	lists
	updates
	deletes
	nothing
)

// Words at the end of a path that say more than the method does.
var (
	deleteWords = []string{"revoke", "delete", "remove", "deactivate", "expire"}
	listWords   = []string{"list", "search", "query", "_query", "find"}
	updateWords = []string{"update", "renew", "extend", "edit"}
	createWords = []string{"create", "new", "add", "generate", "provision", "issue"}
)

// means is what the case says of the operation, or else what the last word of its
// path and its method do.
func (c *call) means() meaning {
	operation, word := c.operation(), c.lastWord()
	post := c.request.Method != http.MethodGet && c.request.Method != http.MethodDelete
	switch {
	case slices.Contains(c.rules.Deletes, operation):
		return deletes
	case c.asksWhoAmI():
		return reads
	case slices.Contains(c.rules.MakesNothing, operation):
		return nothing
	case slices.Contains(c.rules.Lists, operation):
		return lists
	case slices.Contains(c.rules.Updates, operation):
		return updates
	case c.request.Method == http.MethodDelete, post && slices.Contains(deleteWords, word):
		return deletes
	case post && slices.Contains(listWords, word):
		return lists
	case post && slices.Contains(updateWords, word):
		return updates
	case c.request.Method == http.MethodGet && c.onItem():
		return reads
	case c.request.Method == http.MethodGet:
		return lists
	case c.onItem():
		return updates
	}
	return creates
}

// lastWord is the last part of the path, which may follow a colon; empty for a
// parameter.
func (c *call) lastWord() string {
	path := strings.TrimSuffix(c.route.Path, "/")
	if word := strings.ToLower(path[strings.LastIndexAny(path, "/:")+1:]); !strings.HasSuffix(word, "}") {
		return word
	}
	return ""
}

// item is the thing that the request names: by the end of its path, else by a
// parameter before that, else by any value of its query or body. It is one that was
// made where the path says: /keys/7 is no administrator's key of the id 7.
func (c *call) item() *object {
	if c.asksWhoAmI() {
		return c.shownBy()
	}
	named := namedIn(c.route.Path, c.param)
	for i, one := range slices.Backward(named) {
		if found := c.findAs(one.value, named[:i], one.kind); found != nil {
			return found
		}
		if c.onItem() {
			c.tellMisplaced(one.value)
			return nil
		}
	}
	if one := c.madeAt(c.request.URL.Path); one != nil {
		return one
	}
	for _, value := range slices.Concat(texts(c.query()), texts(c.body)) {
		if found := c.findAs(value, named, kindsOf(c.route.Path)...); found != nil {
			return found
		}
	}
	return nil
}

// findAs is the thing of this name that was made as one of these kinds, and within
// the things that the path names around it.
func (c *call) findAs(name string, around []named, kinds ...string) *object {
	for _, o := range c.objectsOf(kinds, around) {
		if o.is(name) {
			return o
		}
	}
	return nil
}

// objectsOf are the things that were made as one of these kinds, or the one that the
// case names, and within the things that the path names around them.
func (c *call) objectsOf(kinds []string, around []named) []*object {
	if said := c.rules.Kinds[c.operation()]; said != "" {
		kinds = []string{said}
	}
	return slices.DeleteFunc(slices.Clone(c.objects), func(o *object) bool {
		return !slices.ContainsFunc(kinds, func(kind string) bool { return slices.Contains(o.kinds, kind) }) || o.isElsewhere(around)
	})
}

// tellMisplaced tells of what has the name and is another thing: the server cannot
// know that the provider finds it there too.
func (c *call) tellMisplaced(name string) {
	for _, o := range c.objects {
		if o.is(name) {
			c.violation(c.request, fmt.Errorf("%s was made at %s, so it is not found here; where the provider does find it, the case says so by kinds", name, o.path))
			return
		}
	}
}

// isElsewhere reports whether what a path names around the object is not what the path
// named that made it, as far as both name it.
func (o *object) isElsewhere(around []named) bool {
	return slices.ContainsFunc(around, func(one named) bool {
		made, ok := o.within[one.kind]
		return ok && made != one.value
	})
}

// named is a thing that a path names, and what it calls it: "keys", of /keys/{id}.
type named struct{ kind, value string }

// namedIn are the things that a path names, the last one last.
func namedIn(path string, valueOf func(parameter string) string) []named {
	var found []named
	kind := ""
	for segment := range strings.SplitSeq(path, "/") {
		word, rest, isNamed := strings.Cut(segment, "{")
		if !isNamed {
			kind = plainWord(word)
			continue
		}
		parameter, _, _ := strings.Cut(rest, "}")
		found = append(found, named{kind, valueOf(parameter)})
		kind += "/" // of the next one, if it follows at once
	}
	return found
}

// kindsOf is what a path that names no single thing calls those that it is about: its
// last word, and the one before, where the last may say what is done: /keys/revoke.
func kindsOf(path string) []string {
	var words []string
	for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if !strings.HasPrefix(segment, "{") {
			words = append(words, plainWord(segment))
		}
	}
	return words[max(0, len(words)-2):]
}

// plainWord is a word of a path without what may follow it: Keys.json, keys:search.
func plainWord(segment string) string {
	if end := strings.IndexAny(segment, ".:"); end > 0 {
		return segment[:end]
	}
	return segment
}

// answersSecret reports whether the answer to the operation has a key in it, so
// that it makes one.
func (c *call) answersSecret() bool {
	_, response := success(c.route.Operation)
	schema := jsonSchema(response)
	for step := range strings.SplitSeq(c.rules.Secret, ".") {
		if schema == nil || schema.Value == nil {
			return false
		}
		name, isList := strings.CutSuffix(step, first)
		properties, _ := propertiesOf(schema.Value)
		property := properties[name]
		if property == nil {
			return false
		}
		if schema = property.NewRef(); isList {
			schema = property.Items
		}
	}
	return true
}
