package paths

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/usererror"
)

func staticRolePaths(e *backend.Engine) []*framework.Path {
	r := staticRoleEndpoints{e}
	return []*framework.Path{
		{
			Pattern: "static-roles/?$",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "list",
				OperationSuffix: "static-roles",
				ItemType:        "Static Role",
				Navigation:      true,
			},
			Fields: pageFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ListOperation: &framework.PathOperation{
					Callback:  r.list,
					Summary:   "List the static roles.",
					Responses: okResponse(map[string]*framework.FieldSchema{"keys": {Type: framework.TypeStringSlice, Description: "Names of the static roles."}}),
				},
			},
			HelpSynopsis:    "List the static roles.",
			HelpDescription: "A static role holds one key for consumers that cannot lease, and replaces it on a schedule.",
		},
		{
			Pattern: "static-roles/" + framework.GenericNameRegex("name"),
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationSuffix: "static-role",
				ItemType:        "Static Role",
				Action:          "Create",
			},
			Fields:              staticRoleFields(),
			TakesArbitraryInput: true,
			ExistenceCheck:      r.exists,
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation: &framework.PathOperation{
					Callback:  r.read,
					Summary:   "Show a static role and how its rotation stands, without what is secret.",
					Responses: okResponse(staticRoleAnswer()),
				},
				logical.CreateOperation: &framework.PathOperation{
					Callback:                    r.write,
					Summary:                     "Create a static role and its first key.",
					Responses:                   emptyResponse("The static role is stored."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
				logical.UpdateOperation: &framework.PathOperation{
					Callback: r.write,
					Summary:  "Create a static role and its first key, or change what the request names.",
					Examples: sample(map[string]any{
						"connection": "box", "scopes": []string{"read"}, "rotation_period": "720h", "overlap": "1h",
					}),
					Responses:                   emptyResponse("The static role is stored."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
				logical.PatchOperation: &framework.PathOperation{
					Callback:                    patching("static role", r.exists, r.write),
					Summary:                     "Change what the request names of a static role that exists.",
					Examples:                    sample(map[string]any{"overlap": "2h"}),
					Responses:                   emptyResponse("The static role is stored."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
				logical.DeleteOperation: &framework.PathOperation{
					Callback:                    r.delete,
					Summary:                     "Delete a static role, and revoke its keys unless it says to keep them.",
					Responses:                   emptyResponse("The static role is deleted."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis: "Configure one key that is kept for everybody and replaced on a schedule.",
			HelpDescription: `
For consumers that cannot lease: all of them read the same key from static-creds/NAME. Prefer
roles/ wherever a lease will do.

Beside the fields below, a static role takes those of its connection's provider, at top level: read
providers/PROVIDER for their names, types and meaning. Fields that a later write does not name keep
their value; null or an empty string sets a field back to its default. What the key may do changes
with its next rotation: write rotate-role/NAME to have it at once.`,
		},
	}
}

func staticRoleFields() map[string]*framework.FieldSchema {
	fields := map[string]*framework.FieldSchema{
		"name": nameField("Name of the static role.", "Name", "shared"),
		"connection": {
			Type:         framework.TypeString,
			Description:  "Connection that mints the keys; its allowed_roles must name this role. Required when the role is created, and fixed from then on.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Connection"},
		},
		"overlap": {
			Type:         framework.TypeDurationSecond,
			Description:  "How long the old key works on after a rotation: the time that all consumers need to read the new one. Without it the old key ends as soon as the new one is stored.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Overlap", Group: "Rotation", Value: "1h"},
		},
		"key_name_template": {
			Type:         framework.TypeString,
			Description:  "Template of the readable part of each key's name at the provider, over .RoleName. A fixed part that makes the name unique follows it.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Key name template", Value: "{{ .RoleName }}"},
		},
		"key_cidrs": {
			Type:         framework.TypeCommaStringSlice,
			Description:  "Networks that the key may be used from, where the provider can bind it to them.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Networks", Description: "Networks that the key may be used from."},
		},
		"verify_revocation": {
			Type:         framework.TypeString,
			Description:  "How a revoked key is seen dead: list looks for it at the provider soon after, probe keeps the key to try it itself, off takes the provider's word. Defaults to list where the provider can be asked.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Verify revocation", Value: "list"},
		},
		"keep_on_delete": {
			Type:         framework.TypeBool,
			Description:  "Whether the key lives on at the provider when the role is deleted. It then stays in keys/ until revoke-key revokes it.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Keep on delete"},
		},
	}
	addSchedule(fields, "the key")
	acceptShown(fields, addRotationState)
	return fields
}

