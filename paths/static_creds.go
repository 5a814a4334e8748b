package paths

import (
	"context"
	"maps"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/timetable"
)

func staticCredsPaths(e *backend.Engine) []*framework.Path {
	c := staticCredsEndpoint{e}
	return []*framework.Path{{
		Pattern: "static-creds/" + framework.GenericNameRegex("name"),
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationVerb:   "read",
			OperationSuffix: "static-role-credentials",
		},
		Fields: map[string]*framework.FieldSchema{"name": nameField("Name of the static role.", "Static role", "shared")},
		Operations: map[logical.Operation]framework.OperationHandler{
			// It asks storage alone, so any node can answer it.
			logical.ReadOperation: &framework.PathOperation{
				Callback:  c.read,
				Summary:   "Read the key that a static role holds.",
				Responses: okResponse(staticCredsAnswer()),
			},
		},
		HelpSynopsis: "Read the key that a static role holds.",
		HelpDescription: `
The provider's fields of the key are at top level, beside those of its rotation. There is no lease:
read again after ttl seconds, or whenever the key is refused. For the role's overlap after a
rotation, the old key works on and stands in previous.`,
	}}
}

// staticCredsAnswer is the schema of what a read shows beside the key itself,
// whose fields are the provider's.
func staticCredsAnswer() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"key_name":            {Type: framework.TypeString, Description: "Name of the key at the provider."},
		"last_vault_rotation": {Type: framework.TypeTime, Description: "When the key took its predecessor's place."},
		"next_rotation":       {Type: framework.TypeTime, Description: "When it is replaced, or that is tried again after a failure; not shown where that is by hand only."},
		"rotation_period":     {Type: framework.TypeInt, Description: "Seconds from one rotation to the next; not shown where a schedule says when, or that is by hand only."},
		"rotation_schedule":   {Type: framework.TypeString, Description: "When it is replaced, as the role says; not shown without a schedule."},
		"rotation_window":     {Type: framework.TypeInt, Description: "Seconds after a time of rotation_schedule in which the rotation may begin; not shown without a window."},
		"ttl":                 {Type: framework.TypeInt, Description: "Seconds left to the next rotation; not shown where that is by hand only."},
		"expires_at":          {Type: framework.TypeTime, Description: "When the provider itself ends the key; not shown where it does not."},
		"previous":            {Type: framework.TypeSlice, Description: "The keys before that still work, the newest first: each with its fields, key_name, and until, which is when it is revoked."},
	}
}

type staticCredsEndpoint struct{ engine *backend.Engine }

func (c staticCredsEndpoint) read(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	keys, err := c.engine.StaticKeys(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	role, err := c.engine.StaticRole(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	if role == nil {
		return nil, nil // deleted meanwhile
	}
	now := c.engine.Now()
	data := map[string]any{"previous": previousKeys(keys, now)}
	// By these Vault Agent, consul-template and the Secrets Operator know that the
	// answer is not a lease, and when to ask again.
	showTime(data, "last_vault_rotation", keys.LastRotated)
	showCadence(data, role.Schedule)
	if !keys.NextRotation.IsZero() {
		data["next_rotation"] = shownTime(keys.NextRotation)
		data["ttl"] = max(0, inSeconds(keys.NextRotation.Sub(now)))
	}
	showStaticKey(data, keys.Current)
	resp := &logical.Response{Data: data}
	if keys.InDoubt {
		resp.AddWarning("It is not known whether this credential still works: its provider was asked to replace it, and gave no usable answer. That is tried again until there is one.")
	}
	return resp, nil
}

// showCadence shows how often the key is replaced: only what applies, since
// consumers decide by which of them is there.
func showCadence(data map[string]any, schedule timetable.Schedule) {
	if schedule.Period > 0 {
		data["rotation_period"] = inSeconds(schedule.Period)
	}
	if schedule.Cron != "" {
		data["rotation_schedule"] = schedule.Cron
	}
	if schedule.Window > 0 {
		data["rotation_window"] = inSeconds(schedule.Window)
	}
}

// previousKeys are those that still work.
func previousKeys(keys *backend.StaticKeys, now time.Time) []any {
	previous := []any{}
	for _, key := range keys.Overlapping(now) {
		shown := map[string]any{"until": shownTime(key.Until)}
		showStaticKey(shown, key)
		previous = append(previous, shown)
	}
	return previous
}

// showStaticKey shows a key with its secret.
func showStaticKey(data map[string]any, key *backend.StaticKey) {
	data["key_name"] = key.Name
	showTime(data, "expires_at", key.ExpiresAt)
	maps.Copy(data, key.Secret)
}
