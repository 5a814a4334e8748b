# Category: Code and delivery
#
# Sources: https://api.pulumi.com/api/openapi/pulumi-spec.json;
# https://www.pulumi.com/docs/pulumi-cloud/reference/cloud-rest-api/access-tokens/
#
# Tokens of an organization or of a team. The admin token's user must be an
# administrator of the organization.
#
# Admin credential: an access token of an organization administrator, or with a role
# that may create, list and delete organization tokens.
#
# Rights not named in: https://www.pulumi.com/docs/administration/reference/rbac-scopes/
# and pulumi/pulumi-pulumiservice:provider/pkg/cloud/spec.json
provider "pulumi-cloud" {
  title    = "Pulumi Cloud"
  docs     = "https://www.pulumi.com/docs/administration/access-identity/access-tokens/"
  base_url = "https://api.pulumi.com"

  connection {
    access_token = { required = true, sensitive = true, help = "Access token of an administrator of the organization." }
    organization = { required = true, help = "Organization that the tokens belong to." }
  }

  role {
    team    = { help = "Team that the tokens act for; without it they are the organization's." }
    role_id = { help = "Role that an organization's tokens have; without it the organization's default. Tokens of a team have none." }
  }

  auth "header" { headers = { Authorization = "token ${connection.access_token}" } }

  check { get = "/api/user" }

  issue {
    post = (
      role.team != null ? "/api/orgs/${connection.organization}/teams/${role.team}/tokens" :
      "/api/orgs/${connection.organization}/tokens"
    )
    json = {
      name        = key.name
      description = "Made by Vault"
      expires     = unix(key.expires_at)
      admin       = role.team != null ? null : false
      roleID      = role.team != null ? null : role.role_id
    }
    id     = body.id
    secret = { access_token = body.tokenValue }
  }

  revoke {
    delete = (
      role.team != null ? "/api/orgs/${connection.organization}/teams/${role.team}/tokens/${key.id}" :
      "/api/orgs/${connection.organization}/tokens/${key.id}"
    )
    gone = [404]
  }

  list {
    get = (
      role.team != null ? "/api/orgs/${connection.organization}/teams/${role.team}/tokens" :
      "/api/orgs/${connection.organization}/tokens"
    )
    query = { filter = "all" }
    items = body.tokens
    item = {
      id           = item.id
      name         = item.name
      created_at   = try(item.created, null)
      last_used_at = item.lastUsed
    }
    pagination "cursor" {
      parameter = "continuationToken"
      next      = body.continuationToken
    }
  }

  probe {
    get     = "/api/user"
    headers = { Authorization = "token ${secret.access_token}" }
    alive   = [200]
    dead    = [401]
  }

  key_name { max_length = 40 }

  expiry { maximum = "730d" }

  errors { message = body.message }
}
