package paths

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

func connectionPaths(e *backend.Engine) []*framework.Path {
	c := connectionEndpoints{e}
	return []*framework.Path{
		{
			Pattern: "config/?$",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "list",
				OperationSuffix: "connections",
				ItemType:        "Connection",
				Navigation:      true,
			},
			Fields: pageFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ListOperation: &framework.PathOperation{
					Callback:  c.list,
					Summary:   "List the connections.",
					Responses: okResponse(map[string]*framework.FieldSchema{"keys": {Type: framework.TypeStringSlice, Description: "Names of the connections."}}),
				},
			},
			HelpSynopsis:    "List the connections.",
			HelpDescription: "A connection is one admin credential at one provider, with its settings.",
		},
		{
			Pattern: "config/" + framework.GenericNameRegex("name"),
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationSuffix: "connection",
				ItemType:        "Connection",
				Action:          "Create",
			},
			Fields:              connectionFields(),
			TakesArbitraryInput: true,
			ExistenceCheck:      c.exists,
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation: &framework.PathOperation{
					Callback:  c.read,
					Summary:   "Show a connection, without what is secret.",
					Responses: okResponse(connectionAnswer()),
				},
				logical.CreateOperation: &framework.PathOperation{
					Callback:                    c.write,
					Summary:                     "Create a connection.",
					Responses:                   emptyResponse("The connection is stored."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
				logical.UpdateOperation: &framework.PathOperation{
					Callback: c.write,
					Summary:  "Create a connection, or change what the request names.",
					Examples: sample(map[string]any{
						"provider": "sandbox", "base_url": "https://sandbox.example.com", "admin_key": "sbxadmin_1f2e3d",
						"allowed_roles": []string{"reader", "shared"}, "rotation_period": "720h",
					}),
					Responses:                   emptyResponse("The connection is stored."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
				logical.PatchOperation: &framework.PathOperation{
					Callback:                    patching("connection", c.exists, c.write),
					Summary:                     "Change what the request names of a connection that exists.",
					Examples:                    sample(map[string]any{"request_timeout": "20s"}),
					Responses:                   emptyResponse("The connection is stored."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
				logical.DeleteOperation: &framework.PathOperation{
					Callback:                    c.delete,
					Summary:                     "Delete a connection.",
					Responses:                   emptyResponse("The connection is deleted."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis: "Configure an admin credential at a provider.",
			HelpDescription: `
Beside the fields below, a connection takes those of its provider, at top level: read
providers/PROVIDER for their names, types and meaning. The provider is asked whether the credential
works before anything is stored, unless verify_connection is false.

Fields that a later write does not name keep their value; null or an empty string sets a field back
to its default. Sensitive fields are never shown again. A write that has the admin credential sent
to another address (base_url, proxy_url, ca_cert, tls_server_name, or a field that is part of the
address) names the sensitive fields as well.`,
		},
	}
}

func connectionFields() map[string]*framework.FieldSchema {
	fields := map[string]*framework.FieldSchema{
		"name": nameField("Name of the connection.", "Name", "box"),
		"provider": {
			Type:         framework.TypeString,
			Description:  "Provider that the connection leads to: one of those that providers/ lists. Required when the connection is created.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Provider"},
		},
		"allowed_roles": {
			Type:         framework.TypeCommaStringSlice,
			Description:  `Roles that may use the connection: names or globs, "*" for all of them. None may unless this says so.`,
			DisplayAttrs: &framework.DisplayAttributes{Name: "Allowed roles", Description: "Names or globs of the roles that may use the connection."},
		},
		"verify_connection": {
			Type:         framework.TypeBool,
			Default:      true,
			Description:  "Whether the provider is asked if the credential works before the connection is stored.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Verify connection"},
		},
		"base_url": {
			Type:         framework.TypeString,
			Description:  "Where the provider's API is. Defaults to the provider's own address.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Base URL", Value: "https://api.example.com/v1"},
		},
		"allow_http": {
			Type:         framework.TypeBool,
			Description:  "Whether base_url may be plain http on a host other than this one. The admin credential then travels unprotected.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Allow plain HTTP", Group: "Network"},
		},
		"request_timeout": {
			Type:         framework.TypeDurationSecond,
			Description:  "How long one request to the provider may take. Defaults to 30 seconds.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Request timeout", Group: "Network", Value: "30s"},
		},
		"ca_cert": {
			Type:         framework.TypeString,
			Description:  "PEM of the certificate authorities that the provider's certificate may come from. Defaults to those of the system.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "CA certificate", Group: "TLS", EditType: "file"},
		},
		"client_cert": {
			Type:         framework.TypeString,
			Description:  "PEM of the certificate to show to the provider.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Client certificate", Group: "TLS", EditType: "file"},
		},
		"client_key": {
			Type:         framework.TypeString,
			Description:  "PEM of the private key of client_cert. Never shown again.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Client key", Group: "TLS", EditType: "file", Sensitive: true},
		},
		"tls_server_name": {
			Type:         framework.TypeString,
			Description:  "Name that the provider's certificate must be for, where it differs from the host in base_url.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "TLS server name", Group: "TLS"},
		},
		"proxy_url": {
			Type:         framework.TypeString,
			Description:  "Proxy that requests to the provider go through. A user name and password in it are never shown again.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Proxy URL", Group: "Network"},
		},
		"requests_per_second": {
			Type:         framework.TypeFloat,
			Description:  "How many requests per second the engine may send to the provider. Defaults to what the provider allows.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Requests per second", Group: "Network"},
		},
		forceField: {
			Type:         framework.TypeBool,
			Query:        true,
			Description:  "Whether to go ahead although keys that are left at the provider could then no longer be revoked, or an admin credential that a rotation made is then sent to another address. Not stored.",
			DisplayAttrs: &framework.DisplayAttributes{Name: "Force"},
		},
	}
	addSchedule(fields, "the admin credential")
	acceptShown(fields, addConnectionState)
	return fields
}

