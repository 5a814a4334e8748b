# Category: Data, search and queues
#
# Sources: mongodb/atlas-sdk-go:openapi/atlas-api.yaml and
# https://www.mongodb.com/docs/api/doc/atlas-admin-api-v2/
#
# A key is a service account with one secret. Taking a service account out of a project
# leaves it in the organization with its secret alive, so it is always the organization
# that it is deleted from.
#
# Admin credential: an API key or service account with Organization Owner for the keys
# of the organization, or Project Owner for those of one project. A service account with
# Organization Owner is replaced by another one, with its roles and its addresses, whose
# secret lives for a year; an API key is replaced in Atlas, by a service account.
#
# Rights not named in: https://www.mongodb.com/docs/api/doc/atlas-admin-api-v2/
# (Organization Owner to invite a service account to a project) and Cloud Manager's
# https://www.mongodb.com/docs/cloud-manager/reference/api/org-service-accounts, which
# lets Organization User Admin suffice
provider "mongodb-atlas" {
  title    = "MongoDB Atlas"
  docs     = "https://www.mongodb.com/docs/atlas/api/service-accounts-overview/"
  base_url = "https://cloud.mongodb.com"

  connection {
    org_id        = { required = true, pattern = "^[a-f0-9]{24}$", help = "Organization that the service accounts belong to, 24 hexadecimal digits." }
    client_id     = { help = "Client id of a service account with the role Organization Owner. Give it with client_secret, or public_key with private_key, which cannot be rotated." }
    client_secret = { sensitive = true, help = "Secret of client_id." }
    public_key    = { sensitive = true, help = "Public half of an API key with the role Organization Owner." }
    private_key   = { sensitive = true, help = "Private half of public_key." }
  }

  role {
    roles = {
      type     = list(string)
      required = true
      help     = "Roles of the service accounts: those of a project, such as GROUP_READ_ONLY, with project_id; else those of the organization, such as ORG_READ_ONLY."
    }
    project_id = { pattern = "^[a-f0-9]{24}$", help = "Project that the service accounts are for. Without it they are for the whole organization." }
  }

  validation {
    condition     = (connection.client_id != null && connection.client_secret != null) != (connection.public_key != null && connection.private_key != null)
    error_message = "give client_id and client_secret, or public_key and private_key"
  }

  locals {
    accounts = "/api/atlas/v2/orgs/${connection.org_id}/serviceAccounts"
    # Where accounts are made: in the project, or in the organization.
    made_in = role.project_id != null ? "/api/atlas/v2/groups/${role.project_id}/serviceAccounts" : local.accounts
    version = "application/vnd.atlas.2024-08-05+json"
  }

  auth "oauth2" {
    when          = connection.client_id != null
    token_url     = "/api/oauth/token"
    client_id     = connection.client_id
    client_secret = connection.client_secret
  }
  auth "digest" {
    when     = connection.client_id == null
    username = connection.public_key
    password = connection.private_key
  }

  requests { headers = { Accept = local.version, Content-Type = local.version } }

  check {
    get   = local.accounts
    query = { itemsPerPage = 1 }
  }

  issue {
    step "account" {
      post = local.made_in
      json = { name = key.name, description = "Leased by Vault", roles = role.roles, secretExpiresAfterHours = ceil(key.ttl / 3600) }
      save = { client_id = body.clientId, client_secret = body.secrets[0].secret, expires_at = body.secrets[0].expiresAt }
      undo {
        delete = "${local.accounts}/${saved.client_id}"
        gone   = [404]
      }
    }
    step "access_list" {
      when = length(key.cidrs) > 0
      post = "${local.made_in}/${saved.client_id}/accessList"
      json = [for cidr in key.cidrs : { cidrBlock = cidr }]
    }
    id         = saved.client_id
    expires_at = coalesce(saved.expires_at, key.expires_at)
    secret     = { client_secret = saved.client_secret, client_id = saved.client_id }
  }

  revoke {
    delete = "${local.accounts}/${key.id}"
    gone   = [404]
  }

  rotate {
    step "own" {
      get  = "${local.accounts}/${connection.client_id}"
      save = { old_id = body.clientId, roles = body.roles }
    }
    step "own_access_list" {
      get   = "${local.accounts}/${connection.client_id}/accessList"
      query = { itemsPerPage = 500 }
      save  = { cidrs = [for entry in body.results : { cidrBlock = entry.cidrBlock }] }
    }
    step "account" {
      post = local.accounts
      json = { name = key.name, description = "Used by Vault", roles = saved.roles, secretExpiresAfterHours = 8760 }
      save = { client_id = body.clientId, client_secret = body.secrets[0].secret }
      undo {
        delete = "${local.accounts}/${saved.client_id}"
        gone   = [404]
      }
    }
    step "access_list" {
      for_each = length(saved.cidrs) > 0 ? [saved.cidrs] : []
      post     = "${local.accounts}/${saved.client_id}/accessList"
      json     = each.value
    }
    connection = { client_id = saved.client_id, client_secret = saved.client_secret }
    retire {
      delete = "${local.accounts}/${saved.old_id}"
      gone   = [404]
    }
    list { item = { name = item.name, old_id = item.clientId } }
  }

  list {
    get   = local.accounts
    query = { itemsPerPage = 500 }
    items = body.results
    item = {
      id           = item.clientId
      name         = item.name
      created_at   = item.createdAt
      last_used_at = item.secrets[0].lastUsedAt
    }
    pagination "page" { parameter = "pageNum" }
  }

  # Whether a client may have a token is all that its secret decides.
  probe {
    post    = "/api/oauth/token"
    form    = { grant_type = "client_credentials" }
    headers = { Accept = null, Content-Type = null }
    auth "basic" {
      username = secret.client_id
      password = secret.client_secret
    }
    alive = [200]
    dead  = status == 401 || try(body.error, "") == "invalid_client"
  }

  key_name { max_length = 64 }

  expiry {
    minimum          = "8h"
    maximum          = "365d"
    granularity      = "1h"
    granularity_from = "now"
  }

  errors { message = try(body.detail, body.reason) }
}
