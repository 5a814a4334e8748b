package paths

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/queue"
)

// queuePaths show and command what the active node keeps in memory, so all of
// them are forwarded to it.
func queuePaths(e *backend.Engine) []*framework.Path {
	q := queueEndpoints{e}
	return []*framework.Path{
		{
			Pattern: "queue/?$",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "list",
				OperationSuffix: "queue",
				ItemType:        "Queue entry",
			},
			Fields: pageFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ListOperation: &framework.PathOperation{
					Callback:                    q.list,
					Summary:                     "List what waits to be revoked at a provider.",
					Responses:                   listResponse("Ids of the entries.", "What waits, why, since when, and when it is tried next."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis: "List what waits to be revoked at a provider.",
			HelpDescription: `
A key whose provider could not be asked to revoke it waits here, and is tried again until the
provider says that it is gone.`,
		},
		{
			Pattern: "queue/" + queueID,
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationSuffix: "queue-entry",
				ItemType:        "Queue entry",
			},
			Fields: queueFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation: &framework.PathOperation{
					Callback:                    q.read,
					Summary:                     "Show one revocation that waits.",
					Responses:                   okResponse(queueAnswer()),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis:    "Show one revocation that waits.",
			HelpDescription: "Says which key waits, what for, since when, how often it was tried and when it is tried next.",
		},
		{
			Pattern: "queue/" + queueID + "/retry",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "retry",
				OperationSuffix: "queue-entry",
				Action:          "Retry",
			},
			Fields: queueFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: &framework.PathOperation{
					Callback:                    q.retry,
					Summary:                     "Try a waiting revocation now.",
					Responses:                   emptyResponse("The entry is tried at once."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis:    "Try a waiting revocation now.",
			HelpDescription: "The entry is tried at once instead of at its next time, and leaves the queue when the provider says that the key is gone.",
		},
		{
			Pattern: "queue/" + queueID + "/candidates",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationSuffix: "queue-entry-candidates",
				ItemType:        "Queue entry's candidates",
			},
			Fields: queueFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation: &framework.PathOperation{
					Callback: q.candidates,
					Summary:  "Show which keys without a name an entry may be about.",
					Responses: okResponse(map[string]*framework.FieldSchema{
						"candidates": {Type: framework.TypeSlice, Description: "Keys, newest first, each with its key_id at the provider and, where the provider tells them, created_at and last_used_at."},
					}),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis: "Show which keys without a name an entry may be about.",
			HelpDescription: `
Where keys have no names, nothing tells the key that a mint without a known outcome may have left
from those that people and other Vaults make. This asks the provider for its list, and shows what
nobody in this mount holds and what was made at the time in question. Any of it may be somebody
else's: compare it with what the provider's own log says before one is revoked.`,
		},
		{
			Pattern: "queue/" + queueID + "/revoke",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "revoke",
				OperationSuffix: "queue-entry-candidate",
				Action:          "Revoke candidate",
			},
			Fields: candidateFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: &framework.PathOperation{
					Callback:                    q.revoke,
					Examples:                    sample(map[string]any{"key_id": "key_w2x8n4p6q1r7s3t9"}),
					Summary:                     "Revoke a key without a name that an entry is about.",
					Responses:                   emptyResponse("The key is revoked; the entry stays until it is given up."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis: "Revoke a key without a name that an entry is about.",
			HelpDescription: `
The key has to be one of those that candidates shows. One that anybody in this mount holds is never
revoked, and no mint of the provider's connections runs meanwhile; whether somebody else uses it is
for the caller to know. Vault's log notes who asked for it. This is a path of its own so that a
policy can allow looking without it.`,
		},
		{
			Pattern: "queue/" + queueID + "/give-up",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "give-up",
				OperationSuffix: "queue-entry",
				Action:          "Give up",
			},
			Fields: queueFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: &framework.PathOperation{
					Callback:                    q.giveUp,
					Summary:                     "Take a revocation off the queue although the key may be alive.",
					Responses:                   emptyResponse("The entry is gone."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis: "Take a revocation off the queue although the key may be alive.",
			HelpDescription: `
For a key that was revoked by other means, or whose provider is gone for good. The engine forgets
the key, notes in Vault's log who asked for it, and never tries again. This is a path of its own so
that a policy can allow retrying without it.`,
		},
	}
}

// queueID matches an entry's id: a ledger id, or a key's name with whatever
// characters its provider allows.
const queueID = "(?P<id>[^/]+)"

func queueFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"id": {
			Type:         framework.TypeString,
			Description:  "Id of the entry, as queue/ lists it.",
			Required:     true,
			DisplayAttrs: &framework.DisplayAttributes{Name: "Entry", Identifier: true},
		},
	}
}

// candidateFields say which candidate of an entry.
func candidateFields() map[string]*framework.FieldSchema {
	fields := queueFields()
	fields["key_id"] = &framework.FieldSchema{
		Type:         framework.TypeString,
		Description:  "Id of the key at the provider, as candidates shows it.",
		Required:     true,
		DisplayAttrs: &framework.DisplayAttributes{Name: "Key id"},
	}
	return fields
}

// queueAnswer is the schema of one entry as it is shown.
func queueAnswer() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"kind":       {Type: framework.TypeString, Description: "What waits: " + queue.DescribeKinds() + "."},
		"connection": {Type: framework.TypeString, Description: "Connection that the key belongs to."},
		"role":       {Type: framework.TypeString, Description: "Role that the key was minted for."},
		"key_name":   {Type: framework.TypeString, Description: "Name of the key at the provider."},
		"reason":     {Type: framework.TypeString, Description: "Why it was queued."},
		"since":      {Type: framework.TypeTime, Description: "When it was queued."},
		"attempts":   {Type: framework.TypeInt, Description: "How often it was tried since the engine started."},
		"next_try":   {Type: framework.TypeTime, Description: "When it is tried next; not shown when that is now."},
		"last_error": {Type: framework.TypeString, Description: "What the last try ended with."},
	}
}

