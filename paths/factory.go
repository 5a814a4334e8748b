package paths

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-secure-stdlib/parseutil"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// Factory makes the mount's backend: the engine behind all its endpoints, with
// every request's input checked before the framework sees it. The framework
// ignores fields that it does not know, and what it says about a value of the
// wrong type quotes the value, which may be a credential.
func Factory(ctx context.Context, config *logical.BackendConfig) (logical.Backend, error) {
	return FactoryWith(backend.Options{})(ctx, config)
}

// FactoryWith makes the mount's backend as Factory does, with an engine in the
// given surroundings.
func FactoryWith(options backend.Options) logical.Factory {
	return func(ctx context.Context, config *logical.BackendConfig) (logical.Backend, error) {
		engine, err := backend.FactoryWith(All, options)(ctx, config)
		if err != nil {
			return nil, err
		}
		routes, ok := engine.(router)
		if !ok {
			return nil, fmt.Errorf("a backend of type %T cannot tell the endpoint of a request", engine)
		}
		return &front{Backend: engine, routes: routes}, nil
	}
}

// router finds the endpoint of a request; a framework.Backend is one.
type router interface {
	Route(path string) *framework.Path
}

// front is the engine as Vault sees it: it answers the sender's mistakes as
// such (HTTP 400), so that only faults are left as errors.
type front struct {
	logical.Backend
	routes router
}

// HandleRequest refuses unknown fields and values of the wrong type, each in
// one sentence, and passes everything else on.
func (f *front) HandleRequest(ctx context.Context, req *logical.Request) (*logical.Response, error) {
	growStack(len(req.Path))                      // the compiler must not know which byte is looked at
	if req.Operation == logical.RevokeOperation { // nobody sent it, and Vault is to see its errors
		return f.Backend.HandleRequest(ctx, req)
	}
	if path := f.routes.Route(req.Path); path != nil {
		if err := checkInput(path, req); err != nil {
			return logical.ErrorResponse("%s", err), nil
		}
	} else if endpoint, named := f.endpointOf(req.Path); named {
		return logical.ErrorResponse("%s/NAME: a name is of letters, digits, '_', '-' and '.', and begins and ends with a letter, a digit or '_'; write such a name", endpoint), nil
	}
	resp, err := f.Backend.HandleRequest(ctx, req)
	if req.Operation == logical.HelpOperation && resp != nil {
		documentQueries(resp.Data["openapi"])
	}
	if text, ok := userErrorIn(err); ok {
		return logical.ErrorResponse("%s", text), nil
	}
	return resp, err
}

// endpointOf is the endpoint of a path that would have one if its name were a name.
func (f *front) endpointOf(path string) (endpoint string, named bool) {
	endpoint, name, _ := strings.Cut(path, "/")
	return endpoint, name != "" && f.routes.Route(endpoint+"/name") != nil
}

// HandleExistenceCheck looks at the path alone. Vault asks before it checks
// policies, which is too early to tell the sender what is wrong with the input.
func (f *front) HandleExistenceCheck(ctx context.Context, req *logical.Request) (bool, bool, error) {
	bare := *req
	bare.Data = nil
	return f.Backend.HandleExistenceCheck(ctx, &bare)
}

// PluginVersion is what Vault shows as the running version.
func (f *front) PluginVersion() logical.PluginVersion {
	if versioned, ok := f.Backend.(logical.PluginVersioner); ok {
		return versioned.PluginVersion()
	}
	return logical.EmptyPluginVersion
}

// checkInput finds the first field, in alphabetical order, that the endpoint
// cannot take.
func checkInput(path *framework.Path, req *logical.Request) error {
	known, checks := fieldsFor(path, req.Operation)
	if !checks {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(req.Data)) {
		schema := known[name]
		switch {
		case schema != nil:
			if err := checkValue(name, schema, req.Data[name]); err != nil {
				return err
			}
		case path.TakesArbitraryInput && writes(req.Operation):
			// A field of the provider's, which its definition checks.
		default:
			return unknownField(name, bodyFields(known))
		}
	}
	return nil
}

// fieldsFor are the fields that an operation takes; false when its input is not
// the sender's.
func fieldsFor(path *framework.Path, operation logical.Operation) (map[string]*framework.FieldSchema, bool) {
	switch {
	case writes(operation):
		return path.Fields, true
	case operation == logical.ReadOperation, operation == logical.ListOperation, operation == logical.DeleteOperation:
		queried := maps.Clone(path.Fields)
		maps.DeleteFunc(queried, func(name string, schema *framework.FieldSchema) bool {
			return !schema.Query || !isQueriedBy(operation, name)
		})
		return queried, true
	}
	return nil, false
}

