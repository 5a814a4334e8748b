# Category: Cloud and hosting
#
# Sources: https://pve.proxmox.com/pve-docs/api-viewer/#/access/users/{userid}/token;
# bpg/terraform-provider-proxmox:proxmox/access/user_token.go
#
# API tokens of a user, with privileges of their own: without a role they may do
# nothing. The admin token needs User.Modify for the user's group, and
# Permissions.Modify on the paths that it grants; it is replaced by another token of its
# own user, which keeps no access list, so it is not replaced here. What is gone is seen
# from the list: Proxmox VE answers a second deletion with 500.
#
# Rights: proxmox/pve-access-control:src/PVE/API2/User.pm and src/PVE/API2/ACL.pm
provider "proxmox" {
  title = "Proxmox VE"
  docs  = "https://pve.proxmox.com/pve-docs/pve-admin-guide.html#pveum_tokens"
  lag   = "5s"

  # The connection's base_url is a node, such as https://pve1.acme.example:8006.

  connection {
    token_id     = { required = true, help = "Token that makes tokens, such as vault@pve!admin." }
    token_secret = { required = true, sensitive = true, help = "Secret of token_id, a UUID." }
  }

  role {
    user_id = { required = true, help = "User that the tokens belong to, such as deploy@pve; they may never do more than the user." }
    path    = { default = "/", help = "What the tokens may reach, such as /vms/100 or /pool/web." }
    role    = { default = "PVEAuditor", help = "Role of the tokens there: PVEAuditor only looks." }
  }

  auth "header" { headers = { Authorization = "PVEAPIToken=${connection.token_id}=${connection.token_secret}" } }

  check { get = "/api2/json/access/users" }

  issue {
    step "token" {
      post = "/api2/json/access/users/${role.user_id}/token/v${key.name}"
      form = {
        comment = key.name
        privsep = 1
        expire  = unix(key.expires_at)
      }
      save = { secret = body.data.value, full = body.data["full-tokenid"], end = try(body.data.info.expire, null) }
      undo { delete = "/api2/json/access/users/${role.user_id}/token/v${key.name}" }
    }
    step "access" {
      put = "/api2/json/access/acl"
      form = {
        path   = role.path
        roles  = role.role
        tokens = saved.full
      }
    }
    id         = "v${key.name}"
    identify   = "secret"
    expires_at = coalesce(saved.end, key.expires_at)
    secret     = { token_id = saved.full, secret = saved.secret }
  }

  revoke {
    list_first = true
    delete     = "/api2/json/access/users/${role.user_id}/token/${key.id}"
  }

  # Not paged: the answer is all tokens of the user.
  list {
    get   = "/api2/json/access/users/${role.user_id}/token"
    items = body.data
    item  = { id = item.tokenid, name = trimprefix(item.tokenid, "v"), expires_at = item.expire }
  }

  extend {
    put        = "/api2/json/access/users/${role.user_id}/token/${key.id}"
    form       = { expire = unix(key.expires_at) }
    expires_at = body.data.expire
  }

  probe {
    get     = "/api2/json/version"
    headers = { Authorization = "PVEAPIToken=${secret.token_id}=${secret.secret}" }
    alive   = [200, 403]
    dead    = [401]
  }

  key_name {
    max_length = 60
    characters = "a-zA-Z0-9._-"
  }

  errors { message = try(join(" ", values(body.errors)), body.message) }
}
