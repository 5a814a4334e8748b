// Package paths is the front of the engine: one file per Vault endpoint, each
// of which parses, validates and answers. It calls no provider itself and knows
// nothing of a key's life; both are the backend's.
package paths

import (
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/usererror"
)

// operationPrefix begins the id of every operation in the OpenAPI document.
const operationPrefix = "apikeys"

// All returns the endpoints of a mount. Factory makes the backend that they
// belong in: it refuses wrong input before they see it, and answers the
// mistakes that they return.
func All(e *backend.Engine) []*framework.Path {
	return slices.Concat(
		credsPaths(e), // first, since who asks most is matched with one after another
		providerPaths(e),
		definitionPaths(e),
		connectionPaths(e),
		checkPaths(e),
		resetPaths(e),
		rolePaths(e),
		staticRolePaths(e),
		staticCredsPaths(e),
		rotationPaths(e),
		keyPaths(e),
		leakedKeyPaths(e),
		queuePaths(e),
		reconcilePaths(e),
		ownershipPaths(e),
		infoPaths(e),
		metricsPaths(e),
	)
}

// nameField is the part of a path that names what the endpoint is about. shown is
// its title in user interfaces, and value what it may be.
func nameField(description, shown, value string) *framework.FieldSchema {
	return &framework.FieldSchema{
		Type:         framework.TypeString,
		Description:  description,
		Required:     true,
		DisplayAttrs: &framework.DisplayAttributes{Name: shown, Value: value, Identifier: true},
	}
}

// userErrorIn is the sentence for the sender, when err is one that they can mend.
func userErrorIn(err error) (string, bool) {
	var mend *usererror.Error
	if errors.As(err, &mend) {
		return err.Error(), true
	}
	return "", false
}

// patching is a write for what exists already: a patch never creates.
func patching(what string, exists framework.ExistenceFunc, write framework.OperationFunc) framework.OperationFunc {
	return func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
		found, err := exists(ctx, req, d)
		if err != nil {
			return nil, err
		}
		if !found {
			name, _ := d.Get("name").(string)
			return nil, usererror.Errorf("there is no %s %q to patch; write it to create it", what, name)
		}
		return write(ctx, req, d)
	}
}

// okResponse is the schema of an answer with these fields. A duration, which can be
// written in several ways, is answered as its seconds.
func okResponse(fields map[string]*framework.FieldSchema) map[int][]framework.Response {
	shown := map[string]*framework.FieldSchema{}
	for name, field := range fields {
		if field.Type == framework.TypeDurationSecond {
			seconds := *field
			seconds.Type = framework.TypeInt
			field = &seconds
		}
		shown[name] = field
	}
	return map[int][]framework.Response{200: {{Description: "OK", Fields: shown}}}
}

// emptyResponse is the schema of an empty answer.
func emptyResponse(description string) map[int][]framework.Response {
	return map[int][]framework.Response{204: {{Description: description}}}
}

// listResponse is the schema of a list whose entries come with key_info.
func listResponse(keys, info string) map[int][]framework.Response {
	return okResponse(map[string]*framework.FieldSchema{
		"keys":     {Type: framework.TypeStringSlice, Description: keys},
		"key_info": {Type: framework.TypeMap, Description: info},
	})
}
