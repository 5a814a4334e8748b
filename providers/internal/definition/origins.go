package definition

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// An origin is a place from which a value came: "2:body.key" in the answer of
// the third step, or "connection.admin_key". Two values of one origin are, or
// contain, the same text.

// savedOrigins are the origins of every saved value.
func (d *Definition) savedOrigins() map[string][]string {
	origins := map[string][]string{}
	for i, step := range d.Issue.Calls {
		origins[eachOrigin] = originsOf(step.ForEach, i-1, origins)
		for _, member := range step.AllSaved() {
			origins[member.Name] = originsOf(member.Expr, i, origins)
		}
	}
	for _, member := range d.Issue.Save {
		origins[member.Name] = originsOf(member.Expr, len(d.Issue.Calls)-1, origins)
	}
	return origins
}

// eachOrigin stands among the saved values for each.*, which is no name of one.
const eachOrigin = "each.*"

// originsOf are the places that an expression draws on, evaluated after the
// given step.
func originsOf(expression hclsyntax.Expression, step int, saved map[string][]string) []string {
	var found []string
	for _, one := range expr.ReferencesIn(expression) {
		switch one.Root {
		case "saved":
			found = append(found, saved[one.Attribute]...)
		case "each":
			found = append(found, saved[eachOrigin]...)
		case "candidate":
			found = append(found, "candidate."+one.Attribute)
		case "connection":
			found = append(found, "connection."+one.Attribute)
		case "body", "headers":
			found = append(found, fmt.Sprintf("%d:%s", step, expr.TraversalText(one.Traversal)))
		}
	}
	return found
}

func cutConnection(origin string) (string, bool) { return strings.CutPrefix(origin, "connection.") }

// overlap reports whether one origin is, or contains, the other.
func overlap(a, b string) bool {
	within := func(inner, outer string) bool {
		rest, ok := strings.CutPrefix(inner, outer)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	}
	return within(a, b) || within(b, a)
}
