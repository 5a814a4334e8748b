# Category: Mail and messages
#
# Sources: mailgun/mailgun-mcp-server:src/openapi.yaml;
# https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/keys
#
# Admin credential: an account API key with the role admin: keys are managed by no
# lesser one.
#
# Rights: https://help.mailgun.com/hc/en-us/articles/26016288026907-API-Key-Roles;
# https://documentation.mailgun.com/docs/mailgun/user-manual/api-key-mgmt/rbac-mgmt
provider "mailgun" {
  title    = "Mailgun"
  docs     = "https://documentation.mailgun.com/docs/mailgun/user-manual/api-key-mgmt/rbac-mgmt"
  base_url = connection.region == "eu" ? "https://api.eu.mailgun.net" : "https://api.mailgun.net"

  connection {
    region  = { default = "us", enum = ["us", "eu"], help = "Region of the account." }
    api_key = { required = true, sensitive = true, help = "API key with the role admin." }
  }

  role {
    domain = { help = "Domain that the keys may send from, with the role sending; without it they are the account's." }
    permission = {
      default = "sending"
      enum    = ["sending", "developer", "basic", "admin"]
      help    = "What the keys may do. Keys of one domain only send; others do what their role says."
    }
  }

  auth "basic" {
    username = "api"
    password = connection.api_key
  }

  check { get = "/v1/keys" }

  issue {
    post = "/v1/keys"
    multipart = {
      role        = role.permission
      kind        = role.domain != null ? "domain" : "web"
      domain_name = role.domain
      description = key.name
      expiration  = key.ttl
    }
    id         = body.key.id
    secret     = { api_key = body.key.secret }
    expires_at = try(body.key.expires_at, null)
  }

  revoke {
    delete = "/v1/keys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all keys.
  list {
    get   = "/v1/keys"
    query = { kind = role.domain != null ? "domain" : "web", domain_name = role.domain }
    items = body.items
    item = {
      id         = item.id
      name       = item.description
      created_at = item.created_at
    }
  }

  errors { message = body.message }
}
