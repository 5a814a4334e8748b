package simulation

import (
	"fmt"
	"slices"
	"strings"
)

// dialect is how one provider of the catalog says what the world's provider can do, so
// that lives use the catalog's own definitions. What happens to keys is the world's; a
// dialect has paths, places and forms alone, as the definition's sources have them.
type dialect struct {
	// connection and role are the fields that an operator writes, as JSON, beside the admin
	// credential, which is the field credential. "$project" stands for a project.
	connection, credential, role string
	// key is the field of secret that is the key.
	key string
	// traits are those of the provider that a definition's capabilities do not tell.
	traits Traits
	// routes are the requests, one a line: method, path, what it does, options, the answer,
	// and for lists after a bar how one item is shown. See dialect.go.
	routes string
	// learned are the requests in their place where they were read from exchanges.
	learned []*route
}

// all are the requests that the dialect has.
func (d *dialect) all() []*route {
	if d.learned != nil {
		return d.learned
	}
	return parseRoutes(d.routes)
}

// any reports whether a request of the dialect is so.
func (d *dialect) any(is func(*route) bool) bool { return slices.ContainsFunc(d.all(), is) }

// forgives reports whether what is not there is ended with success.
func (r *route) forgives() bool {
	_, missed := r.options["missed"]
	return missed || r.gone != nil && r.gone.status < 300
}

// tells reports whether the answer of a request for a key has a value that begins so.
func (r *route) tells(value string) bool {
	return (r.what == "make" || r.what == "fill") && r.answers(value)
}

// answers reports whether the answer has a value that begins so.
func (r *route) answers(value string) bool {
	return slices.ContainsFunc(leavesOf("", r.answer), func(one leaf) bool {
		text, _ := one.value.(string)
		return strings.HasPrefix(text, value)
	})
}

// tellsMoment reports whether the answer of a request for a key tells its end as a moment.
// Who tells whole days cannot have one end within the hour.
func (r *route) tellsMoment() bool {
	return (r.tells("$end") || r.tells("$ttl")) && !r.tells("$end_date")
}