// forceField has a write or a deletion go ahead.
const forceField = "force"

// isQueriedBy tells whether the operation takes the query field: those that only look
// have nothing to go ahead with.
func isQueriedBy(operation logical.Operation, name string) bool {
	return name != forceField || operation == logical.DeleteOperation
}

// documentQueries has the OpenAPI document tell of each read's own query fields alone. The
// framework tells those of a deletion at the reads of its path too.
func documentQueries(openapi any) {
	document, is := openapi.(*framework.OASDocument)
	if !is {
		return
	}
	for _, path := range document.Paths {
		if path.Get == nil {
			continue
		}
		path.Get.Parameters = slices.DeleteFunc(path.Get.Parameters, func(p framework.OASParameter) bool {
			return !isQueriedBy(logical.ReadOperation, p.Name)
		})
	}
}

func writes(operation logical.Operation) bool {
	return operation == logical.CreateOperation || operation == logical.UpdateOperation || operation == logical.PatchOperation
}

// bodyFields are the names of the fields to offer, sorted: those in the path
// itself are given there.
func bodyFields(fields map[string]*framework.FieldSchema) []string {
	var names []string
	for name, schema := range fields {
		if !inPath(schema) && !isShownOnly(schema) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// isShownOnly tells whether the field is a part of answers that a write passes
// over.
func isShownOnly(schema *framework.FieldSchema) bool {
	return schema.DisplayAttrs != nil && schema.DisplayAttrs.Group == stateGroup
}

// inPath tells whether the field is part of the request's path.
func inPath(schema *framework.FieldSchema) bool {
	return schema.DisplayAttrs != nil && schema.DisplayAttrs.Identifier
}

// unknownField names the field to write instead, in the words that a
// definition uses for its own fields.
func unknownField(name string, known []string) error {
	if near := providers.Nearest(name, known); near != "" {
		return usererror.Errorf("unknown field %q: did you mean %q?", name, near)
	}
	if len(known) == 0 {
		return usererror.Errorf("unknown field %q: there are none here; leave it out", name)
	}
	return usererror.Errorf("unknown field %q: what can be written here is %s", name, strings.Join(known, ", "))
}

// checkValue holds a value against its field's type. The sentence never quotes
// the value. Null and the empty string stand for the default of any field.
func checkValue(name string, schema *framework.FieldSchema, raw any) error {
	if isEmpty(raw) {
		return nil
	}
	value, err := valueOf(name, schema, raw)
	switch schema.Type {
	case framework.TypeDurationSecond:
		return checkDuration(name, raw)
	case framework.TypeString:
		if !isText(raw) {
			return usererror.Errorf("%s must be a string", name)
		}
	case framework.TypeBool:
		if err != nil {
			return usererror.Errorf("%s must be true or false", name)
		}
	case framework.TypeInt:
		if err != nil {
			return usererror.Errorf("%s must be a whole number", name)
		}
	case framework.TypeFloat:
		if err != nil {
			return usererror.Errorf("%s must be a number", name)
		}
	case framework.TypeCommaStringSlice:
		if err != nil {
			return usererror.Errorf("%s must be a list of strings, or one string with commas between", name)
		}
	default:
		if err != nil {
			return usererror.Errorf("%s must be a %s", name, schema.Type)
		}
	}
	return checkLength(name, value)
}

// checkDuration refuses what would be cut to whole seconds or wrap around
// unnoticed.
func checkDuration(name string, raw any) error {
	longest := longest(name)
	tooLong := usererror.Errorf("%s must be at most %d seconds (%s)", name, inSeconds(longest), longest)
	if seconds, err := parseutil.ParseInt(raw); err == nil && seconds > inSeconds(longest) {
		return tooLong // before it is multiplied
	}
	duration, err := parseutil.ParseDurationSecond(raw)
	switch {
	case err != nil:
		return usererror.Errorf(`%s must be a duration, such as "30m", "24h" or a number of seconds`, name)
	case duration < 0:
		return usererror.Errorf("%s must not be negative", name)
	case duration > longest:
		return tooLong
	case duration%time.Second != 0:
		return usererror.Errorf("%s must be whole seconds", name)
	}
	return nil
}

// isText tells whether raw is a string, or a number whose digits can stand for
// one.
func isText(raw any) bool {
	switch raw.(type) {
	case string, json.Number, int, int64, float64:
		return true
	}
	return false
}

// isEmpty tells whether raw asks for a field's default.
func isEmpty(raw any) bool { return raw == nil || raw == "" }
