package paths

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

func resetPaths(e *backend.Engine) []*framework.Path {
	r := resetEndpoint{e}
	return []*framework.Path{{
		Pattern: "reset/" + framework.GenericNameRegex("name"),
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationVerb:   "reset",
			OperationSuffix: "connection",
			Action:          "Reset",
		},
		Fields: map[string]*framework.FieldSchema{"name": nameField("Name of the connection.", "Connection", "box")},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:                    r.reset,
				Summary:                     "Drop a connection's open network connections and its memory of failures.",
				Responses:                   emptyResponse("The connection starts afresh."),
				ForwardPerformanceStandby:   true,
				ForwardPerformanceSecondary: true,
			},
		},
		HelpSynopsis: "Make a connection start afresh.",
		HelpDescription: `
After several failures the engine leaves a provider alone for a while. Reset ends that at once: the
next request opens a new network connection with the settings as they are stored. Keys and leases
are untouched.`,
	}}
}

type resetEndpoint struct{ engine *backend.Engine }

func (r resetEndpoint) reset(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	connection, err := r.engine.Connection(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	if connection == nil {
		return nil, unknownConnection(ctx, r.engine, req.Storage, name)
	}
	r.engine.ResetByHand(name)
	return nil, nil
}

// unknownConnection says which connections there are instead.
func unknownConnection(ctx context.Context, e *backend.Engine, s logical.Storage, name string) error {
	names, err := e.Connections(ctx, s)
	if err != nil {
		return err
	}
	if near := providers.Nearest(name, names); near != "" {
		return usererror.Errorf("there is no connection %q; did you mean %q?", name, near)
	}
	return usererror.Errorf("there is no connection %q; write config/%s first", name, name)
}
