package providers

import (
	"context"
	"encoding/json"
	"hash/fnv"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// Target stands for what revoking a key removes, as far as the key's handle tells:
// two handles of one account with the same target cannot be revoked apart. It is 0
// where each key has its own, since revoke names the key by the name that only it
// has, and where a handle does not tell.
func Target(d *Definition, h Handle) uint64 {
	by := d.Required.Revoking
	if by.Key["name"] {
		return 0
	}
	told := struct {
		ID                              string
		Role, Connection, Saved, Secret Values
	}{Role: by.Role.Pick(h.Role), Connection: by.Connection.Pick(h.Connection), Saved: by.Saved.Pick(h.Saved)}
	if by.Key["id"] {
		told.ID = h.ID
	} else {
		told.Secret = by.Secret.Pick(h.Secret)
	}
	if told.ID == "" && len(told.Saved) == 0 && len(told.Secret) == 0 {
		return 0
	}
	text, err := json.Marshal(told)
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