// dialects are the definitions of the catalog that lives use, by name.
var dialects = map[string]dialect{
	"openai": {
		credential: "admin_key", key: "api_key", role: `{"project_id": "proj_$project"}`,
		traits: Traits{Projects: true, Rotation: rotateNew},
		routes: `
GET /organization/projects who {}
GET /models who {}
POST /organization/projects/proj_{project}/service_accounts make name=name {"id": "$id", "api_key": {"value": "$key"}}
DELETE /organization/projects/proj_{project}/service_accounts/{id} end {"deleted": true}
GET /organization/projects/proj_{project}/service_accounts list limit=limit cursor=after {"data": "$items", "has_more": "$more", "last_id": "$next"} | {"id": "$id", "name": "$name", "created_at": "$made_unix"}
POST /organization/admin_api_keys admin name=name {"id": "$id", "value": "$key"}
GET /organization/admin_api_keys admins {"data": "$items", "has_more": false} | {"id": "$id", "name": "$name", "redacted_value": "$redacted"}
DELETE /organization/admin_api_keys/{id} admin-end {"deleted": true}`,
	},
	"grafana": {
		connection: `{"service_account_id": 9}`, credential: "token", key: "token", role: `{"service_account_id": "$number"}`,
		traits: Traits{Projects: true, Numbers: true, Rotation: rotateNew},
		routes: `
GET /api/serviceaccounts/search who {}
GET /api/org who {}
POST /api/serviceaccounts/9/tokens admin name=name {"id": "$id", "key": "$key"}
GET /api/serviceaccounts/9/tokens admins "$items" | {"id": "$id", "name": "$name"}
DELETE /api/serviceaccounts/9/tokens/{id} admin-end {}
POST /api/serviceaccounts/{number}/tokens make name=name ttl=secondsToLive {"id": "$id", "key": "$key"}
DELETE /api/serviceaccounts/{number}/tokens/{id} end {}
GET /api/serviceaccounts/{number}/tokens list "$items" | {"id": "$id", "name": "$name", "created": "$made", "isRevoked": false}`,
	},
	"cloudflare": {
		credential: "api_token", key: "api_token", role: `{"policies": [{"effect": "allow", "permission_groups": [{"id": "x"}], "resources": {}}]}`,
		traits: Traits{Rotation: rotateInPlace},
		routes: `
GET /user/tokens/verify who {"success": true, "result": {"id": "$id", "status": "active"}}
POST /user/tokens make name=name end=expires_on {"success": true, "result": {"id": "$id", "value": "$key", "expires_on": "$end"}}
DELETE /user/tokens/{id} end {"success": true}
GET /user/tokens list limit=per_page page=page {"success": true, "result": "$items"} | {"id": "$id", "name": "$name", "issued_on": "$made"}
PUT /user/tokens/{id}/value roll {"success": true, "result": "$key"}`,
	},
	"datadog": {
		connection: `{"api_key": "api-key-of-the-organization"}`, credential: "application_key", key: "key", role: `{"scopes": ["read", "write"]}`,
		routes: `
GET /api/v2/api_keys who {"data": []}
POST /api/v2/current_user/application_keys make name=data.attributes.name {"data": {"id": "$id", "attributes": {"key": "$key", "scopes": "$scopes"}}}
DELETE /api/v2/current_user/application_keys/{id} end {}
GET /api/v2/current_user/application_keys list limit=page[size] page0=page[number] {"data": "$items"} | {"id": "$id", "attributes": {"name": "$name", "created_at": "$made"}}`,
	},
	"harbor": {
		connection: `{"username": "admin"}`, credential: "password", key: "secret", role: `{"permissions": [{"kind": "project", "namespace": "library", "access": [{"resource": "repository", "action": "pull"}]}]}`,
		traits: Traits{Numbers: true},
		routes: `
GET /robots list limit=page_size page=page "$items" | {"id": "$id", "name": "robot$$name", "creation_time": "$made"}
POST /robots make name=name days=duration {"id": "$id", "name": "robot$$name", "secret": "$key", "expires_at": "$end_unix"}
DELETE /robots/{id} end {}
GET /robots/{id} show {"id": "$id", "name": "robot$$name", "creation_time": "$made", "expires_at": "$end_unix"}
PUT /robots/{id} extend days=duration {}`,
	},
	"sendgrid": {
		credential: "api_key", key: "api_key", role: `{"scopes": ["read", "write"]}`,
		routes: `
GET /v3/scopes who {}
POST /v3/api_keys make name=name {"api_key_id": "$id", "api_key": "$key", "scopes": "$scopes"}
DELETE /v3/api_keys/{id} end {}
GET /v3/api_keys list {"result": "$items"} | {"api_key_id": "$id", "name": "$name"}`,
	},
	"openrouter": {
		credential: "management_key", key: "api_key", role: `{}`,
		routes: `
GET /key who {}
POST /keys make name=name end=expires_at {"data": {"hash": "$id", "expires_at": "$end"}, "key": "$key"}
DELETE /keys/{id} end {}
GET /keys list offset=offset {"data": "$items"} | {"hash": "$id", "name": "$name", "created_at": "$made"}`,
	},
	"grafana-cloud": {
		connection: `{"region": "eu", "policy_id": "own"}`, credential: "token", key: "token",
		role:   `{"scopes": ["read", "write"], "realms": [{"type": "org", "identifier": "1"}]}`,
		traits: Traits{Steps: true, Rotation: rotateNew},
		routes: `
GET /v1/accesspolicies list limit=pageSize cursor=cursor {"items": "$items", "metadata": {"pagination": {"nextPage": "$next_url"}}} | {"id": "$id", "name": "$name", "createdAt": "$made"}
POST /v1/accesspolicies account name=name {"id": "$id", "scopes": ["read", "write"]}
DELETE /v1/accesspolicies/{id} end {}
GET /v1/accesspolicies/own who {"id": "own"}
POST /v1/tokens admin when=accessPolicyId:own name=name {"id": "$id", "token": "$key"}
POST /v1/tokens fill id=accessPolicyId end=expiresAt {"id": "$id", "token": "$key", "expiresAt": "$end"}
POST /v1/tokens/{id} extend end=expiresAt {"expiresAt": "$end"}
GET /v1/tokens admins {"items": "$items", "metadata": {"pagination": {"nextPage": null}}} | {"id": "$id", "name": "$name"}
DELETE /v1/tokens/{id} admin-end {}`,
	},
	"elasticsearch": {
		connection: `{"username": "elastic"}`, credential: "password", key: "encoded", role: `{"role_descriptors": {"reader": {}}}`,
		routes: `
GET /_security/_authenticate who {}
POST /_security/api_key make name=name ttl=expiration {"id": "$id", "encoded": "$key", "api_key": "$key", "expiration": "$end_ms"}
DELETE /_security/api_key end id=ids.0 missed {"error_count": 0, "invalidated_api_keys": ["$asked"], "previously_invalidated_api_keys": []} else {"error_count": 0, "invalidated_api_keys": [], "previously_invalidated_api_keys": []}
GET /_security/api_key list {"api_keys": "$items"} | {"id": "$id", "name": "$name", "creation": "$made_ms"}
PUT /_security/api_key/{id} extend ttl=expiration {"updated": true}`,
	},
	"unleash": {
		credential: "token", key: "token", role: `{"type": "client"}`,
		traits: Traits{KnownID: true, Rotation: rotateNew},
		routes: `
GET /api/admin/user who {}
GET /api/admin/api-tokens/- who {"tokens": []}
POST /api/admin/api-tokens make name=tokenName end=expiresAt {"tokenName": "$name", "secret": "$key", "expiresAt": "$end"}
DELETE /api/admin/api-tokens/{secret} end {}
PUT /api/admin/api-tokens/{secret} extend end=expiresAt {}
GET /api/admin/api-tokens list {"tokens": "$items"} | {"tokenName": "$name", "secret": "$key", "createdAt": "$made"}
GET /api/admin/api-tokens/{name} list {"tokens": "$items"} | {"tokenName": "$name", "secret": "$key", "createdAt": "$made"}
POST /api/admin/user/tokens admin name=description {"id": "$id", "secret": "$key"}
GET /api/admin/user/tokens admins {"pats": "$items"} | {"id": "$id", "description": "$name"}
DELETE /api/admin/user/tokens/{id} admin-end {}`,
	},
	"gitea": {
		connection: `{"username": "admin"}`, credential: "password", key: "token", role: `{"username": "$project", "scopes": ["read", "write"]}`,
		traits: Traits{Projects: true, Numbers: true, Rotation: rotateCandidate},
		routes: `
GET /api/v1/user who {}
POST /api/v1/users/{project}/tokens make name=name {"id": "$id", "sha1": "$key", "scopes": "$scopes"}
DELETE /api/v1/users/{project}/tokens/{id} end {}
GET /api/v1/users/{project}/tokens list limit=limit page=page "$items" | {"id": "$id", "name": "$name"}
PATCH /api/v1/admin/users/admin swap key=password {}`,
	},
	"gitlab": {
		credential: "token", key: "token", role: `{"project": "$project", "scopes": ["read", "write"]}`,
		traits: Traits{Projects: true, Numbers: true, Rotation: rotateInPlace},
		routes: `
GET /personal_access_tokens/self who {"active": true}
POST /personal_access_tokens/self/rotate roll {"token": "$key"}
POST /projects/{project}/access_tokens make name=name date=expires_at {"id": "$id", "token": "$key", "expires_at": "$end_date", "scopes": "$scopes", "access_level": 30}
DELETE /projects/{project}/access_tokens/{id} end {}
GET /projects/{project}/access_tokens list limit=per_page page=page "$items" | {"id": "$id", "name": "$name", "created_at": "$made", "active": true, "revoked": false}`,
	},
	"tailscale": {
		connection: `{"client_id": "client"}`, credential: "client_secret", key: "auth_key", role: `{"tags": ["tag:sim"]}`,
		traits: Traits{OneByOne: true},
		routes: `
POST /api/v2/oauth/token login at=client_secret {"access_token": "$key", "token_type": "Bearer", "expires_in": 3600}
POST /api/v2/tailnet/-/keys make name=description ttl=expirySeconds {"id": "$id", "key": "$key", "expires": "$end"}
DELETE /api/v2/tailnet/-/keys/{id} end {}
GET /api/v2/tailnet/-/keys list {"keys": "$items"} | {"id": "$id"}
GET /api/v2/tailnet/-/keys/{id} show {"id": "$id", "description": "$name", "created": "$made"}`,
	},
	"netbox": {
		credential: "token", key: "token", role: `{"username": "robot"}`,
		traits: Traits{Numbers: true},
		routes: `
GET /api/status/ who {}
POST /api/users/tokens/ make name=description end=expires {"id": "$id", "key": "$key", "expires": "$end", "write_enabled": false}
DELETE /api/users/tokens/{id}/ end {}
PATCH /api/users/tokens/{id}/ extend end=expires {"expires": "$end"}
GET /api/users/tokens/ list limit=limit offset=offset {"results": "$items"} | {"id": "$id", "description": "$name", "created": "$made"}`,
	},
	"linode": {
		credential: "token", key: "token", role: `{"scopes": ["read", "write"]}`,
		traits: Traits{Numbers: true},
		routes: `
GET /v4/profile who {}
POST /v4/profile/tokens make name=label utc=expiry {"id": "$id", "token": "$key", "expiry": "$end_utc", "scopes": "read write"}
DELETE /v4/profile/tokens/{id} end {}
GET /v4/profile/tokens list limit=page_size page=page {"data": "$items", "pages": "$pages"} | {"id": "$id", "label": "$name", "created": "$made"}`,
	},
	"mailgun": {
		credential: "api_key", key: "api_key", role: `{"domain": "mail.example"}`,
		routes: `
POST /v1/keys make name=description ttl=expiration {"key": {"id": "$id", "secret": "$key", "expires_at": "$end"}}
DELETE /v1/keys/{id} end {}
GET /v1/keys list {"items": "$items"} | {"id": "$id", "description": "$name", "created_at": "$made"}`,
	},
	"launchdarkly": {
		credential: "access_token", key: "access_token", role: `{}`,
		routes: `
GET /api/v2/caller-identity who {}
POST /api/v2/tokens make name=name {"_id": "$id", "token": "$key"}
DELETE /api/v2/tokens/{id} end {}
GET /api/v2/tokens list limit=limit offset=offset {"items": "$items"} | {"_id": "$id", "name": "$name", "creationDate": "$made_ms"}`,
	},
	"litellm": {
		credential: "master_key", key: "api_key", role: `{"models": ["small"]}`,
		routes: `
GET /v1/models who {}
POST /key/generate make name=key_alias ttl=duration {"key": "$key", "expires": "$end"}
POST /key/delete end id=key_aliases.0 {}
GET /key/list list limit=size page=page {"keys": "$items", "total_pages": "$pages"} | {"key_alias": "$name", "created_at": "$made"}`,
	},
	"rabbitmq": {
		connection: `{"username": "admin"}`, credential: "password", key: "password",
		role:   `{"topics": [{"exchange": "a", "write": ".*", "read": ".*"}, {"exchange": "b", "write": ".*", "read": ".*"}]}`,
		traits: Traits{Chosen: true, Rotation: rotateCandidate},
		routes: `
GET /api/users/admin who {"tags": ["administrator"]}
GET /api/whoami who {} else {"reason": "Login failed"}
PUT /api/users/admin swap key=password {}
PUT /api/users/{name} make key=password status=201 {}
DELETE /api/users/{id} end {}
PUT /api/permissions/%2F/{name} who {}
PUT /api/topic-permissions/%2F/{name} who {}
GET /api/users list "$items" | {"name": "$name"}`,
	},
	"consul": {
		credential: "token", key: "token", role: `{"policies": ["reader"]}`,
		traits: Traits{AdminsAmong: true, Rotation: rotateNew},
		routes: `
GET /v1/acl/token/self who dead=403 {"AccessorID": "$id"} else "ACL not found"
PUT /v1/acl/token make name=Description given=AccessorID end=ExpirationTime {"SecretID": "$key", "ExpirationTime": "$end"}
GET /v1/acl/token/{id} show {"AccessorID": "$id"}
DELETE /v1/acl/token/{id} end {}
GET /v1/acl/tokens list "$items" | {"AccessorID": "$id", "Description": "$name", "CreateTime": "$made"}
PUT /v1/acl/token/{id}/clone admin name=Description {"SecretID": "$key"}`,
	},
	"meilisearch": {
		credential: "api_key", key: "api_key", role: `{"actions": ["read", "write"], "indexes": ["books"]}`,
		routes: `
POST /keys make name=name given=uid end=expiresAt {"uid": "$id", "key": "$key", "expiresAt": "$end", "actions": "$scopes", "indexes": ["books"]}
DELETE /keys/{id} end {}
GET /keys list limit=limit offset=offset {"results": "$items"} | {"uid": "$id", "name": "$name", "createdAt": "$made"}`,
	},
	"resend": {
		credential: "api_key", key: "api_key", role: `{}`,
		routes: `
POST /api-keys make name=name {"id": "$id", "token": "$key"}
DELETE /api-keys/{id} end {}
GET /api-keys list limit=limit cursor=after {"data": "$items", "has_more": "$more"} | {"id": "$id", "name": "$name", "created_at": "$made"}`,
	},
	"vercel": {
		credential: "token", key: "token", role: `{"team_id": "team"}`,
		routes: `
GET /v2/user who {}
POST /v3/user/tokens make name=name ms=expiresAt {"token": {"id": "$id", "expiresAt": "$end_ms"}, "bearerToken": "$key"}
DELETE /v3/user/tokens/{id} end {}
GET /v6/user/tokens list limit=limit cursor=until {"tokens": "$items", "pagination": {"next": "$next"}} | {"id": "$id", "name": "$name", "createdAt": "$made_ms"}`,
	},
	"neon": {
		connection: `{"org_id": "org"}`, credential: "api_key", key: "api_key", role: `{"project_id": "project"}`,
		traits: Traits{Numbers: true},
		routes: `
POST /organizations/org/api_keys make name=key_name {"id": "$id", "key": "$key"}
DELETE /organizations/org/api_keys/{id} end {}
GET /organizations/org/api_keys list "$items" | {"id": "$id", "name": "$name", "created_at": "$made"}`,
	},
	"portkey": {
		credential: "api_key", key: "api_key", role: `{"workspace_id": "ws", "scopes": ["read"]}`,
		routes: `
POST /api-keys/workspace/service make name=name end=expires_at {"id": "$id", "key": "$key"}
DELETE /api-keys/{id} end {}
PUT /api-keys/{id} extend end=expires_at {}
GET /api-keys list limit=page_size page0=current_page {"data": "$items"} | {"id": "$id", "name": "$name", "created_at": "$made"}`,
	},
	"terraform-cloud": {
		connection: `{"organization": "acme"}`, credential: "token", key: "token", role: `{"team_id": "team-1"}`,
		routes: `
GET /account/details who {}
POST /teams/team-1/authentication-tokens make name=data.attributes.description end=data.attributes.expired-at {"data": {"id": "$id", "attributes": {"token": "$key", "expired-at": "$end"}}}
DELETE /authentication-tokens/{id} end {}
GET /organizations/acme/team-tokens list limit=page[size] page=page[number] {"data": "$items"} | {"id": "$id", "attributes": {"description": "$name", "created-at": "$made"}}`,
	},
	"typesense": {
		credential: "api_key", key: "api_key", role: `{"actions": ["read", "write"], "collections": ["books"]}`,
		traits: Traits{Numbers: true},
		routes: `
POST /keys make name=description unix=expires_at {"id": "$id", "value": "$key", "expires_at": "$end_unix", "actions": "$scopes", "collections": ["books"]}
DELETE /keys/{id} end {}
GET /keys list {"keys": "$items"} | {"id": "$id", "description": "$name"}`,
	},
	"newrelic": {
		credential: "user_key", key: "key", role: `{"account_id": 1}`,
		routes: `
POST /graphql make when=query:apiAccessCreateKeys name=variables.keys.ingest.0.name {"data": {"apiAccessCreateKeys": {"createdKeys": [{"id": "$id", "key": "$key"}]}}}
POST /graphql end when=query:apiAccessDeleteKeys id=variables.keys.ingestKeyIds.0 missed {"data": {"apiAccessDeleteKeys": {"deletedKeys": [{"id": "$asked"}]}}} else {"data": {"apiAccessDeleteKeys": {"deletedKeys": [], "errors": [{"message": "key not found", "type": "NOT_FOUND"}]}}}
POST /graphql list when=query:keySearch {"data": {"actor": {"apiAccess": {"keySearch": {"keys": "$items", "nextCursor": null}}}}} | {"id": "$id", "name": "$name", "createdAt": "$made_unix"}
POST /graphql who {"data": {"actor": {"user": {"id": 1}}}}`,
	},
	"axiom": {
		credential: "token", key: "token", role: `{"dataset_capabilities": {"logs": {"query": ["read"]}}}`,
		routes: `
POST /tokens make name=name end=expiresAt {"id": "$id", "token": "$key", "expiresAt": "$end"}
DELETE /tokens/{id} end {}
GET /tokens list "$items" | {"id": "$id", "name": "$name"}
GET /user who {}`,
	},
	"dockerhub": {
		connection: `{"username": "acme"}`, credential: "password", key: "token", role: `{"scopes": ["read", "write"]}`,
		routes: `
POST /v2/auth/token login at=secret {"access_token": "$key"}
POST /v2/access-tokens make name=token_label end=expires_at {"uuid": "$id", "token": "$key", "scopes": "$scopes"}
DELETE /v2/access-tokens/{id} end {}
GET /v2/access-tokens list limit=page_size page=page {"results": "$items"} | {"uuid": "$id", "token_label": "$name", "created_at": "$made"}`,
	},
	"ngrok": {
		credential: "api_key", key: "token", role: `{"kind": "api_key"}`,
		routes: `
POST /api_keys make name=description {"id": "$id", "token": "$key"}
DELETE /api_keys/{id} end {}
GET /api_keys list limit=limit cursor=before_id {"keys": "$items", "next_page_uri": "$next_url"} | {"id": "$id", "description": "$name", "created_at": "$made"}`,
	},
	"pulumi-cloud": {
		connection: `{"organization": "acme"}`, credential: "access_token", key: "access_token", role: `{}`,
		routes: `
GET /api/user who {}
POST /api/orgs/acme/tokens make name=name unix=expires {"id": "$id", "tokenValue": "$key"}
DELETE /api/orgs/acme/tokens/{id} end {}
GET /api/orgs/acme/tokens list cursor=continuationToken {"tokens": "$items", "continuationToken": "$next"} | {"id": "$id", "name": "$name", "created": "$made"}`,
	},
	"qdrant-cloud": {
		connection: `{"account_id": "acme"}`, credential: "management_key", key: "api_key", role: `{"cluster_id": "c1"}`,
		routes: `
POST /api/cluster/auth/v2/accounts/acme/database-api-keys make name=databaseApiKey.name end=databaseApiKey.expiresAt {"databaseApiKey": {"id": "$id", "key": "$key", "expiresAt": "$end"}}
DELETE /api/cluster/auth/v2/accounts/acme/database-api-keys/{id} end {}
GET /api/cluster/auth/v2/accounts/acme/database-api-keys list {"items": "$items"} | {"id": "$id", "name": "$name", "createdAt": "$made"}`,
	},
	"digitalocean-spaces": {
		credential: "token", key: "secret_key", role: `{"grants": [{"bucket": "images", "permission": "read"}]}`,
		routes: `
POST /v2/spaces/keys make name=name {"key": {"access_key": "$id", "secret_key": "$key"}}
DELETE /v2/spaces/keys/{id} end {}
GET /v2/spaces/keys list limit=per_page page=page {"keys": "$items"} | {"access_key": "$id", "name": "$name", "created_at": "$made"}`,
	},
	"influxdb": {
		credential: "token", key: "token", role: `{"org_id": "org", "permissions": [{"action": "read", "resource": {"type": "buckets"}}]}`,
		routes: `
GET /api/v2/me who {}
POST /api/v2/authorizations make name=description {"id": "$id", "token": "$key"}
DELETE /api/v2/authorizations/{id} end {}
GET /api/v2/authorizations list {"authorizations": "$items"} | {"id": "$id", "description": "$name", "createdAt": "$made"}`,
	},
	"konnect": {
		credential: "token", key: "token", role: `{"account_id": "robot"}`,
		routes: `
GET /v3/system-accounts who {}
POST /v3/system-accounts/robot/access-tokens make name=name end=expires_at {"id": "$id", "token": "$key", "expires_at": "$end"}
DELETE /v3/system-accounts/robot/access-tokens/{id} end {}
GET /v3/system-accounts/robot/access-tokens list limit=page[size] page=page[number] {"data": "$items"} | {"id": "$id", "name": "$name", "created_at": "$made"}`,
	},
	"langfuse": {
		connection: `{"public_key": "pk-lf-admin"}`, credential: "secret_key", key: "secret_key", role: `{"project_id": "p1"}`,
		routes: `
GET /api/public/organizations/projects who {}
GET /api/public/projects who {}
POST /api/public/projects/p1/apiKeys make name=note {"id": "$id", "secretKey": "$key", "publicKey": "pk-lf-$id"}
DELETE /api/public/projects/p1/apiKeys/{id} end {}
GET /api/public/projects/p1/apiKeys list {"apiKeys": "$items"} | {"id": "$id", "note": "$name", "createdAt": "$made"}`,
	},
	"langfuse-organization": {
		credential: "admin_api_key", key: "secret_key", role: `{"organization_id": "o1"}`,
		routes: `
GET /api/admin/organizations who {}
GET /api/public/organizations/projects who {}
POST /api/admin/organizations/o1/apiKeys make name=note {"id": "$id", "secretKey": "$key", "publicKey": "pk-lf-$id"}
DELETE /api/admin/organizations/o1/apiKeys/{id} end {"success": true}
GET /api/admin/organizations/o1/apiKeys list {"apiKeys": "$items"} | {"id": "$id", "note": "$name", "createdAt": "$made"}`,
	},
	"miniflux": {
		credential: "token", key: "token", role: `{}`,
		traits: Traits{Numbers: true, AdminsAmong: true},
		routes: `
GET /v1/me who {}
POST /v1/api-keys make name=description {"id": "$id", "token": "$key"}
DELETE /v1/api-keys/{id} end {}
GET /v1/api-keys list "$items" | {"id": "$id", "description": "$name", "created_at": "$made"}`,
	},
	"deepgram": {
		credential: "api_key", key: "api_key", role: `{"project_id": "p1"}`,
		routes: `
GET /v1/projects who {}
POST /v1/projects/p1/keys make name=comment end=expiration_date {"api_key_id": "$id", "key": "$key", "expiration_date": "$end"}
DELETE /v1/projects/p1/keys/{id} end {}
GET /v1/projects/p1/keys list {"api_keys": "$items"} | {"api_key": {"api_key_id": "$id", "comment": "$name", "created": "$made"}}`,
	},
	"sandbox": {
		credential: "admin_key", key: "api_key", role: `{"scopes": ["read", "write"]}`,
		traits: Traits{Rotation: rotateNew},
		routes: `
GET /v1/whoami who {"id": "$id", "admin": true}
POST /v1/keys make name=name end=expires_at {"id": "$id", "key": "$key", "expires_at": "$end", "scopes": "$scopes"}
DELETE /v1/keys/{id} end {}
PATCH /v1/keys/{id} extend end=expires_at {"expires_at": "$end"}
GET /v1/keys list limit=limit cursor=cursor {"data": "$items", "next_cursor": "$next"} | {"id": "$id", "name": "$name", "created_at": "$made"}
POST /v1/admin-keys admin name=name {"id": "$id", "key": "$key"}
GET /v1/admin-keys admins {"data": "$items"} | {"id": "$id", "name": "$name"}
DELETE /v1/admin-keys/{id} admin-end {}`,
	},
	"weaviate": {
		credential: "api_key", key: "api_key", role: `{"roles": ["reader"]}`,
		traits: Traits{KnownID: true, Rotation: rotateInPlace},
		routes: `
GET /v1/users/own-info who {"username": "admin", "roles": [{"name": "admin"}]}
POST /v1/users/db/admin/rotate-key roll {"apikey": "$key"}
POST /v1/users/db/{name} make {"apikey": "$key"}
POST /v1/authz/users/{name}/assign who {}
DELETE /v1/users/db/{id} end {}
GET /v1/users/db list "$items" | {"userId": "$name", "createdAt": "$made"}`,
	},
	"sandbox-accounts": {
		credential: "admin_key", key: "api_key", role: `{"scopes": ["read", "write"]}`,
		traits: Traits{Steps: true, Rotation: rotateCandidate},
		routes: `
GET /v1/whoami who {"id": "$id", "admin": true}
POST /v1/accounts account name=name {"id": "$id"}
PUT /v1/accounts/{id}/scopes who {}
DELETE /v1/accounts/{id}/scopes who {}
POST /v1/accounts/{id}/keys fill end=expires_at {"id": "$id", "key": "$key", "expires_at": "$end"}
PATCH /v1/accounts/{id}/keys/{key} extend end=expires_at {"expires_at": "$end"}
DELETE /v1/accounts/{id} end {}
GET /v1/accounts list name=?name limit=limit cursor=cursor {"data": "$items", "next_cursor": "$next"} | {"id": "$id", "name": "$name", "created_at": "$made"}
PUT /v1/admin-keys/self/key swap key=key {}`,
	},
}

// dialectNames are the definitions of the catalog that lives use, in order.
func dialectNames() []string {
	return slices.Sorted(slices.Values(slices.Concat(sortedNames(dialects), sortedNames(lessons))))
}

// dialectOf is the dialect of a definition; nil where the world's own definition is used.
func dialectOf(name string) *dialect {
	if name == "" {
		return nil
	}
	if d, known := dialects[name]; known {
		return &d
	}
	if _, known := lessons[name]; !known {
		panic(fmt.Sprintf("simulation: no dialect of %q", name))
	}
	return learnedDialect(name)
}
