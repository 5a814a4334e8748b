package paths

import (
	"context"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/timetable"
)

func rotationPaths(e *backend.Engine) []*framework.Path {
	r := rotationEndpoints{e}
	return []*framework.Path{
		{
			Pattern: "rotate-root/" + framework.GenericNameRegex("name"),
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "rotate",
				OperationSuffix: "root-credentials",
				Action:          "Rotate",
			},
			Fields: map[string]*framework.FieldSchema{
				"name": nameField("Name of the connection.", "Connection", "box"),
				forceField: {
					Type:         framework.TypeBool,
					Description:  "Replace the credential although keys that somebody holds end with it.",
					DisplayAttrs: &framework.DisplayAttributes{Name: "Force"},
				},
			},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: &framework.PathOperation{
					Callback:                    r.root,
					Summary:                     "Replace a connection's admin credential at its provider.",
					Responses:                   emptyResponse("The connection has a new credential."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis: "Replace a connection's admin credential at its provider.",
			HelpDescription: `
A new credential is made, tried, and stored in the connection; the old one is then removed at the
provider, at once or, when that fails, by the queue. After an error the connection still has a
credential that works. Nobody sees the new one: Vault alone holds it from then on.

Where providers/PROVIDER says rotate_in_place, the provider ends the old credential as it answers
the new one. An answer that is lost then takes both with it, and a new one has to be made by hand.

Where it says rotate_revokes_keys, keys end with the credential that made them. For as long as
somebody holds such a key the rotation is refused; force=true ends them all at once.`,
		},
		{
			Pattern: "rotate-role/" + framework.GenericNameRegex("name"),
			DisplayAttrs: &framework.DisplayAttributes{
				OperationPrefix: operationPrefix,
				OperationVerb:   "rotate",
				OperationSuffix: "static-role-credentials",
				Action:          "Rotate",
			},
			Fields: map[string]*framework.FieldSchema{"name": nameField("Name of the static role.", "Static role", "shared")},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: &framework.PathOperation{
					Callback:                    r.role,
					Summary:                     "Replace a static role's key now.",
					Responses:                   emptyResponse("The role has a new key."),
					ForwardPerformanceStandby:   true,
					ForwardPerformanceSecondary: true,
				},
			},
			HelpSynopsis: "Replace a static role's key now.",
			HelpDescription: `
The old key works on for the role's overlap. A rotation_period begins anew; a rotation_schedule stays
as it is. After an error the role still has the key that it had.`,
		},
	}
}

type rotationEndpoints struct{ engine *backend.Engine }

