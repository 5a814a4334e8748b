package paths

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
)

func checkPaths(e *backend.Engine) []*framework.Path {
	c := checkEndpoint{e}
	check := &framework.PathOperation{
		Callback:  c.check,
		Summary:   "Ask the provider whether a connection's credential works.",
		Responses: emptyResponse("The provider accepts the credential."),
	}
	return []*framework.Path{{
		Pattern: "check/" + framework.GenericNameRegex("name"),
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationVerb:   "check",
			OperationSuffix: "connection",
			Action:          "Check",
		},
		Fields: map[string]*framework.FieldSchema{"name": nameField("Name of the connection.", "Connection", "box")},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: check,
		},
		HelpSynopsis: "Ask the provider whether a connection's credential works.",
		HelpDescription: `
Sends one harmless read to the provider, as verify_connection does when a connection is written.
Nothing is changed; a failure says what the provider answered.`,
	}}
}

type checkEndpoint struct{ engine *backend.Engine }

func (c checkEndpoint) check(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return nil, c.engine.CheckConnection(ctx, req.Storage, d.Get("name").(string))
}
