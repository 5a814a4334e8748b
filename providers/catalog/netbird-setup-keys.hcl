# Category: Network and gateways
#
# Sources: netbirdio/netbird:shared/management/http/api/openapi.yml;
# https://docs.netbird.io/api/resources/setup-keys
#
# Setup keys, with which machines join the network. A role that says nothing gets keys
# for one machine, which is forgotten when it goes away. The admin token is one of a
# service user with the role admin. Deleting a key leaves the machines that joined with
# it.
#
# Admin credential: a personal access token of a service user with the role admin: a
# network_admin reads setup keys and makes none.
#
# Not confirmed: the status of deleting a key that is gone.
#
# Rights: netbirdio/docs:src/pages/manage/team/user-roles.mdx
provider "netbird-setup-keys" {
  title    = "NetBird setup keys"
  docs     = "https://docs.netbird.io/how-to/register-machines-using-setup-keys"
  base_url = "https://api.netbird.io"

  connection {
    token = { required = true, sensitive = true, help = "Access token of a service user with the role admin." }
  }

  role {
    auto_groups = { type = list(string), default = [], help = "Ids of the groups that machines join." }
    usage_limit = { type = number, default = 1, min = 0, help = "How many machines may join with one key; 0 is as many as there are." }
    ephemeral   = { type = bool, default = true, help = "Machines are forgotten after ten minutes without a connection." }
  }

  auth "header" { headers = { Authorization = "Token ${connection.token}" } }

  check { get = "/api/users/current" }

  issue {
    post = "/api/setup-keys"
    json = {
      name        = key.name
      type        = role.usage_limit == 1 ? "one-off" : "reusable"
      expires_in  = key.ttl
      auto_groups = role.auto_groups
      usage_limit = role.usage_limit
      ephemeral   = role.ephemeral
    }
    id         = body.id
    secret     = { setup_key = body.key }
    expires_at = body.expires
  }

  revoke {
    delete = "/api/setup-keys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all setup keys.
  list {
    get   = "/api/setup-keys"
    items = body
    item  = { id = item.id, name = item.name, last_used_at = item.last_used }
  }

  expiry {
    minimum = "24h"
    maximum = "365d"
  }

  errors { message = body.message }
}
