package providers

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

//go:embed catalog
var catalog embed.FS

// verified says in short what holds each definition of the catalog, and of when that is.
// `make docs` writes it from what the tests hold them against.
//
//go:embed verified.json
var verified []byte

var verifications = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	if err := json.Unmarshal(verified, &found); err != nil {
		panic("providers: verified.json: " + err.Error())
	}
	return found
})

// ErrNotBuiltIn means that the catalog has no definition of that name.
var ErrNotBuiltIn = errors.New("no such built-in provider")

// builtIns holds one entry per catalog file; each is parsed when first asked
// for, since a mount uses a handful of them.
var builtIns = sync.OnceValue(func() map[string]func() (*Definition, error) {
	files, err := fs.Glob(catalog, "catalog/*.hcl")
	if err != nil {
		panic("providers: " + err.Error())
	}
	entries := make(map[string]func() (*Definition, error), len(files))
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".hcl")
		entries[name] = sync.OnceValues(func() (*Definition, error) { return parseBuiltIn(file, name) })
	}
	return entries
})

func parseBuiltIn(file, name string) (*Definition, error) {
	src, err := catalog.ReadFile(file)
	if err != nil {
		return nil, err
	}
	d, err := Parse(path.Base(file), src)
	if err != nil {
		return nil, err
	}
	if d.Name != name {
		return nil, fmt.Errorf("%s describes provider %q: file and provider must have one name", path.Base(file), d.Name)
	}
	d.Verified = verifications()[name]
	return d, nil
}

// BuiltIn names the definitions of the catalog, sorted.
func BuiltIn() []string {
	return expr.SortedNames(builtIns())
}

// Load is the built-in definition of that name, or ErrNotBuiltIn.
func Load(name string) (*Definition, error) {
	parse, ok := builtIns()[name]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrNotBuiltIn, name)
	}
	return parse()
}

// Variable is the environment variable by which a field of a provider's is given to the
// tool for definitions and to the commands in docs/providers, such as OPENAI_ADMIN_KEY. The
// vault command reads those that begin with VAULT_ as its own, so theirs begin with TARGET_.
func Variable(provider, field string) string {
	variable := strings.ToUpper(strings.ReplaceAll(provider+"_"+field, "-", "_"))
	if strings.HasPrefix(variable, "VAULT_") {
		return "TARGET_" + variable
	}
	return variable
}
