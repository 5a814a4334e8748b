// Package sandbox is a small provider of API keys, strict and complete enough to
// stand for a real one, that misbehaves on command. Commands and tests import it,
// and cmd/sandbox serves it by itself. It is a provider, not a Vault: package
// vaulttest runs those.
//
// Its API, under /v1, wants "Authorization: Bearer <admin key>":
//
//	POST   /v1/keys            {"name", "scopes", "owner", "labels", "expires_at", "allowed_cidrs"} -> 201 {"id", "key", …}
//	GET    /v1/keys            ?limit=&cursor=&name= -> {"data": […], "next_cursor": …}
//	GET    /v1/keys/{id}       PATCH {"expires_at"}   DELETE -> 204, 404 when it is gone
//	POST   /v1/accounts        {"name"} -> 201; GET lists; GET and DELETE /v1/accounts/{account}
//	PUT    /v1/accounts/{account}/scopes   {"scopes"}; DELETE takes them away
//	*      /v1/accounts/{account}/keys…    as /v1/keys, for keys with the account's scopes
//	POST   /v1/admin-keys      {"name"} -> 201 {"id", "key", …}; GET lists; DELETE /v1/admin-keys/{id}
//	PUT    /v1/admin-keys/self/key   {"key"} puts a key of your choice in place of your own
//
// and with a key itself: GET /v1/whoami says whose it is, GET /v1/data wants the
// scope "read". An account that holds keys is deleted only with ?force=true.
//
// # Breaking the engine with it
//
// Faults are commanded at /_sandbox/faults, with the control token. One object
// is a fault; a list is a script, whose steps come into force one after another:
//
//	export SANDBOX_ADMIN_KEY=admin SANDBOX_CONTROL_TOKEN=control
//	go run ./cmd/sandbox &
//	control() { curl -sS -H "Authorization: Bearer control" "$@"; }
//	vault write apikeys/config/sandbox provider=sandbox base_url=http://127.0.0.1:8300 admin_key=admin allowed_roles=demo
//	vault write apikeys/roles/demo connection=sandbox scopes=read ttl=10m
//
//	# The next mint makes a key, but the answer never comes:
//	control 127.0.0.1:8300/_sandbox/faults -d '{"kind": "commit_then_hang", "match": {"route": "POST /v1/keys"}}'
//	vault read apikeys/creds/demo
//
//	# Every revocation fails, until told otherwise:
//	control 127.0.0.1:8300/_sandbox/faults -d '{"kind": "status", "status": 503, "count": 0, "match": {"method": "DELETE"}}'
//	vault lease revoke -prefix apikeys/creds/demo
//	vault list apikeys/queue
//
//	# One mint is throttled, the next one passes, the third is reset after it took effect:
//	control 127.0.0.1:8300/_sandbox/faults -d '[{"kind": "rate_limit", "retry_after": 2}, {"kind": "pass"}, {"kind": "commit_then_reset"}]'
//
//	control 127.0.0.1:8300/_sandbox/state               # live keys, counters, faults in force
//	control 127.0.0.1:8300/_sandbox/state?all=true      # expired and deleted keys too
//	control -X DELETE 127.0.0.1:8300/_sandbox/faults    # no more faults; whatever hangs is let go
//
// A single request can bring its own fault: send it as JSON in the header
// Sandbox-Fault, with the control token in Sandbox-Control. The kinds are listed
// at [Kind], what else a fault can say at [Fault].
package sandbox
