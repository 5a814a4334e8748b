package paths

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

func keyPaths(e *backend.Engine) []*framework.Path {
	k := keyEndpoints{e}
	return []*framework.Path{
		{
			Pattern: "keys/?$",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "list",
				OperationSuffix: "keys",
				ItemType:        "Key",
				Navigation:      true,
			},
			Fields: map[string]*framework.FieldSchema{
				"after": {
					Type:         framework.TypeString,
					Query:        true,
					Description:  "Id after which the list begins: the last one of the page before. Any other text stands where it would be in the order of ids.",
					DisplayAttrs: &framework.DisplayAttributes{Name: "After"},
				},
				"connection": {
					Type:         framework.TypeString,
					Query:        true,
					Description:  "Connection whose keys to list; those of all connections where it is not set.",
					DisplayAttrs: &framework.DisplayAttributes{Name: "Connection"},
				},
				"limit": {
					Type:         framework.TypeInt,
					Query:        true,
					Description:  "How many keys to list: at most 1000, which is also the default.",
					DisplayAttrs: &framework.DisplayAttributes{Name: "Limit", Value: 100},
				},
			},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ListOperation: &framework.PathOperation{
					Callback:  k.list,
					Summary:   "List the keys that are alive, page by page.",
					Responses: listResponse("Ids of the keys.", "Who holds each key, and until when."),
				},
			},
			HelpSynopsis: "List the keys that are alive, page by page.",
			HelpDescription: `
Lists the engine's own record of its keys, in order of id; with connection set, that connection's
alone. A page that is as long as the limit may have another one after it: ask for it with after set to
the last id.`,
		},
		{
			Pattern: "keys/" + framework.GenericNameRegex("id"),
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationSuffix: "key",
				ItemType:        "Key",
			},
			Fields: map[string]*framework.FieldSchema{
				"id": {
					Type:         framework.TypeString,
					Description:  "Id of the key, as keys/ lists it.",
					Required:     true,
					DisplayAttrs: &framework.DisplayAttributes{Name: "Key", Identifier: true},
				},
				"last_used": {
					Type:         framework.TypeBool,
					Query:        true,
					Description:  "Ask the provider when the key was last used.",
					DisplayAttrs: &framework.DisplayAttributes{Name: "Last used"},
				},
			},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation: &framework.PathOperation{
					Callback:  k.read,
					Summary:   "Show who holds a key, and until when.",
					Responses: okResponse(keyAnswer()),
				},
			},
			HelpSynopsis: "Show who holds a key, and until when.",
			HelpDescription: `
The key's value is not kept, and so never shown. With last_used=true the provider is asked when the
key was last used, where capabilities in providers/PROVIDER says that it tells; that may read its
whole list, up to ten seconds.`,
		},
		{
			Pattern: "keys/" + framework.GenericNameRegex("id") + "/give-up",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "give-up",
				OperationSuffix: "damaged-key",
				Action:          "Give up",
			},
			Fields: map[string]*framework.FieldSchema{
				"id": {
					Type:         framework.TypeString,
					Description:  "Id of the key, as damaged in info shows it.",
					Required:     true,
					DisplayAttrs: &framework.DisplayAttributes{Name: "Key", Identifier: true},
				},
				forceField: {
					Type:         framework.TypeBool,
					Description:  "Forget the record although it is not damaged, but of a later version of the engine.",
					DisplayAttrs: &framework.DisplayAttributes{Name: "Force"},
				},
			},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: &framework.PathOperation{
					Callback:                    k.giveUp,
					Summary:                     "Forget a key whose record cannot be read.",
					Responses:                   emptyResponse("The record is gone."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis: "Forget a key whose record cannot be read.",
			HelpDescription: `
For a record that storage damaged, as damaged in info shows it. As long as there is one that does not
even show a name, the engine removes nothing that might be its key. Look at the provider for a key
that nothing in keys/ tells of and end it there, then write this: the engine forgets the record and
notes in Vault's log who asked for it. A record that can be read stays. One that a later version of
the engine has written cannot be read by this one, and is not damaged: it goes with force alone.`,
		},
	}
}

