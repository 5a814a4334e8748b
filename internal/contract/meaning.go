package contract

import (
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
// parameter before that, else by any value of its query or body.
func (c *call) item() *object {
	if c.asksWhoAmI() {
		return c.shownBy()
	}
	if c.onItem() {
		return c.find(c.lastParam())
	}
	for _, value := range slices.Concat(c.paramsBackward(), texts(c.query()), texts(c.body)) {
		if found := c.find(value); found != nil {
			return found
		}
	}
	return nil
}

// paramsBackward are the values of the path's parameters, the last one first.
func (c *call) paramsBackward() []string {
	var values []string
	for segment := range strings.SplitSeq(c.route.Path, "/") {
		if _, name, ok := strings.Cut(segment, "{"); ok {
			name, _, _ = strings.Cut(name, "}")
			values = append(values, c.param(name))
		}
	}
	slices.Reverse(values)
	return values
}

// answersSecret reports whether the answer to the operation has a key in it, so
// that it makes one.
func (c *call) answersSecret() bool {
	_, response := success(c.route.Operation)
	schema := jsonSchema(response)
	for name := range strings.SplitSeq(c.rules.Secret, ".") {
		if schema == nil || schema.Value == nil {
			return false
		}
		properties, _ := propertiesOf(schema.Value)
		property := properties[name]
		if property == nil {
			return false
		}
		schema = property.NewRef()
	}
	return true
}
