package paths

import (
	"context"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/usererror"
)

// definitionPaths are where definitions are uploaded. They stand apart from
// providers/, which anybody may read: a definition decides where admin
// credentials are sent, so these take sudo (see the engine's PathsSpecial).
func definitionPaths(engine *backend.Engine) []*framework.Path {
	e := definitionEndpoints{engine}
	return []*framework.Path{{
		Pattern: "definitions/?$",
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationVerb:   "list",
			OperationSuffix: "definitions",
			ItemType:        "Definition",
		},
		Fields: pageFields(),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ListOperation: &framework.PathOperation{
				Callback:  e.list,
				Summary:   "List the providers whose definitions were uploaded.",
				Responses: okResponse(map[string]*framework.FieldSchema{"keys": {Type: framework.TypeStringSlice, Description: "Names of the providers."}}),
			},
		},
		HelpSynopsis:    "List the providers whose definitions were uploaded. Takes the sudo capability.",
		HelpDescription: "What is built in and what is uploaded is both in providers/, which takes no sudo.",
	}, {
		Pattern: "definitions/" + framework.GenericNameRegex("name"),
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationSuffix: "definition",
			ItemType:        "Definition",
		},
		Fields: map[string]*framework.FieldSchema{
			"name": nameField("Name of the provider.", "Provider", "acme"),
			"definition": {
				Type:         framework.TypeString,
				Description:  "The provider's definition: an HCL text of at most 64 KiB, such as definition=@my.hcl.",
				DisplayAttrs: &framework.DisplayAttributes{Name: "Definition", EditType: "textarea"},
			},
			"override": {
				Type:         framework.TypeBool,
				Description:  "Whether the definition may take the place of the built-in one of that name. Not stored.",
				DisplayAttrs: &framework.DisplayAttributes{Name: "Override"},
			},
			forceField: {
				Type:         framework.TypeBool,
				Query:        true,
				Description:  "Whether to go ahead although connections use the provider: to have their admin credentials sent elsewhere, or to delete the definition. Not stored.",
				DisplayAttrs: &framework.DisplayAttributes{Name: "Force"},
			},
		},
		ExistenceCheck: e.uploaded,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback: e.read,
				Summary:  "Show an uploaded definition as it was written.",
				Responses: okResponse(map[string]*framework.FieldSchema{
					"definition": {Type: framework.TypeString, Description: "The provider's definition, in HCL."},
				}),
			},
			logical.CreateOperation: &framework.PathOperation{
				Callback:                    e.upload,
				Summary:                     "Upload a provider's definition.",
				Responses:                   emptyResponse("The definition is stored."),
				ForwardPerformanceStandby:   true,
				ForwardPerformanceSecondary: true,
			},
			logical.UpdateOperation: &framework.PathOperation{
				Callback:                    e.upload,
				Summary:                     "Upload a definition, or replace one that was uploaded.",
				Examples:                    sample(map[string]any{"definition": sampleDefinition}),
				Responses:                   emptyResponse("The definition is stored."),
				ForwardPerformanceStandby:   true,
				ForwardPerformanceSecondary: true,
			},
			logical.DeleteOperation: &framework.PathOperation{
				Callback:                    e.delete,
				Summary:                     "Delete an uploaded definition.",
				Responses:                   emptyResponse("The definition is deleted."),
				ForwardPerformanceStandby:   true,
				ForwardPerformanceSecondary: true,
			},
		},
		HelpSynopsis: "Upload the definition of a provider. Takes the sudo capability.",
		HelpDescription: `
An uploaded definition works exactly as the built-in ones do. What is wrong with it is told with its
line. Keys that a replaced definition made are revoked as that one said. A definition decides which
hosts the admin credentials of its connections are sent to, so one that leads elsewhere than the one
in use is refused unless force is set.`,
	}}
}

type definitionEndpoints struct{ engine *backend.Engine }

func (e definitionEndpoints) uploaded(ctx context.Context, req *logical.Request, d *framework.FieldData) (bool, error) {
	return e.engine.Uploaded(ctx, req.Storage, d.Get("name").(string))
}

func (e definitionEndpoints) list(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	names, err := e.engine.UploadedDefinitions(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	if names, err = pageOfNames(names, d); err != nil {
		return nil, err
	}
	return logical.ListResponse(names), nil
}

func (e definitionEndpoints) read(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	source, err := e.engine.UploadedDefinition(ctx, req.Storage, d.Get("name").(string))
	if err != nil || source == "" {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{"definition": source}}, nil
}

func (e definitionEndpoints) upload(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name, source := d.Get("name").(string), d.Get("definition").(string)
	if source == "" {
		return nil, usererror.Errorf("definition is missing; write the provider's HCL text, such as definition=@%s.hcl", name)
	}
	definition, moved, err := e.engine.UploadDefinition(ctx, req.Storage, name, source, backend.UploadOptions{
		Override: d.Get("override").(bool),
		Force:    d.Get(forceField).(bool),
	})
	if err != nil {
		return nil, err
	}
	resp := &logical.Response{}
	switch {
	case definition.Capabilities.Reconcile || definition.Capabilities.Lookup || definition.Capabilities.KnownID:
	case definition.Capabilities.Candidates:
		resp.AddWarning("The definition's keys have no names, so one whose making got no answer is left to an operator, whom queue/ID/candidates shows what there is.")
	default:
		resp.AddWarning("The definition has no list, so a key whose making got no answer cannot be looked for; add a list block if the provider has one.")
	}
	if len(moved) > 0 {
		resp.AddWarning("The admin credential of connection " + strings.Join(moved, ", ") + " is sent elsewhere from now on, or shown in another way.")
	}
	return resp, nil
}

func (e definitionEndpoints) delete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return nil, e.engine.DeleteDefinition(ctx, req.Storage, d.Get("name").(string), d.Get(forceField).(bool))
}
