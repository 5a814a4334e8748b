package providers

import (
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// Grant is what a provider says that a new key may do. Its zero value says nothing.
type Grant struct {
	// Told are the role fields that the answer told of, as it told them.
	Told Values
	// More is what the key got and was not asked for, and Less what was asked for and it
	// did not get: "FIELD VALUE" each, in order. A value that is another one than was asked
	// for is in both.
	More, Less []string
}

// readGrant compares what the answer tells with the role's parameters. What it does not
// tell, or not in a way that can be read, is not compared, and neither is what the role
// leaves to the provider.
func (m *minting) readGrant() Grant {
	var g Grant
	if len(m.c.def.Issue.Granted) == 0 {
		return g
	}
	role, _ := m.scope.Names["role"].Unmark()
	for _, member := range m.c.def.Issue.Granted {
		told, err := m.scope.Reading(expr.AbsentIsUnknown).Evaluate(member.Expr)
		got, open := partsOf(told)
		if err != nil || !open || told.IsNull() || slices.ContainsFunc(got, m.scope.Secrets.Within) {
			continue // what is kept of it is kept in the open
		}
		if lengthOf(got) <= longestGrant {
			if g.Told == nil {
				g.Told = Values{}
			}
			g.Told[member.Name] = expr.FromCty(told)
		}
		if want := role.GetAttr(member.Name); !want.IsNull() {
			if asked, _ := partsOf(want); !slices.Equal(got, asked) {
				g.More = append(g.More, m.beyond(member.Name, got, asked)...)
				g.Less = append(g.Less, m.beyond(member.Name, asked, got)...)
			}
		}
	}
	slices.Sort(g.More)
	slices.Sort(g.Less)
	return g
}

const (
	// longestGrant bounds what is kept of a field beside the key, in bytes.
	longestGrant = 64 << 10
	// mostBeyond bounds how much is told of what one value has and another one has not.
	mostBeyond = 100
)

func lengthOf(parts []string) int {
	length := 0
	for _, part := range parts {
		length += len(part) + 1
	}
	return length
}

// beyond is what one value has and another one has not, each once, as it may be shown. It
// compares without regard to upper and lower case: providers change that.
func (m *minting) beyond(field string, parts, other []string) []string {
	there := map[string]bool{}
	for _, part := range other {
		there[strings.ToLower(part)] = true
	}
	var extra []string
	for _, part := range parts {
		folded := strings.ToLower(part)
		if there[folded] {
			continue
		}
		there[folded] = true
		if extra = append(extra, m.scope.Secrets.Clean(field+" "+part)); len(extra) == mostBeyond {
			break
		}
	}
	return extra
}

// partsOf are the texts by which two values are compared: of a list its elements, of an
// object its members, and else the whole. It is false where something in it is not known, or
// secret.
func partsOf(value cty.Value) (parts []string, open bool) {
	switch {
	case value.IsMarked() || !value.IsKnown():
		return nil, false
	case value.IsNull():
		return nil, true
	case !value.CanIterateElements():
		text, _ := expr.TextOf(value)
		return []string{text}, true
	}
	named := expr.HasNames(value)
	for it := value.ElementIterator(); it.Next(); {
		name, element := it.Element()
		if text, ok := expr.TextOf(element); ok && !named && !element.IsMarked() {
			parts = append(parts, text)
			continue
		}
		inner, open := partsOf(element)
		switch {
		case !open:
			return nil, false
		case named:
			for _, part := range inner {
				parts = append(parts, name.AsString()+"="+part)
			}
		default:
			parts = append(parts, strings.Join(inner, " "))
		}
	}
	return parts, true
}
