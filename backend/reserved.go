package backend

import (
	"slices"

	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// ConnectionFields are the names of the engine's own fields of a connection, among
// them those that only an answer has. A definition's stand beside them, at the same
// level, and so cannot have the same names.
func ConnectionFields() []string {
	return []string{
		"name", "provider", "allowed_roles", "verify_connection", "base_url", "allow_http", "request_timeout",
		"ca_cert", "client_cert", "client_key", "tls_server_name", "proxy_url", "requests_per_second",
		"rotation_period", "rotation_schedule", "rotation_window", "force",
		"last_vault_rotation", "next_rotation", "notice", "last_error", "failures", "credential_expires_at",
	}
}

// RoleFields is ConnectionFields for a role, be it static or not.
func RoleFields() []string {
	return []string{
		"name", "connection", "ttl", "max_ttl", "key_name_template", "verify_revocation",
		"key_cidrs", "bind_to_caller", "narrowable_fields",
		"overlap", "keep_on_delete", "rotation_period", "rotation_schedule", "rotation_window",
		"last_vault_rotation", "next_rotation", "notice", "last_error", "failures",
	}
}

// RefuseReservedNames refuses a definition with a field that the engine's own of
// the same name would hide.
func RefuseReservedNames(definition *providers.Definition) error {
	for _, one := range []struct {
		kind   string
		fields providers.Fields
		own    []string
	}{
		{"connection", definition.Connection, ConnectionFields()},
		{"role", definition.Role, RoleFields()},
	} {
		for _, field := range one.fields {
			if slices.Contains(one.own, field.Name) {
				return usererror.Errorf("%s field %q has the name of one of the engine's own; choose another", one.kind, field.Name)
			}
		}
	}
	return nil
}
