package paths

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
)

// ownershipPaths tell and decide whether a mount that may be a copy acts. All of
// them are the active node's.
func ownershipPaths(e *backend.Engine) []*framework.Path {
	o := ownershipEndpoints{e}
	return []*framework.Path{
		{
			Pattern: "ownership/?$",
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationSuffix: "ownership",
			},
			Fields: ownershipFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation: &framework.PathOperation{
					Callback:                    o.read,
					Summary:                     "Show whether this mount acts, or may be a copy of another one.",
					Responses:                   okResponse(ownershipAnswer()),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
				logical.UpdateOperation: &framework.PathOperation{
					Callback:                    o.write,
					Summary:                     "Say when this mount is to wait for a claim.",
					Examples:                    sample(map[string]any{"claim_after_crash": true}),
					Responses:                   okResponse(ownershipAnswer()),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
				logical.PatchOperation: &framework.PathOperation{
					Callback:                    o.write,
					Summary:                     "Say when this mount is to wait for a claim.",
					Examples:                    sample(map[string]any{"claim_after_crash": false}),
					Responses:                   okResponse(ownershipAnswer()),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis: "Show whether this mount acts, or may be a copy of another one.",
			HelpDescription: `
A mount that was restored from a snapshot may stand beside its living original. As long as that is in
doubt it is passive: it mints and renews, and ends, replaces and removes nothing that it has from the
snapshot. Write ownership/claim when it is the only one, ownership/yield when another one is the owner.

A copy that starts within minutes of its snapshot looks like a new leader after a crash. With
claim_after_crash=true both wait for a claim; a start after a stop in good order does not.`,
		},
		o.decision("claim", o.claim, "Have this mount act, because it is the only one of its kind.", `
Say this after a take-over from a snapshot, when the original is gone for good. The mount then revokes
what is past its end, goes on with its queue and rotates what is due, by what its storage knows. Never
say it while the original lives: what that one has renewed or rotated would end.`),
		o.decision("yield", o.yield, "Make this mount passive, because another one is the owner of what it knows.", `
Say this on a copy, such as a Vault restored for a drill, right after it is unsealed. It ends, replaces
and removes nothing of what it knows until ownership/claim is written.`),
	}
}

// decision is an endpoint by which an operator decides.
func (o ownershipEndpoints) decision(verb string, callback framework.OperationFunc, summary, help string) *framework.Path {
	return &framework.Path{
		Pattern: "ownership/" + verb + "/?$",
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationVerb:   verb,
			OperationSuffix: "ownership",
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:                    callback,
				Summary:                     summary,
				Responses:                   okResponse(ownershipAnswer()),
				ForwardPerformanceStandby:   true,
				ForwardPerformanceSecondary: true,
			},
		},
		HelpSynopsis:    summary,
		HelpDescription: help,
	}
}

func ownershipFields() map[string]*framework.FieldSchema {
	fields := map[string]*framework.FieldSchema{}
	acceptShown(fields, addOwnershipState)
	fields["claim_after_crash"] = &framework.FieldSchema{
		Type:         framework.TypeBool,
		Description:  "Whether the mount waits for ownership/claim after every process that stopped without a release, such as a crash or a failover, even if that was a moment ago. A copy that is started right after its snapshot then harms nothing.",
		DisplayAttrs: &framework.DisplayAttributes{Name: "Claim after a crash"},
	}
	return fields
}

// ownershipAnswer is the schema of what is told of a mount's ownership.
func ownershipAnswer() map[string]*framework.FieldSchema {
	fields := map[string]*framework.FieldSchema{
		"claim_after_crash": {Type: framework.TypeBool, Description: "Whether the mount waits for a claim after every process that stopped without a release."},
	}
	addOwnershipState(fields)
	return fields
}

// addOwnershipState adds what nobody can write.
func addOwnershipState(fields map[string]*framework.FieldSchema) {
	fields["state"] = &framework.FieldSchema{Type: framework.TypeString, Description: `"active"; "passive", where the mount ends, replaces and removes nothing; or "superseded", where another process has taken over.`}
	fields["epoch"] = &framework.FieldSchema{Type: framework.TypeString, Description: "Name of the process that acts, new at every start."}
	fields["since"] = &framework.FieldSchema{Type: framework.TypeTime, Description: "Since when the mount is passive."}
	fields["reason"] = &framework.FieldSchema{Type: framework.TypeString, Description: "Why it is passive."}
	fields["evidence"] = &framework.FieldSchema{Type: framework.TypeStringSlice, Description: "Names of keys at a provider that somebody else must have made, where these are the reason."}
	fields["yielded"] = &framework.FieldSchema{Type: framework.TypeBool, Description: "Whether an operator left what it knows to another one."}
	fields["queued"] = &framework.FieldSchema{Type: framework.TypeInt, Description: "How many revocations wait for a claim."}
	fields["past_deadline"] = &framework.FieldSchema{Type: framework.TypeInt, Description: "How many keys are past their end by what this storage knows; a claim has them revoked."}
}

type ownershipEndpoints struct{ engine *backend.Engine }

func (o ownershipEndpoints) read(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	told, err := o.engine.Ownership(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: describeOwnership(told)}, nil
}

func (o ownershipEndpoints) write(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if wait, given := d.GetOk("claim_after_crash"); given {
		if err := o.engine.SetClaimAfterCrash(ctx, req.Storage, wait.(bool)); err != nil {
			return nil, err
		}
	}
	return o.read(ctx, req, d)
}

func (o ownershipEndpoints) claim(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if err := o.engine.ClaimOwnership(ctx, req); err != nil {
		return nil, err
	}
	return o.read(ctx, req, d)
}

func (o ownershipEndpoints) yield(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	if err := o.engine.YieldOwnership(ctx, req); err != nil {
		return nil, err
	}
	return o.read(ctx, req, d)
}

func describeOwnership(told backend.Ownership) map[string]any {
	described := map[string]any{"state": "active", "epoch": told.Epoch, "claim_after_crash": told.ClaimAfterCrash}
	if !told.Passive {
		return described
	}
	described["state"] = "passive"
	described["queued"], described["past_deadline"] = told.Queued, told.PastDeadline
	switch {
	case told.Superseded:
		described["state"] = "superseded"
	case told.Doubt != nil:
		described["since"] = shownTime(told.Doubt.Since)
		described["reason"] = told.Doubt.Reason
		described["evidence"] = emptyForNil(told.Doubt.Evidence)
		described["yielded"] = told.Doubt.Yielded
	}
	return described
}
