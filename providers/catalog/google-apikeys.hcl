# Category: AI
#
# Sources: googleapis/google-api-go-client:apikeys/v2/apikeys-api.json and
# https://cloud.google.com/docs/authentication/api-keys
#
# Keys for Gemini, Maps and other Google APIs. A new key may take some minutes to
# be known everywhere. The service account's own key is replaced by the IAM API,
# not by this one.
#
# Admin credential: a service account with roles/serviceusage.apiKeysAdmin on the
# project and nothing else.
#
# Rights: https://cloud.google.com/api-keys/docs/access-control;
# https://docs.cloud.google.com/iam/docs/roles-permissions/serviceusage
provider "google-apikeys" {
  title    = "Google Cloud API keys"
  docs     = "https://cloud.google.com/api-keys/docs/reference/rest"
  base_url = "https://apikeys.googleapis.com"

  connection {
    credentials = {
      required  = true
      sensitive = true
      help      = "Key of a service account that may manage API keys (roles/serviceusage.apiKeysAdmin), as the JSON file that Google gave."
    }
    project = { required = true, pattern = "^[a-z0-9][a-z0-9:.-]*$", help = "Project that the keys belong to: its id or number." }
  }

  role {
    services  = { type = list(string), required = true, min = 1, help = "APIs that the keys may call, such as generativelanguage.googleapis.com." }
    ips       = { type = list(string), binds_addresses = true, help = "IP addresses and networks that may use the keys, beside those of a lease." }
    referrers = { type = list(string), binds_addresses = true, help = "Web sites whose pages may use the keys. Google takes these or addresses, not both." }
  }

  locals {
    keys    = "/v2/projects/${connection.project}/locations/global/keys"
    account = jsondecode(connection.credentials)
  }

  auth "jwt" {
    algorithm = "RS256"
    key       = local.account.private_key
    key_id    = local.account.private_key_id
    lifetime  = "1h"
    claims = {
      iss   = local.account.client_email
      scope = "https://www.googleapis.com/auth/cloud-platform"
      aud   = "https://oauth2.googleapis.com/token"
    }
    token_url = "https://oauth2.googleapis.com/token"
  }

  check {
    get   = local.keys
    query = { pageSize = 1 }
  }

  issue {
    step "create" {
      post  = local.keys
      query = { keyId = "k-${key.name}" }
      json = {
        displayName = key.name
        restrictions = {
          apiTargets             = length(coalesce(role.services, [])) > 0 ? [for service in role.services : { service = service }] : null
          serverKeyRestrictions  = length(concat(coalesce(role.ips, []), key.cidrs)) > 0 ? { allowedIps = concat(coalesce(role.ips, []), key.cidrs) } : null
          browserKeyRestrictions = length(coalesce(role.referrers, [])) > 0 ? { allowedReferrers = role.referrers } : null
        }
      }
      poll {
        get   = "/v2/operations/${split("/", body.name)[1]}"
        ok    = !can(body.error.message)
        until = try(body.done, false)
        every = "1s"
      }
      undo {
        delete = "${local.keys}/k-${key.name}"
        gone   = [404]
      }
    }
    step "key_string" {
      get = "${local.keys}/k-${key.name}/keyString"
    }
    id     = "k-${key.name}"
    secret = { api_key = body.keyString }
  }

  # A deleted key can be read for 30 days, and shows when it was deleted.
  revoke {
    step "look" {
      get  = "${local.keys}/${key.id}"
      gone = status == 404 || status == 200 && can(regex(".", body.deleteTime))
    }
    step "delete" {
      delete = "${local.keys}/${key.id}"
      gone   = [404]
      poll {
        get   = "/v2/operations/${split("/", body.name)[1]}"
        ok    = !can(body.error.message)
        until = try(body.done, false)
        every = "1s"
      }
    }
  }

  list {
    get   = local.keys
    query = { pageSize = 300 }
    items = try(body.keys, [])
    item  = { id = split("/", item.name)[5], name = try(item.displayName, ""), created_at = item.createTime }
    pagination "cursor" {
      parameter = "pageToken"
      next      = body.nextPageToken
    }
  }

  key_name {
    max_length = 61
    characters = "a-z0-9-"
  }

  errors { message = body.error.message }
}