func (r rotationEndpoints) root(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	resp := &logical.Response{}
	o := backend.RotateOptions{Force: d.Get(forceField).(bool), Warn: resp.AddWarning}
	if err := r.engine.RotateRootAs(ctx, req.Storage, name, o); err != nil {
		return nil, err
	}
	state, err := r.engine.RootRotation(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	if state.Notice != "" {
		resp.AddWarning(state.Notice)
	}
	if len(resp.Warnings) == 0 {
		return nil, nil
	}
	return resp, nil
}

func (r rotationEndpoints) role(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	return nil, r.engine.RotateStatic(ctx, req.Storage, d.Get("name").(string))
}

// addSchedule adds the fields of a schedule for what is rotated.
func addSchedule(fields map[string]*framework.FieldSchema, rotated string) {
	fields["rotation_period"] = &framework.FieldSchema{
		Type:         framework.TypeDurationSecond,
		Description:  "How long after one rotation " + rotated + " is rotated again: at least 5 seconds. Takes the place of rotation_schedule. Without both it is rotated by hand only.",
		DisplayAttrs: &framework.DisplayAttributes{Name: "Rotation period", Group: "Rotation", Value: "720h"},
	}
	fields["rotation_schedule"] = &framework.FieldSchema{
		Type:         framework.TypeString,
		Description:  "When " + rotated + " is rotated: a cron expression of five fields, in UTC. Takes the place of rotation_period.",
		DisplayAttrs: &framework.DisplayAttributes{Name: "Rotation schedule", Group: "Rotation", Value: "0 3 * * SAT"},
	}
	fields["rotation_window"] = &framework.FieldSchema{
		Type:         framework.TypeDurationSecond,
		Description:  "How long after a time of rotation_schedule the rotation may still begin: at least 1 hour. One that misses its window waits for the next time. Without a window it is made up for.",
		DisplayAttrs: &framework.DisplayAttributes{Name: "Rotation window", Group: "Rotation", Value: "2h"},
	}
}

// setSchedule takes over what the request says; as in the database engine, a
// period takes a schedule's place and a schedule a period's.
func setSchedule(d *framework.FieldData, schedule *timetable.Schedule) {
	setSeconds(d, "rotation_period", &schedule.Period)
	set(d, "rotation_schedule", &schedule.Cron)
	setSeconds(d, "rotation_window", &schedule.Window)
	_, period := requestField(d, "rotation_period")
	_, cron := requestField(d, "rotation_schedule")
	_, window := requestField(d, "rotation_window")
	switch {
	case period && !cron && schedule.Period > 0:
		schedule.Cron = ""
	case cron && !period && schedule.Cron != "":
		schedule.Period = 0
	}
	if schedule.Cron == "" && !window {
		schedule.Window = 0
	}
}

// showSchedule shows what was written.
func showSchedule(data map[string]any, schedule timetable.Schedule) {
	data["rotation_period"] = inSeconds(schedule.Period)
	data["rotation_schedule"] = schedule.Cron
	data["rotation_window"] = inSeconds(schedule.Window)
}

// acceptShown has a write take the fields that only an answer has, so that what
// was read can be written back; it passes them over.
func acceptShown(fields map[string]*framework.FieldSchema, add func(map[string]*framework.FieldSchema)) {
	shown := map[string]*framework.FieldSchema{}
	add(shown)
	for name, field := range shown {
		field.Description += " Cannot be set: a write passes it over."
		field.DisplayAttrs = &framework.DisplayAttributes{Name: displayName(name), Group: stateGroup}
		fields[name] = field
	}
}

// stateGroup holds the fields that are shown and cannot be set.
const stateGroup = "State"

// displayName is a field's name as a person writes it: "Last error".
func displayName(name string) string {
	spaced := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(spaced[:1]) + spaced[1:]
}

// addRotationState adds the fields of a rotation's state to an answer's schema.
func addRotationState(fields map[string]*framework.FieldSchema) {
	fields["last_vault_rotation"] = &framework.FieldSchema{Type: framework.TypeTime, Description: "When it was last rotated; not shown before the first time."}
	fields["next_rotation"] = &framework.FieldSchema{Type: framework.TypeTime, Description: "When it is rotated next, or tried again after a failure; not shown where that is by hand only."}
	fields["notice"] = &framework.FieldSchema{Type: framework.TypeString, Description: "What the last rotation left to be done by hand; not shown where it left nothing."}
	fields["last_error"] = &framework.FieldSchema{Type: framework.TypeString, Description: "Why the last rotation failed; not shown after a success."}
	fields["failures"] = &framework.FieldSchema{Type: framework.TypeInt, Description: "How many rotations failed since the last success."}
}

// showRotationState shows how a rotation stands.
func showRotationState(data map[string]any, state backend.RotationState) {
	showTime(data, "last_vault_rotation", state.LastRotated)
	showTime(data, "next_rotation", state.NextRotation)
	if state.Notice != "" {
		data["notice"] = state.Notice
	}
	if state.LastError != "" {
		data["last_error"] = state.LastError
	}
	data["failures"] = state.Failures
}

// showTime shows a time that there is.
func showTime(data map[string]any, name string, t time.Time) {
	if !t.IsZero() {
		data[name] = shownTime(t)
	}
}