// connectionAnswer is the schema of what a read shows.
func connectionAnswer() map[string]*framework.FieldSchema {
	fields := connectionFields()
	for _, unseen := range []string{"name", "client_key", forceField} {
		delete(fields, unseen)
	}
	addConnectionState(fields) // in the words of an answer
	return fields
}

// addConnectionState adds what only an answer has to its schema.
func addConnectionState(fields map[string]*framework.FieldSchema) {
	addRotationState(fields)
	fields["credential_expires_at"] = &framework.FieldSchema{Type: framework.TypeTime, Description: "When the provider ends the admin credential that the last rotation made; not shown where it does not."}
}

type connectionEndpoints struct{ engine *backend.Engine }

func (c connectionEndpoints) list(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	names, err := c.engine.Connections(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	if names, err = pageOfNames(names, d); err != nil {
		return nil, err
	}
	return logical.ListResponse(names), nil
}

func (c connectionEndpoints) exists(ctx context.Context, req *logical.Request, d *framework.FieldData) (bool, error) {
	connection, err := c.engine.Connection(ctx, req.Storage, d.Get("name").(string))
	return connection != nil, err
}

func (c connectionEndpoints) read(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	connection, err := c.engine.Connection(ctx, req.Storage, name)
	if err != nil || connection == nil {
		return nil, err
	}
	resp := &logical.Response{Data: map[string]any{
		"provider":            connection.Provider,
		"allowed_roles":       emptyForNil(connection.AllowedRoles),
		"verify_connection":   connection.VerifyConnection,
		"base_url":            withoutUserinfo(connection.BaseURL),
		"allow_http":          connection.AllowHTTP,
		"request_timeout":     inSeconds(connection.RequestTimeout),
		"ca_cert":             connection.CACert,
		"client_cert":         connection.ClientCert,
		"tls_server_name":     connection.TLSServerName,
		"proxy_url":           withoutUserinfo(connection.ProxyURL),
		"requests_per_second": connection.RequestsPerSecond,
	}}
	showSchedule(resp.Data, connection.Schedule)
	state, err := c.engine.RootRotation(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	showRotationState(resp.Data, state)
	showTime(resp.Data, "credential_expires_at", connection.CredentialExpiresAt)
	definition, err := c.engine.Definition(ctx, req.Storage, connection.Provider)
	switch _, unknown := userErrorIn(err); {
	case unknown:
		resp.AddWarning(fmt.Sprintf("The provider %q is gone, so its fields are not shown.", connection.Provider))
	case err != nil:
		return nil, err
	default:
		showFields(resp.Data, definition.Connection, connection.Fields)
	}
	return resp, nil
}

func (c connectionEndpoints) write(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	var saved *backend.Connection
	resp := &logical.Response{}
	err := c.engine.ChangeConnection(ctx, req.Storage, d.Get("name").(string), func(connection *backend.Connection) (backend.SaveOptions, error) {
		saved = connection
		given, err := c.change(ctx, req.Storage, connection, d)
		return backend.SaveOptions{Verify: connection.VerifyConnection, Credential: given, Force: d.Get(forceField).(bool), Warn: resp.AddWarning}, err
	})
	if err != nil {
		return nil, err
	}
	if len(saved.AllowedRoles) == 0 {
		resp.AddWarning(`No role may use this connection yet; write allowed_roles, "*" for all of them.`)
	}
	if len(resp.Warnings) == 0 {
		return nil, nil
	}
	return resp, nil
}

// change applies what the request names to the connection. given says that it
// names every sensitive field that the connection then has.
func (c connectionEndpoints) change(ctx context.Context, s logical.Storage, connection *backend.Connection, d *framework.FieldData) (given bool, err error) {
	before := connection.Provider
	if err := setConnection(connection, d); err != nil {
		return false, err
	}
	if connection.Provider == "" {
		return false, usererror.Errorf("provider is missing; write the name of one that providers/ lists")
	}
	definition, err := c.engine.Definition(ctx, s, connection.Provider)
	if err != nil {
		return false, err
	}
	if connection.Provider != before {
		connection.Fields = nil // the former provider's mean nothing to this one
	}
	input := providerInput(d)
	connection.Fields, err = definition.Connection.Merge(connection.Fields, input, bodyFields(d.Schema))
	if err != nil {
		return false, usererror.Errorf("%s", err)
	}
	if err = definition.ValidateConnection(connection.Fields); err != nil {
		return false, usererror.Errorf("%s", err)
	}
	given = !slices.ContainsFunc(definition.Connection, func(field *providers.Field) bool {
		return field.Sensitive && connection.Fields[field.Name] != nil && input[field.Name] == nil
	})
	return given, nil
}

func setConnection(connection *backend.Connection, d *framework.FieldData) error {
	before := *connection
	set(d, "provider", &connection.Provider)
	set(d, "allowed_roles", &connection.AllowedRoles)
	set(d, "verify_connection", &connection.VerifyConnection)
	set(d, "base_url", &connection.BaseURL)
	set(d, "allow_http", &connection.AllowHTTP)
	setSeconds(d, "request_timeout", &connection.RequestTimeout)
	set(d, "ca_cert", &connection.CACert)
	set(d, "client_cert", &connection.ClientCert)
	set(d, "client_key", &connection.ClientKey)
	set(d, "tls_server_name", &connection.TLSServerName)
	set(d, "proxy_url", &connection.ProxyURL)
	set(d, "requests_per_second", &connection.RequestsPerSecond)
	setSchedule(d, &connection.Schedule)
	connection.BaseURL = keepUserinfo(before.BaseURL, connection.BaseURL)
	connection.ProxyURL = keepUserinfo(before.ProxyURL, connection.ProxyURL)
	return checkRate(connection.RequestsPerSecond)
}

func (c connectionEndpoints) delete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	resp := &logical.Response{}
	o := backend.SaveOptions{Force: d.Get(forceField).(bool), Warn: resp.AddWarning}
	if err := c.engine.DeleteConnection(ctx, req.Storage, d.Get("name").(string), o); err != nil || len(resp.Warnings) == 0 {
		return nil, err
	}
	return resp, nil
}

// showFields adds the provider's fields to an answer, except sensitive ones and
// those that the definition no longer knows.
func showFields(data map[string]any, fields providers.Fields, values providers.Values) {
	for _, field := range fields {
		value, set := values[field.Name]
		if !set || field.Sensitive {
			continue
		}
		if text, ok := value.(string); ok {
			value = withoutUserinfo(text)
		}
		data[field.Name] = providers.Exact(value)
	}
}

// withoutUserinfo takes user name and password out of a URL; other text stays.
func withoutUserinfo(text string) string {
	if !strings.Contains(text, "://") || !strings.Contains(text, "@") {
		return text
	}
	address, err := url.Parse(text)
	if err != nil {
		return ""
	}
	if address.User == nil {
		return text
	}
	address.User = nil
	return address.String()
}

// keepUserinfo is a URL as written, unless it is the stored one as it is shown:
// then that, with what is not shown.
func keepUserinfo(stored, written string) string {
	if written == withoutUserinfo(stored) {
		return stored
	}
	return written
}

func emptyForNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
