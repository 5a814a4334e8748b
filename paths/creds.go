package paths

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
)

func credsPaths(e *backend.Engine) []*framework.Path {
	c := credsEndpoint{e}
	return []*framework.Path{{
		Pattern: "creds/" + framework.GenericNameRegex("name"),
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationVerb:   "generate",
			OperationSuffix: "credentials",
			Action:          "Generate",
		},
		Fields: map[string]*framework.FieldSchema{
			"name": nameField("Name of the role.", "Role", "reader"),
			"ttl": {
				Type:         framework.TypeDurationSecond,
				Query:        true,
				Description:  "How long the lease lasts unless it is renewed: at most the role's max_ttl. Defaults to the role's ttl.",
				DisplayAttrs: &framework.DisplayAttributes{Name: "TTL", Value: "15m"},
			},
		},
		// A write may name the provider's fields that the role lets callers narrow.
		TakesArbitraryInput: true,
		Operations: map[logical.Operation]framework.OperationHandler{
			// Both call the provider, so both are the active node's.
			logical.ReadOperation: &framework.PathOperation{
				Callback:                    c.mint,
				Summary:                     "Mint a key, leased to the caller.",
				Responses:                   okResponse(credsAnswer()),
				ForwardPerformanceStandby:   true,
				ForwardPerformanceSecondary: true,
			},
			logical.UpdateOperation: &framework.PathOperation{
				Callback:                    c.mint,
				Summary:                     "Mint a key, leased to the caller, for less or shorter than the role says.",
				Examples:                    sample(map[string]any{"ttl": "10m", "scopes": []string{"read"}}),
				Responses:                   okResponse(credsAnswer()),
				ForwardPerformanceStandby:   true,
				ForwardPerformanceSecondary: true,
				// A read has the plain verb; operation ids must differ.
				DisplayAttrs: &framework.DisplayAttributes{
					OperationPrefix: operationPrefix,
					OperationVerb:   "generate",
					OperationSuffix: "credentials-with-parameters",
				},
			},
		},
		HelpSynopsis: "Mint a key, leased to the caller.",
		HelpDescription: `
The key is made at the provider for this request alone, shown once, and revoked there when its lease
ends. A write does the same, and may ask for another ttl, up to the role's max_ttl, and for less than
the role allows: of each field in the role's narrowable_fields, a part of what the role has.`,
	}}
}

// credsAnswer is the schema of what a reader gets beside the key itself, whose
// fields are the provider's.
func credsAnswer() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"key_name":   {Type: framework.TypeString, Description: "Name of the key at the provider."},
		"expires_at": {Type: framework.TypeTime, Description: "When the provider itself ends the key; not shown where it does not."},
	}
}

type credsEndpoint struct{ engine *backend.Engine }

func (c credsEndpoint) mint(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	narrowing := backend.Narrowing{Fields: providerInput(d), Reserved: bodyFields(d.Schema)}
	setSeconds(d, "ttl", &narrowing.TTL)
	return c.engine.Mint(ctx, req, d.Get("name").(string), narrowing)
}
