package paths

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/hashicorp/go-secure-stdlib/strutil"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

func rolePaths(e *backend.Engine) []*framework.Path {
	r := roleEndpoints{e}
	return []*framework.Path{
		{
			Pattern: "roles/?$",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "list",
				OperationSuffix: "roles",
				ItemType:        "Role",
				Navigation:      true,
			},
			Fields: pageFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ListOperation: &framework.PathOperation{
					Callback:  r.list,
					Summary:   "List the roles.",
					Responses: okResponse(map[string]*framework.FieldSchema{"keys": {Type: framework.TypeStringSlice, Description: "Names of the roles."}}),
				},
			},
			HelpSynopsis:    "List the roles.",
			HelpDescription: "A role says what keys may do and how long they live.",
		},
		{
			Pattern: "roles/" + framework.GenericNameRegex("name"),
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationSuffix: "role",
				ItemType:        "Role",
				Action:          "Create",
			},
			Fields:              roleFields(),
			TakesArbitraryInput: true,
			ExistenceCheck:      r.exists,
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation: &framework.PathOperation{
					Callback:  r.read,
					Summary:   "Show a role, without what is secret.",
					Responses: okResponse(roleAnswer()),
				},
				logical.CreateOperation: &framework.PathOperation{
					Callback:                    r.write,
					Summary:                     "Create a role.",
					Responses:                   emptyResponse("The role is stored."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
				logical.UpdateOperation: &framework.PathOperation{
					Callback: r.write,
					Summary:  "Create a role, or change what the request names.",
					Examples: sample(map[string]any{
						"connection": "box", "scopes": []string{"read", "write"}, "ttl": "1h", "max_ttl": "24h", "narrowable_fields": []string{"scopes"},
					}),
					Responses:                   emptyResponse("The role is stored."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
				logical.PatchOperation: &framework.PathOperation{
					Callback:                    patching("role", r.exists, r.write),
					Summary:                     "Change what the request names of a role that exists.",
					Examples:                    sample(map[string]any{"ttl": "30m"}),
					Responses:                   emptyResponse("The role is stored."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
				logical.DeleteOperation: &framework.PathOperation{
					Callback:                    r.delete,
					Summary:                     "Delete a role.",
					Responses:                   emptyResponse("The role is deleted."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis: "Configure what keys may do and how long they live.",
			HelpDescription: `
Beside the fields below, a role takes those of its connection's provider, at top level: read
providers/PROVIDER for their names, types and meaning.

Fields that a later write does not name keep their value; null or an empty string sets a field back
to its default. Keys that are alive keep what they were issued with, and are revoked when their
leases end even if the role is deleted.`,
		},
	}
}

func roleFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"name": nameField("Name of the role.", "Name", "reader"),
		"connection": {
			Type:         framework.TypeString,
			Description:  "Connection that mints the keys; its allowed_roles must name this role. Required when the role is created.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Connection"},
		},
		"ttl": {
			Type:         framework.TypeDurationSecond,
			Description:  "How long a lease lasts unless it is renewed. Defaults to the mount's.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "TTL", Value: "1h"},
		},
		"max_ttl": {
			Type:         framework.TypeDurationSecond,
			Description:  "How long a lease may last with all its renewals. Defaults to the mount's.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Maximum TTL", Value: "24h"},
		},
		"key_name_template": {
			Type:         framework.TypeString,
			Description:  "Template of the readable part of each key's name at the provider, over .RoleName, .DisplayName and .EntityID. A fixed part that makes the name unique follows it.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Key name template", Value: "{{ .RoleName }}-{{ .DisplayName }}"},
		},
		"verify_revocation": {
			Type:         framework.TypeString,
			Description:  "How a revoked key is seen dead: list looks for it at the provider soon after, probe keeps the key to try it itself, off takes the provider's word. Defaults to list where the provider can be asked.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Verify revocation", Value: "list"},
		},
		"key_cidrs": {
			Type:         framework.TypeCommaStringSlice,
			Description:  "Networks that each key may be used from, where the provider can bind it to them. Not beside bind_to_caller.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Networks", Description: "Networks that each key may be used from."},
		},
		"bind_to_caller": {
			Type:         framework.TypeBool,
			Description:  "Whether each key may be used only from the address that asked for it, where the provider can bind it to that.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Bind to caller"},
		},
		"narrowable_fields": {
			Type:         framework.TypeCommaStringSlice,
			Description:  "Names of those of the provider's fields that a caller may narrow with a write to creds/NAME: a list or map to a part of the role's, a number to a smaller one.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Narrowable fields", Description: "Fields of the provider's that a caller may narrow."},
		},
	}
}

// roleAnswer is the schema of what a read shows.
func roleAnswer() map[string]*framework.FieldSchema {
	fields := roleFields()
	delete(fields, "name")
	return fields
}

type roleEndpoints struct{ engine *backend.Engine }

