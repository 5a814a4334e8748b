package paths

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
)

func reconcilePaths(e *backend.Engine) []*framework.Path {
	r := reconcileEndpoint{e}
	return []*framework.Path{{
		Pattern: "reconcile/" + framework.GenericNameRegex("name"),
		DisplayAttrs: &framework.DisplayAttributes{
			OperationPrefix: operationPrefix,
			OperationVerb:   "reconcile",
			OperationSuffix: "connection",
			Action:          "Reconcile",
		},
		Fields: map[string]*framework.FieldSchema{
			"name": nameField("Name of the connection.", "Connection", "box"),
			"delete": {
				Type:         framework.TypeBool,
				Description:  "Whether keys that nobody holds are revoked. Without it they are only reported.",
				DisplayAttrs: &framework.DisplayAttributes{Name: "Delete"},
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{
				Callback:                    r.reconcile,
				Summary:                     "Compare the keys at a provider with the ledger.",
				Examples:                    sample(map[string]any{"delete": true}),
				Responses:                   okResponse(reconcileAnswer()),
				ForwardPerformanceStandby:   true,
				ForwardPerformanceSecondary: true,
			},
		},
		HelpSynopsis: "Compare the keys at a provider with the ledger.",
		HelpDescription: `
Lists the provider's keys whose names carry this mount's tag and that nobody in the mount holds. It
only reports them unless delete=true. A Vault that was cloned or restored from a snapshot carries
the same tag as the original: make sure that the original is gone before deleting.`,
	}}
}

// reconcileAnswer is the schema of the report.
func reconcileAnswer() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"listed":    {Type: framework.TypeInt, Description: "How many keys at the provider carry this mount's tag."},
		"orphans":   {Type: framework.TypeSlice, Description: "The keys among them that nobody in the mount holds: name, issued, revoked, last_used_at or never_used where the provider tells, error where revoking failed, and newer where the key was made after everything that this mount knows of, perhaps by a copy of this Vault."},
		"last_used": {Type: framework.TypeMap, Description: "When each key that somebody holds was last used, by its name, empty for never; without the keys of which the provider does not tell."},
		"missing":   {Type: framework.TypeStringSlice, Description: "Names of keys in the ledger that the provider does not list any more."},
		"failed":    {Type: framework.TypeSlice, Description: "The places at the provider that could not be listed, or not with certainty: scope and error. The rest of the answer is about the others."},
		"deleted":   {Type: framework.TypeBool, Description: "Whether orphans were to be revoked, or only reported."},
	}
}

type reconcileEndpoint struct{ engine *backend.Engine }

func (r reconcileEndpoint) reconcile(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	options := backend.ReconcileOptions{Delete: d.Get("delete").(bool)}
	report, err := r.engine.Reconcile(ctx, req.Storage, d.Get("name").(string), options)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(report.Orphans, func(a, b backend.Orphan) int { return a.Issued.Compare(b.Issued) })
	orphans := make([]map[string]any, len(report.Orphans))
	for i, orphan := range report.Orphans {
		orphans[i] = describeOrphan(orphan)
	}
	resp := &logical.Response{Data: map[string]any{
		"listed":  report.Listed,
		"orphans": orphans,
		"missing": emptyForNil(report.Missing),
		"failed":  describeFailed(report.Failed),
		"deleted": options.Delete,
	}}
	if report.LastUsed != nil {
		resp.Data["last_used"] = describeLastUsed(report.LastUsed)
	}
	if len(orphans) > 0 && !options.Delete {
		resp.AddWarning("Nothing was revoked; write delete=true to revoke what nobody holds.")
	}
	if len(report.Failed) > 0 {
		resp.AddWarning("Not every place could be listed; failed says which, and why.")
	}
	if slices.ContainsFunc(report.Orphans, func(o backend.Orphan) bool { return o.Newer }) {
		resp.AddWarning("Keys marked newer were made after everything that this mount knows of. Another Vault with a copy of this one's storage may have made them, and hold them.")
	}
	return resp, nil
}

func describeLastUsed(times map[string]time.Time) map[string]any {
	described := make(map[string]any, len(times))
	for name, at := range times {
		described[name] = ""
		showTime(described, name, at)
	}
	return described
}

func describeFailed(scopes []backend.FailedScope) []map[string]any {
	described := make([]map[string]any, len(scopes))
	for i, one := range scopes {
		described[i] = map[string]any{"scope": one.Scope.String(), "error": one.Error}
	}
	return described
}

func describeOrphan(orphan backend.Orphan) map[string]any {
	described := map[string]any{
		"name":    orphan.Name,
		"issued":  shownTime(orphan.Issued),
		"revoked": orphan.Revoked,
	}
	if orphan.Error != "" {
		described["error"] = orphan.Error
	}
	showTime(described, "last_used_at", orphan.LastUsed)
	if orphan.NeverUsed {
		described["never_used"] = true
	}
	if orphan.Newer {
		described["newer"] = true
	}
	return described
}
