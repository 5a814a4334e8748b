package providers

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"slices"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// Targets stand for what revoking a key removes, as far as the key's handle tells, one for
// each thing: two handles of one account that have a target in common cannot be revoked
// apart. There is none where each key has its own, since revoke names the key by the name
// that only it has, and where a handle does not tell.
func Targets(d *Definition, h Handle) []uint64 {
	var told []map[string]any
	for _, by := range d.Required.Ending {
		if one := toldBy(by, h); one != nil {
			told = append(told, one)
		}
	}
	var targets []uint64
	for _, one := range told {
		// What names more than another request does is the same wherever that is.
		implied := func(other map[string]any) bool { return len(other) < len(one) && isPartOf(other, one) }
		target := hashOf(one)
		if target != 0 && !slices.Contains(targets, target) && !slices.ContainsFunc(told, implied) {
			targets = append(targets, target)
		}
	}
	return targets
}

// toldBy are the values of a handle by which a request names what it ends; nil where they
// name nothing that another handle could name, too.
func toldBy(by definition.Naming, h Handle) map[string]any {
	if by.Key["name"] {
		return nil
	}
	saved, secret, told := by.Saved.Pick(h.Saved), Values(nil), map[string]any{}
	if !by.Key["id"] {
		secret = by.Secret.Pick(h.Secret)
	} else if h.ID != "" {
		told["id"] = h.ID
	}
	if len(told) == 0 && len(saved) == 0 && len(secret) == 0 {
		return nil
	}
	for of, values := range map[string]Values{"saved.": saved, "secret.": secret, "role.": by.Role.Pick(h.Role), "connection.": by.Connection.Pick(h.Connection)} {
		for name, value := range values {
			told[of+name] = value
		}
	}
	return told
}

// isPartOf reports whether all that is told of a handle is among what else is told of it.
func isPartOf(part, whole map[string]any) bool {
	for name := range part {
		if _, ok := whole[name]; !ok {
			return false
		}
	}
	return true
}

// hashOf is 0 for values that no text can be made of.
func hashOf(told map[string]any) uint64 {
	text, err := json.Marshal(told) // in the order of the names
	if err != nil {
		return 0
	}
	hash := fnv.New64a()
	_, _ = hash.Write(text)
	return max(hash.Sum64(), 1)
}

// NamedBy are the values by which revoke names a key to its provider: its id and
// what issue saved.
func NamedBy(d *Definition, h Handle) []string {
	by := d.Required.Revoking
	named := textsOf(by.Saved.Pick(h.Saved))
	if h.ID != "" {
		named = append(named, h.ID)
	}
	return named
}

// RevokesWithName reports whether revoke needs a key's name, be it for a password that is made
// of it.
func RevokesWithName(d *Definition) bool { return d.Required.Revoking.Key["name"] }

// TextOf is a text or a number among Values as text; false for what is neither.
func TextOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// textsOf are the values that are texts or numbers, as texts.
func textsOf(values Values) []string {
	var texts []string
	for _, name := range expr.SortedNames(values) {
		if text, ok := TextOf(values[name]); ok && text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// Spare asks whether somebody else relies on what is about to be removed because
// the call that made it failed: on anything that the provider knows by one of these
// values, which the answer told. An answer may name what was there before. Nil
// spares nothing.
type Spare func(ctx context.Context, named []string) (bool, error)

func (ask Spare) spares(ctx context.Context, named []string) (bool, error) {
	if ask == nil || len(named) == 0 {
		return false, nil
	}
	return ask(ctx, named)
}

// namedByUndo are the values of its own answer by which a step's undo names what it
// removes.
func namedByUndo(step *definition.Call, saved Values) []string {
	mentioned := expr.ReferencesTo("saved", step.Undo.Expressions()...)
	for name := range mentioned {
		if expr.Find(step.AllSaved(), name) == nil {
			delete(mentioned, name)
		}
	}
	return textsOf(mentioned.Pick(saved))
}