// keyAnswer is the schema of one key as it is shown.
func keyAnswer() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"key_name":     {Type: framework.TypeString, Description: "Name of the key at the provider."},
		"role":         {Type: framework.TypeString, Description: "Role that the key was minted for."},
		"connection":   {Type: framework.TypeString, Description: "Connection that minted it."},
		"provider":     {Type: framework.TypeString, Description: "Provider that it is for."},
		"issued_at":    {Type: framework.TypeTime, Description: "When it was minted."},
		"static_role":  {Type: framework.TypeString, Description: "Static role that holds the key; not shown for leased keys."},
		"kept":         {Type: framework.TypeBool, Description: "Whether the static role was deleted and the key was to live on; not shown otherwise."},
		"deadline":     {Type: framework.TypeTime, Description: "When the engine revokes it, even if Vault does not ask for that; not shown for keys of static roles, whose rotation ends them."},
		"expires_at":   {Type: framework.TypeTime, Description: "When the provider itself ends it; not shown where it does not."},
		"display_name": {Type: framework.TypeString, Description: "Display name of the token that asked for it."},
		"entity_id":    {Type: framework.TypeString, Description: "Identity entity that asked for it."},
		"remote_addr":  {Type: framework.TypeString, Description: "Address that asked for it."},
		"request_id":   {Type: framework.TypeString, Description: "Id of the request that minted it, as in Vault's audit log."},
		"granted":      {Type: framework.TypeMap, Description: "What the provider said that the key may do, by role field; not shown where it does not say."},
		"last_used_at": {Type: framework.TypeTime, Description: "When the key was last used, as its provider tells; not shown where that was not asked for, or it does not tell."},
		"never_used":   {Type: framework.TypeBool, Description: "Whether the provider says that the key was never used; not shown otherwise."},
		"provider_id":  {Type: framework.TypeString, Description: "Id of the key at the provider; not shown where it is secret."},
	}
}

type keyEndpoints struct{ engine *backend.Engine }

func (k keyEndpoints) list(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	limit := d.Get("limit").(int)
	if limit < 0 {
		return nil, usererror.Errorf("limit must not be negative")
	}
	records, err := k.engine.Keys(ctx, req.Storage, d.Get("after").(string), d.Get("connection").(string), limit)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(records))
	info := make(map[string]any, len(records))
	for i, record := range records {
		ids[i] = record.ID
		info[record.ID] = describeKey(record)
	}
	return logical.ListResponseWithInfo(ids, info), nil
}

func (k keyEndpoints) read(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	record, err := k.engine.Key(ctx, req.Storage, d.Get("id").(string))
	if err != nil || record == nil {
		return nil, err
	}
	resp := &logical.Response{Data: describeKey(record)}
	if d.Get("last_used").(bool) {
		showLastUsed(ctx, k.engine, req.Storage, record, resp)
	}
	return resp, nil
}

// showLastUsed adds when the provider saw the key last; a warning where it cannot be
// asked, so that the rest is shown all the same.
func showLastUsed(ctx context.Context, e *backend.Engine, s logical.Storage, record *ledger.Record, resp *logical.Response) {
	at, told, err := e.LastUsed(ctx, s, record)
	if err != nil {
		resp.AddWarning("When the key was last used is not known: " + err.Error())
	}
	showTime(resp.Data, "last_used_at", at)
	if told && at.IsZero() {
		resp.Data["never_used"] = true
	}
}

func (k keyEndpoints) giveUp(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return nil, k.engine.GiveUpDamaged(ctx, req, d.Get("id").(string), d.Get(forceField).(bool))
}

// describeKey shows a ledger record without what revoking it needs, which may
// be secret.
func describeKey(record *ledger.Record) map[string]any {
	described := map[string]any{
		"key_name":     record.Handle.Name,
		"role":         record.Role,
		"connection":   record.Connection,
		"provider":     record.Provider,
		"issued_at":    shownTime(record.IssuedAt),
		"display_name": record.DisplayName,
		"entity_id":    record.EntityID,
		"remote_addr":  record.RemoteAddr,
		"request_id":   record.RequestID,
	}
	if record.StaticRole != "" {
		described["static_role"] = record.StaticRole
	} else {
		described["deadline"] = shownTime(record.Deadline)
	}
	if record.Kept {
		described["kept"] = true
	}
	if !record.ExpiresAt.IsZero() {
		described["expires_at"] = shownTime(record.ExpiresAt)
	}
	if len(record.Granted) > 0 {
		described["granted"] = providers.Exact(record.Granted)
	}
	if record.Handle.ID != "" && !record.Handle.Sealed {
		described["provider_id"] = record.Handle.ID
	}
	return described
}