type queueEndpoints struct{ engine *backend.Engine }

func (q queueEndpoints) list(_ context.Context, _ *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	limit, err := pageLimit(d)
	if err != nil {
		return nil, err
	}
	entries := q.engine.QueuePage(d.Get("after").(string), limit)
	ids := make([]string, len(entries))
	info := make(map[string]any, len(entries))
	for i, entry := range entries {
		ids[i] = entry.ID
		info[entry.ID] = describeEntry(&entry)
	}
	return logical.ListResponseWithInfo(ids, info), nil
}

func (q queueEndpoints) read(_ context.Context, _ *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	entry := q.engine.QueueEntry(d.Get("id").(string))
	if entry == nil {
		return nil, nil
	}
	return &logical.Response{Data: describeEntry(entry)}, nil
}

func (q queueEndpoints) retry(_ context.Context, _ *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return nil, q.engine.RetryNow(d.Get("id").(string))
}

func (q queueEndpoints) giveUp(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return nil, q.engine.GiveUp(ctx, req, d.Get("id").(string))
}

func (q queueEndpoints) candidates(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	found, busy, err := q.engine.Candidates(ctx, req.Storage, d.Get("id").(string))
	if err != nil {
		return nil, err
	}
	shown := make([]map[string]any, 0, len(found))
	for _, one := range found {
		key := map[string]any{"key_id": one.ID}
		if !one.CreatedAt.IsZero() {
			key["created_at"] = shownTime(one.CreatedAt)
		}
		if !one.LastUsedAt.IsZero() {
			key["last_used_at"] = shownTime(one.LastUsedAt)
		}
		shown = append(shown, key)
	}
	response := &logical.Response{Data: map[string]any{"candidates": shown}}
	response.AddWarning("any of these keys may be somebody else's: keys have no names here")
	if busy {
		response.AddWarning("keys are being made at this moment, and may be among these; ask again")
	}
	return response, nil
}

func (q queueEndpoints) revoke(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return nil, q.engine.RevokeCandidate(ctx, req, d.Get("id").(string), d.Get("key_id").(string))
}

// describeEntry leaves out what the entry needs for its work, which may be
// secret.
func describeEntry(entry *queue.Entry) map[string]any {
	described := map[string]any{
		"kind":       string(entry.Kind),
		"connection": entry.Connection,
		"role":       entry.Role,
		"key_name":   entry.KeyName,
		"reason":     entry.Reason,
		"since":      shownTime(entry.Since),
		"attempts":   entry.Attempts,
	}
	if !entry.NextTry.IsZero() {
		described["next_try"] = shownTime(entry.NextTry)
	}
	if entry.LastError != "" {
		described["last_error"] = entry.LastError
	}
	return described
}
