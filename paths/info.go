package paths

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
)

func infoPaths(e *backend.Engine) []*framework.Path {
	i := infoEndpoint{e}
	return []*framework.Path{{
		Pattern: "info/?$",
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationSuffix: "info",
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback: i.read,
				Summary:  "Show the engine's version and state.",
				Responses: okResponse(map[string]*framework.FieldSchema{
					"version":         {Type: framework.TypeString, Description: "Version of the plugin that runs."},
					"commit":          {Type: framework.TypeString, Description: "Commit that it was built from; empty where it is not a release."},
					"providers":       {Type: framework.TypeStringSlice, Description: "Names of the providers that keys can be minted at."},
					"queued":          {Type: framework.TypeInt, Description: "How many revocations wait for their provider; queue/ lists them."},
					"missing":         {Type: framework.TypeInt, Description: "How many keys are looked for that their provider did not know when they were to be revoked; queue/ lists them as missing."},
					"recovering":      {Type: framework.TypeStringSlice, Description: "Connections that were in use at a crash and are not reconciled yet."},
					"unrecovered":     {Type: framework.TypeStringSlice, Description: "Places at providers that could not be reconciled yet after a crash, and why."},
					"damaged":         {Type: framework.TypeStringSlice, Description: "Ids of keys whose record in the ledger cannot be read. While there are any whose name cannot be told, nothing that a crash left is revoked; keys/ID/give-up ends that."},
					"left_by_disable": {Type: framework.TypeStringSlice, Description: "What would live on at providers if the mount were disabled now, and what to do first. Vault ends the leases then, and nothing else."},
					"passive":         {Type: framework.TypeBool, Description: "Whether the mount may be a copy of another one, and so ends, replaces and removes nothing; ownership has the reason."},
				}),
				// The queue is the active node's.
				ForwardPerformanceStandby:   true,
				ForwardPerformanceSecondary: true,
			},
		},
		HelpSynopsis:    "Show the engine's version and state.",
		HelpDescription: "A mount at rest has nothing queued and nothing recovering.",
	}}
}

type infoEndpoint struct{ engine *backend.Engine }

func (i infoEndpoint) read(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	info, err := i.engine.Info(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{
		"version":         info.Version,
		"commit":          info.Commit,
		"providers":       info.Providers,
		"queued":          info.Queued,
		"missing":         info.Missing,
		"recovering":      emptyForNil(info.Recovering),
		"unrecovered":     emptyForNil(info.Unrecovered),
		"damaged":         emptyForNil(info.Damaged),
		"passive":         info.Passive,
		"left_by_disable": info.LeftByDisable,
	}}, nil
}
