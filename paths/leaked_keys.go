package paths

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/usererror"
)

func leakedKeyPaths(e *backend.Engine) []*framework.Path {
	l := leakedKeyEndpoints{e}
	return []*framework.Path{
		{
			Pattern: "lookup-key$",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "look-up",
				OperationSuffix: "key",
				Action:          "Look up",
			},
			Fields: map[string]*framework.FieldSchema{"value": keyValue()},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: &framework.PathOperation{
					Callback:                    l.lookUp,
					Summary:                     "Tell who holds the key with this value.",
					Examples:                    sample(map[string]any{"value": "sbx_1f2e3d"}),
					Responses:                   okResponse(withOthers(withID(keyAnswer()))),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis: "Tell who holds the key with this value.",
			HelpDescription: `
For a key that was found where it does not belong. The engine keeps no key's value, only what it
can recognise one by. Where the provider tells when a key was last used, it is asked, for ten
seconds at most. Keep the value out of the shell's history: write value=- and give it on
standard input.`,
		},
		{
			Pattern: "revoke-key$",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "revoke",
				OperationSuffix: "key",
				Action:          "Revoke",
			},
			Fields: map[string]*framework.FieldSchema{
				"value": keyValue(),
				"id": {
					Type:         framework.TypeString,
					Description:  "Id of the key, as keys/ lists it, in place of its value.",
					DisplayAttrs: &framework.DisplayAttributes{Name: "Id"},
				},
			},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: &framework.PathOperation{
					Callback:                    l.revoke,
					Summary:                     "Revoke a key at its provider, whoever holds it.",
					Examples:                    sample(map[string]any{"value": "sbx_1f2e3d"}),
					Responses:                   okResponse(revokedKeyAnswer()),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis: "Revoke a key at its provider, whoever holds it.",
			HelpDescription: `
Revokes the key at once and tells who held it. Its lease stays with Vault until its end, and means
nothing any more. A static role gets a new key first, and its overlap does not apply; when no new
key can be made, the leaked one is revoked all the same. A provider that cannot be reached is asked
again until it confirms: revoked is then false, and queue/ID shows how that goes.`,
		},
	}
}

func keyValue() *framework.FieldSchema {
	return &framework.FieldSchema{
		Type:         framework.TypeString,
		Description:  "The key itself: the value of the first of the secret_fields that providers/PROVIDER shows.",
		DisplayAttrs: &framework.DisplayAttributes{Name: "Value", Sensitive: true},
	}
}

func withID(fields map[string]*framework.FieldSchema) map[string]*framework.FieldSchema {
	fields["id"] = &framework.FieldSchema{Type: framework.TypeString, Description: "Id of the key, as keys/ lists it."}
	return fields
}

func withOthers(fields map[string]*framework.FieldSchema) map[string]*framework.FieldSchema {
	fields["others"] = &framework.FieldSchema{Type: framework.TypeSlice, Description: "Further living keys with this value, where the field does not tell keys apart; left out where there are none."}
	return fields
}

func revokedKeyAnswer() map[string]*framework.FieldSchema {
	fields := withID(keyAnswer())
	fields["revoked"] = &framework.FieldSchema{Type: framework.TypeBool, Description: "Whether the provider has confirmed that the key is gone; otherwise it is on the queue."}
	return fields
}

type leakedKeyEndpoints struct{ engine *backend.Engine }

func (l leakedKeyEndpoints) lookUp(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	value := d.Get("value").(string)
	if value == "" {
		return nil, usererror.Errorf("value is missing; write the key itself, such as value=- with the key on standard input")
	}
	found, err := l.engine.KeysByValue(ctx, req.Storage, value)
	if err != nil {
		return nil, err
	}
	resp := &logical.Response{Data: describeFoundKey(found[0])}
	showLastUsed(ctx, l.engine, req.Storage, found[0], resp)
	if others := found[1:]; len(others) > 0 {
		described := make([]map[string]any, len(others))
		for i, record := range others {
			described[i] = describeFoundKey(record)
		}
		resp.Data["others"] = described
		resp.AddWarning("Several living keys have this value: the field does not tell keys apart. others has the rest.")
	}
	return resp, nil
}

func (l leakedKeyEndpoints) revoke(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	record, err := l.find(ctx, req.Storage, d.Get("value").(string), d.Get("id").(string))
	if err != nil {
		return nil, err
	}
	done, err := l.engine.RevokeKey(ctx, req, record)
	if err != nil {
		return nil, err
	}
	resp := &logical.Response{Data: describeFoundKey(record)}
	resp.Data["revoked"] = done.Pending == nil
	if done.Pending != nil {
		resp.AddWarning("The key is not dead yet: " + done.Pending.Error())
	}
	if done.NotReplaced != nil {
		resp.AddWarning("Static role " + record.StaticRole + " has no key now, which is tried again: " + done.NotReplaced.Error())
	}
	return resp, nil
}

// find is the living key that the request names.
func (l leakedKeyEndpoints) find(ctx context.Context, s logical.Storage, value, id string) (*ledger.Record, error) {
	switch {
	case (value == "") == (id == ""):
		return nil, usererror.Errorf("write the key to revoke, as one of value and id")
	case value != "":
		return l.engine.KeyByValue(ctx, s, value)
	}
	record, err := l.engine.Key(ctx, s, id)
	if err == nil && record == nil {
		err = usererror.Errorf("no living key has this id; list keys/ for those that there are")
	}
	return record, err
}

func describeFoundKey(record *ledger.Record) map[string]any {
	described := describeKey(record)
	described["id"] = record.ID
	return described
}
