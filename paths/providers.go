package paths

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/jsonutil"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/providers"
)

func providerPaths(e *backend.Engine) []*framework.Path {
	p := providerEndpoints{e}
	return []*framework.Path{
		{
			Pattern: "providers/?$",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "list",
				OperationSuffix: "providers",
				ItemType:        "Provider",
			},
			Fields: pageFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ListOperation: &framework.PathOperation{
					Callback:  p.list,
					Summary:   "List the providers that keys can be minted at.",
					Responses: listResponse("Names of the providers.", "Of each provider its title, what it can do in short, and how its definition is verified, and of when."),
				},
			},
			HelpSynopsis:    "List the providers that keys can be minted at.",
			HelpDescription: "Each name can be read at providers/NAME, and is what config/NAME takes as its provider.",
		},
		{
			Pattern: "providers/" + framework.GenericNameRegex("name"),
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationSuffix: "provider",
				ItemType:        "Provider",
			},
			Fields: map[string]*framework.FieldSchema{"name": nameField("Name of the provider.", "Provider", "acme")},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation: &framework.PathOperation{
					Callback: p.read,
					Summary:  "Show what a provider takes and can do.",
					Responses: okResponse(map[string]*framework.FieldSchema{
						"name":              {Type: framework.TypeString, Description: "Name of the provider."},
						"title":             {Type: framework.TypeString, Description: "What the provider calls itself."},
						"category":          {Type: framework.TypeString, Description: "The field that the provider is at home in; empty where its definition does not say."},
						"docs":              {Type: framework.TypeString, Description: "The provider's own documentation."},
						"base_url":          {Type: framework.TypeString, Description: "Where its API is, unless the connection says otherwise; empty where it depends on the connection."},
						"connection_fields": {Type: framework.TypeMap, Description: "What config/NAME takes for this provider, by name."},
						"role_fields":       {Type: framework.TypeMap, Description: "What roles/NAME takes for this provider, by name."},
						"verified":          {Type: framework.TypeString, Description: "What the definition is verified by, in short, and of when that is; empty where that is not known."},
						"verified_against":  {Type: framework.TypeStringSlice, Description: "Servers, with version, that the definition was tried at; empty where it follows the provider's documents alone."},
						"secret_fields":     {Type: framework.TypeStringSlice, Description: "What a key's reader gets. The first is the key itself, by which lookup-key knows it."},
						"built_in":          {Type: framework.TypeBool, Description: "Whether the definition comes with the engine; otherwise it was uploaded."},
						"definition":        {Type: framework.TypeString, Description: "The definition itself, in HCL."},
						"capabilities":      {Type: framework.TypeMap, Description: "What the engine can do at this provider."},
						"key_name":          {Type: framework.TypeMap, Description: "What the provider allows in a key's name."},
						"expiry":            {Type: framework.TypeMap, Description: "How the provider bounds a key's life."},
						"limits":            {Type: framework.TypeMap, Description: "How many requests per second and how many keys the provider allows."},
						"cidrs":             {Type: framework.TypeMap, Description: "Which networks the provider can bind a key to."},
					}),
				},
			},
			HelpSynopsis: "Show what a provider takes and can do.",
			HelpDescription: `
connection_fields are written to config/NAME and role_fields to roles/NAME, at top level beside the
engine's own. definitions/NAME adds a provider. The capabilities follow from the provider's definition: native_expiry, for one,
says that the provider itself ends a key that nobody revokes.`,
		},
	}
}

type providerEndpoints struct{ engine *backend.Engine }

func (p providerEndpoints) list(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	names, err := p.engine.Definitions(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	if names, err = pageOfNames(names, d); err != nil {
		return nil, err
	}
	info := make(map[string]any, len(names))
	for _, name := range names {
		definition, err := p.engine.Definition(ctx, req.Storage, name)
		if err != nil {
			return nil, err
		}
		info[name] = inShort(definition)
	}
	return logical.ListResponseWithInfo(names, info), nil
}

// inShort is what a detailed list says of a provider, the columns of docs/providers.
func inShort(d *providers.Definition) map[string]any {
	return map[string]any{
		"title":           d.Title,
		"category":        d.Category(),
		"native_expiry":   d.Capabilities.NativeExpiry,
		"extend":          d.Capabilities.Extend,
		"found":           d.Capabilities.Reconcile || d.Capabilities.Lookup || d.Capabilities.KnownID,
		"ip_binding":      d.Capabilities.IPBinding,
		"in_place":        d.Capabilities.InPlace,
		"rotate_root":     d.Capabilities.RotateRoot,
		"rotate_in_place": d.Capabilities.RotateInPlace,
		"verified":        d.HowVerified(),
	}
}

func (p providerEndpoints) read(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	definition, err := p.engine.Definition(ctx, req.Storage, d.Get("name").(string))
	if err != nil {
		return nil, err
	}
	uploaded, err := p.engine.Uploaded(ctx, req.Storage, definition.Name)
	if err != nil {
		return nil, err
	}
	data := map[string]any{
		"name":              definition.Name,
		"title":             definition.Title,
		"category":          definition.Category(),
		"docs":              definition.Docs,
		"base_url":          definition.BaseURL,
		"secret_fields":     definition.SecretFields(),
		"verified":          definition.HowVerified(),
		"verified_against":  append([]string{}, definition.VerifiedAgainst...),
		"built_in":          !uploaded,
		"definition":        definition.Source(),
		"connection_fields": describeFields(definition.Connection),
		"role_fields":       describeFields(definition.Role),
	}
	for name, part := range map[string]any{
		"capabilities": definition.Capabilities,
		"key_name":     definition.KeyName,
		"expiry":       definition.Expiry,
		"limits":       definition.Limits,
		"cidrs":        definition.Networks,
	} {
		if data[name], err = asJSONMap(part); err != nil {
			return nil, fmt.Errorf("describing provider %q: %w", definition.Name, err)
		}
	}
	return &logical.Response{Data: data}, nil
}

func describeFields(fields providers.Fields) map[string]any {
	described := make(map[string]any, len(fields))
	for _, field := range fields {
		described[field.Name] = describeField(field)
	}
	return described
}

func describeField(field *providers.Field) map[string]any {
	described := map[string]any{
		"type":      field.TypeName(),
		"required":  field.Required,
		"sensitive": field.Sensitive,
		"help":      strings.TrimSpace(field.Help),
	}
	if field.BindsAddresses {
		described["binds_addresses"] = true
	}
	if field.Default != nil {
		described["default"] = field.Default
	}
	if len(field.Enum) > 0 {
		described["enum"] = field.Enum
	}
	if field.Min != nil {
		described["min"] = *field.Min
	}
	if field.Max != nil {
		described["max"] = *field.Max
	}
	if field.Pattern != "" {
		described["pattern"] = field.Pattern
	}
	return described
}

// asJSONMap is value as JSON has it, which is what Vault carries.
func asJSONMap(value any) (map[string]any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	return fields, jsonutil.DecodeJSON(text, &fields)
}