// staticRoleAnswer is the schema of what a read shows.
func staticRoleAnswer() map[string]*framework.FieldSchema {
	fields := staticRoleFields()
	delete(fields, "name")
	addRotationState(fields) // in the words of an answer
	return fields
}

type staticRoleEndpoints struct{ engine *backend.Engine }

func (r staticRoleEndpoints) list(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	names, err := r.engine.StaticRoles(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	if names, err = pageOfNames(names, d); err != nil {
		return nil, err
	}
	return logical.ListResponse(names), nil
}

func (r staticRoleEndpoints) exists(ctx context.Context, req *logical.Request, d *framework.FieldData) (bool, error) {
	role, err := r.engine.StaticRole(ctx, req.Storage, d.Get("name").(string))
	return role != nil, err
}

func (r staticRoleEndpoints) read(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	role, err := r.engine.StaticRole(ctx, req.Storage, name)
	if err != nil || role == nil {
		return nil, err
	}
	keys, err := r.engine.StaticKeys(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	resp := &logical.Response{Data: map[string]any{
		"connection":        role.Connection,
		"overlap":           inSeconds(role.Overlap),
		"key_name_template": role.KeyNameTemplate,
		"key_cidrs":         emptyForNil(role.KeyCIDRs),
		"verify_revocation": string(role.VerifyRevocation),
		"keep_on_delete":    role.KeepOnDelete,
	}}
	showSchedule(resp.Data, role.Schedule)
	showRotationState(resp.Data, keys.RotationState)
	_, definition, err := roleEndpoints(r).connectionAndDefinition(ctx, req.Storage, role.Connection)
	switch _, unknown := userErrorIn(err); {
	case unknown:
		resp.AddWarning(fmt.Sprintf("The connection %q or its provider is gone, so the provider's fields are not shown and the key is not rotated.", role.Connection))
	case err != nil:
		return nil, err
	default:
		resp.Data["verify_revocation"] = string(role.Verification(definition))
		showFields(resp.Data, definition.Role, role.Fields)
	}
	return resp, nil
}

func (r staticRoleEndpoints) write(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return nil, r.engine.ChangeStaticRole(ctx, req.Storage, d.Get("name").(string), func(role *backend.StaticRole) error {
		return r.change(ctx, req.Storage, role, d)
	})
}

// change applies what the request names to the role.
func (r staticRoleEndpoints) change(ctx context.Context, s logical.Storage, role *backend.StaticRole, d *framework.FieldData) error {
	set(d, "connection", &role.Connection)
	setSeconds(d, "overlap", &role.Overlap)
	set(d, "key_name_template", &role.KeyNameTemplate)
	set(d, "key_cidrs", &role.KeyCIDRs)
	setText(d, "verify_revocation", &role.VerifyRevocation)
	set(d, "keep_on_delete", &role.KeepOnDelete)
	setSchedule(d, &role.Schedule)
	if err := checkNetworks(&role.Role); err != nil {
		return err
	}
	if role.Connection == "" {
		return usererror.Errorf("connection is missing; write the name of one that config/ lists")
	}
	_, definition, err := roleEndpoints(r).connectionAndDefinition(ctx, s, role.Connection)
	if err != nil {
		return err
	}
	role.Fields, err = definition.Role.Merge(role.Fields, providerInput(d), bodyFields(d.Schema))
	if err != nil {
		return usererror.Errorf("%s", err)
	}
	return nil
}

func (r staticRoleEndpoints) delete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return nil, r.engine.DeleteStaticRole(ctx, req.Storage, d.Get("name").(string))
}
