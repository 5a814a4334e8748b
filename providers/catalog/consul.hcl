# Category: Identity and secrets
#
# Sources: https://developer.hashicorp.com/consul/api-docs/acl/tokens and what Consul
# 1.22.0 answers itself.
#
# Admin credential: an ACL token of a policy with acl = "write"; whoever may write
# tokens may give themselves any right there is, so it is as good as a management token.
provider "consul" {
  title            = "Consul ACL tokens"
  docs             = "https://developer.hashicorp.com/consul/docs/security/acl/tokens"
  lag              = "10s"
  verified_against = ["Consul 1.22.0"]

  connection {
    token     = { required = true, sensitive = true, help = "Token that may write ACL tokens (acl = \"write\")." }
    partition = { help = "Admin partition of the tokens, in Consul Enterprise." }
    namespace = { help = "Namespace of the tokens, in Consul Enterprise." }
  }

  role {
    policies           = { type = list(string), default = [], help = "Names of the policies that say what the tokens may do." }
    roles              = { type = list(string), default = [], help = "Names of roles whose policies the tokens have." }
    service_identities = { type = list(string), default = [], help = "Services that the tokens may register and discover, such as web." }
    node_identities    = { type = map(string), default = {}, help = "Nodes that the tokens may register, and of each its datacenter, such as db1 = dc1." }
    local              = { type = bool, default = false, help = "Whether the tokens work in their own datacenter alone." }
  }

  validation {
    condition     = length(role.policies) + length(role.roles) + length(role.service_identities) + length(role.node_identities) > 0
    error_message = "give policies, roles, service_identities or node_identities: a token of none may do what anybody may"
  }

  locals {
    # A dead admin token is answered "ACL not found" alone.
    absent = status == 404 || status == 403 && startswith(body, "token does not exist")
  }

  auth "header" { headers = { "X-Consul-Token" = connection.token } }

  requests { query = { partition = connection.partition, ns = connection.namespace } }

  check {
    get      = "/v1/acl/tokens"
    response = "text"
  }

  issue {
    put = "/v1/acl/token"
    json = {
      AccessorID        = uuidv5("url", key.name)
      Description       = key.name
      Policies          = [for name in role.policies : { Name = name }]
      Roles             = [for name in role.roles : { Name = name }]
      ServiceIdentities = [for name in role.service_identities : { ServiceName = name }]
      NodeIdentities    = [for name, datacenter in role.node_identities : { NodeName = name, Datacenter = datacenter }]
      Local             = role.local
      ExpirationTime    = rfc3339(key.expires_at)
    }
    id         = uuidv5("url", key.name)
    secret     = { token = body.SecretID }
    expires_at = body.ExpirationTime
  }

  # A deletion answers 404 as well where the admin token is the one that is gone, so the
  # token is looked at first: that tells the two apart.
  revoke {
    step "look" {
      get      = "/v1/acl/token/${key.id}"
      gone     = local.absent
      response = "text"
    }
    step "delete" { delete = "/v1/acl/token/${key.id}" }
  }

  # Not paged: the answer is all tokens.
  list {
    get   = "/v1/acl/tokens"
    items = body
    item  = { id = item.AccessorID, name = item.Description, created_at = item.CreateTime }
  }

  probe {
    get        = "/v1/acl/token/self"
    query      = { partition = null, ns = null }
    credential = { token = secret.token }
    alive      = [200]
    dead       = [403]
  }

  rotate {
    step "own" {
      get   = "/v1/acl/token/self"
      query = { partition = null, ns = null }
      save  = { accessor = body.AccessorID }
    }
    step "clone" {
      put  = "/v1/acl/token/${saved.accessor}/clone"
      json = { Description = key.name }
    }
    connection = { token = body.SecretID }
    retire {
      step "look" {
        get      = "/v1/acl/token/${saved.accessor}"
        gone     = local.absent
        response = "text"
      }
      step "delete" { delete = "/v1/acl/token/${saved.accessor}" }
    }
    list { item = { name = item.Description, accessor = item.AccessorID } }
  }

  expiry { minimum = "1m" }

  # Errors are plain text, which is read as such where a request says so.
  errors { unauthorized = status == 403 && trimspace(body) == "ACL not found" }
}