func (r roleEndpoints) list(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	names, err := r.engine.Roles(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	if names, err = pageOfNames(names, d); err != nil {
		return nil, err
	}
	return logical.ListResponse(names), nil
}

func (r roleEndpoints) exists(ctx context.Context, req *logical.Request, d *framework.FieldData) (bool, error) {
	role, err := r.engine.Role(ctx, req.Storage, d.Get("name").(string))
	return role != nil, err
}

func (r roleEndpoints) read(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	role, err := r.engine.Role(ctx, req.Storage, d.Get("name").(string))
	if err != nil || role == nil {
		return nil, err
	}
	resp := &logical.Response{Data: map[string]any{
		"connection":        role.Connection,
		"ttl":               inSeconds(role.TTL),
		"max_ttl":           inSeconds(role.MaxTTL),
		"key_name_template": role.KeyNameTemplate,
		"verify_revocation": string(role.VerifyRevocation),
		"key_cidrs":         emptyForNil(role.KeyCIDRs),
		"bind_to_caller":    role.BindToCaller,
		"narrowable_fields": emptyForNil(role.NarrowableFields),
	}}
	_, definition, err := r.connectionAndDefinition(ctx, req.Storage, role.Connection)
	switch _, unknown := userErrorIn(err); {
	case unknown:
		resp.AddWarning(fmt.Sprintf("The connection %q or its provider is gone, so the provider's fields are not shown.", role.Connection))
	case err != nil:
		return nil, err
	default:
		resp.Data["verify_revocation"] = string(role.Verification(definition))
		showFields(resp.Data, definition.Role, role.Fields)
	}
	return resp, nil
}

func (r roleEndpoints) write(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	var connection *backend.Connection
	var saved *backend.Role
	err := r.engine.ChangeRole(ctx, req.Storage, name, func(role *backend.Role) (err error) {
		saved = role
		connection, err = r.change(ctx, req.Storage, role, d)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !strutil.StrListContainsGlob(connection.AllowedRoles, name) {
		resp := &logical.Response{}
		resp.AddWarning(fmt.Sprintf("Connection %q does not allow this role yet; add %q to the allowed_roles of config/%s.", saved.Connection, name, saved.Connection))
		return resp, nil
	}
	return nil, nil
}

// change applies what the request names to the role, and returns the connection
// that the role then has.
func (r roleEndpoints) change(ctx context.Context, s logical.Storage, role *backend.Role, d *framework.FieldData) (*backend.Connection, error) {
	before := role.Connection
	if err := setRole(role, d); err != nil {
		return nil, err
	}
	if role.Connection == "" {
		return nil, usererror.Errorf("connection is missing; write the name of one that config/ lists")
	}
	connection, definition, err := r.connectionAndDefinition(ctx, s, role.Connection)
	if err != nil {
		return nil, err
	}
	if before != role.Connection {
		same, err := r.sameProvider(ctx, s, before, connection)
		if err != nil {
			return nil, err
		}
		if !same {
			role.Fields = nil // the former provider's mean nothing to this one
		}
	}
	role.Fields, err = definition.Role.Merge(role.Fields, providerInput(d), bodyFields(d.Schema))
	if err != nil {
		return nil, usererror.Errorf("%s", err)
	}
	return connection, nil
}

func setRole(role *backend.Role, d *framework.FieldData) error {
	set(d, "connection", &role.Connection)
	setSeconds(d, "ttl", &role.TTL)
	setSeconds(d, "max_ttl", &role.MaxTTL)
	set(d, "key_name_template", &role.KeyNameTemplate)
	setText(d, "verify_revocation", &role.VerifyRevocation)
	set(d, "key_cidrs", &role.KeyCIDRs)
	set(d, "bind_to_caller", &role.BindToCaller)
	set(d, "narrowable_fields", &role.NarrowableFields)
	return checkNetworks(role)
}

func checkNetworks(role *backend.Role) error {
	for _, network := range role.KeyCIDRs {
		if _, err := netip.ParsePrefix(network); err != nil {
			return usererror.Errorf(`key_cidrs holds %q, which is no network; write for example "10.0.0.0/8", or "10.1.2.3/32" for one address`, network)
		}
	}
	if role.BindToCaller && len(role.KeyCIDRs) > 0 {
		return usererror.Errorf("bind_to_caller and key_cidrs exclude each other; write only one of them")
	}
	return nil
}

// connectionAndDefinition is the connection of that name and its provider's definition.
func (r roleEndpoints) connectionAndDefinition(ctx context.Context, s logical.Storage, name string) (*backend.Connection, *providers.Definition, error) {
	connection, err := r.engine.Connection(ctx, s, name)
	if err != nil {
		return nil, nil, err
	}
	if connection == nil {
		return nil, nil, unknownConnection(ctx, r.engine, s, name)
	}
	definition, err := r.engine.Definition(ctx, s, connection.Provider)
	return connection, definition, err
}

// sameProvider tells whether the connection that a role leaves led to the same
// provider.
func (r roleEndpoints) sameProvider(ctx context.Context, s logical.Storage, before string, after *backend.Connection) (bool, error) {
	if before == "" {
		return false, nil
	}
	left, err := r.engine.Connection(ctx, s, before)
	return left != nil && left.Provider == after.Provider, err
}

func (r roleEndpoints) delete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return nil, r.engine.DeleteRole(ctx, req.Storage, d.Get("name").(string))
}
