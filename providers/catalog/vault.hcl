# Category: Identity and secrets
#
# Sources, unless a line names another: hashicorp/vault-client-go:openapi.json
# (which leaves the answers open) and hashicorp/vault:vault/token_store.go at
# v1.21.0. OpenBao keeps the same API.
#
# There is no list: Vault lists accessors alone, and finding a name would take
# one request for each token of the whole server. Worse, a token that is looked
# up by its accessor while it is being made, before its lease is stored, is
# revoked on the spot (lookupInternal in the same file). A token whose issue had
# no answer ends by itself, at its TTL.
#
# Admin credential: a token with create and update on auth/token/create or
# auth/token/create/ROLE, update on auth/token/lookup-accessor, renew-accessor and
# revoke-accessor, and list with sudo on auth/token/accessors; the policies of the keys
# must be its own, unless ROLE allows them.
provider "vault" {
  title = "Vault and OpenBao tokens"
  docs  = "https://developer.hashicorp.com/vault/api-docs/auth/token"

  verified_against = ["Vault 1.21.0"]
  lag              = "5s"

  # The connection's base_url is where Vault is served, without /v1.

  connection {
    token               = { required = true, sensitive = true, help = "Token that may create tokens and revoke, renew them by accessor. Renew it, or make it periodic." }
    rotation_token_role = { help = "Token role (auth/token/roles/…) to create the successor of token against. It must make orphans, and decides their policies. Without it the successor has the policies, period and TTL of token, and the path auth/token/create-orphan demands sudo." }
    namespace           = { help = "Namespace of the tokens, where the server has namespaces." }
  }

  role {
    policies   = { type = list(string), help = "Policies of the tokens. Without any they are left to token_role, or are the policy \"default\" alone." }
    token_role = { help = "Token role (auth/token/roles/…) to create the tokens against. It must not make batch tokens, which cannot be revoked." }
    orphan = {
      type    = bool
      default = true
      help    = "Make tokens that do not end with the connection's token. The path auth/token/create-orphan demands sudo; a token_role decides this by itself."
    }
    no_default_policy = { type = bool, help = "Leave the policy \"default\" out. A token without it may not look itself up, so it cannot be probed." }
    meta              = { type = map(string), help = "Metadata that the server's audit log shows with each use of a token." }
  }

  locals {
    # An unknown accessor is a 200 with a warning today, and was "invalid accessor" (400 or
    # 403) in earlier versions; "token not found" is an accessor whose token is dead
    # already. A bare 403 is a missing permission.
    no_such = contains([400, 403], status) && can(regex("invalid accessor|token not found", join(" ", body.errors)))
    # Of the token itself only "invalid token" is the end: a permission that lacks is a 403
    # as well, and a server too old to say so leaves it unclear.
    is_dead = status == 403 && can(regex("invalid token|bad token", join(" ", body.errors)))
    # Without a token role the successor is as its predecessor.
    alike = connection.rotation_token_role == null
  }

  auth "header" {
    headers = { X-Vault-Token = connection.token, X-Vault-Namespace = connection.namespace }
  }

  check { get = "/v1/auth/token/lookup-self" }

  issue {
    post = (
      role.token_role != null ? "/v1/auth/token/create/${role.token_role}" :
      role.orphan ? "/v1/auth/token/create-orphan" : "/v1/auth/token/create"
    )
    # Without policies the server would hand on those of the connection's token.
    json = {
      display_name      = key.name
      policies          = role.token_role != null || try(length(role.policies), 0) > 0 ? role.policies : ["default"]
      no_default_policy = role.no_default_policy
      meta              = merge(role.meta, { key_name = key.name })
      ttl               = "${key.ttl}s"
      renewable         = true
      type              = "service" # a batch token has no accessor
    }
    id     = body.auth.accessor
    secret = { token = body.auth.client_token }
    save   = { orphan = body.auth.orphan }

    # The server grants less than was asked for where its max TTL is less; 0 is a
    # token without end.
    expires_in = body.auth.lease_duration > 0 ? body.auth.lease_duration : null
  }

  revoke {
    post = "/v1/auth/token/revoke-accessor"
    json = { accessor = key.id }
    gone = local.no_such
  }

  # A token that reaches its max TTL is granted less.
  extend {
    post       = "/v1/auth/token/renew-accessor"
    json       = { accessor = key.id, increment = "${key.ttl}s" }
    expires_in = body.auth.lease_duration
    gone       = local.no_such
  }

  probe {
    get        = "/v1/auth/token/lookup-self"
    credential = { token = secret.token }
    alive      = status == 200
    dead       = local.is_dead
  }

  # An orphan, since a child would end with the token that it replaces. Identity policies
  # stay with the old token: give the policies to the token itself.
  rotate {
    revokes_keys = !saved.orphan # children end with the token that made them

    step "own" {
      get = "/v1/auth/token/lookup-self"
      save = {
        old_accessor = body.data.accessor
        policies     = body.data.policies
        ttl          = try(body.data.creation_ttl, 0)
        max_ttl      = try(body.data.explicit_max_ttl, 0)
        period       = try(body.data.period, 0)
      }
    }

    step "new" {
      post = local.alike ? "/v1/auth/token/create-orphan" : "/v1/auth/token/create/${connection.rotation_token_role}"
      json = {
        display_name      = key.name
        policies          = local.alike ? saved.policies : null
        no_default_policy = local.alike ? !contains(saved.policies, "default") : null
        meta              = { key_name = key.name }
        ttl               = key.ttl != null ? "${key.ttl}s" : local.alike && saved.ttl > 0 ? "${saved.ttl}s" : null
        explicit_max_ttl  = local.alike && saved.max_ttl > 0 ? "${saved.max_ttl}s" : null
        period            = local.alike && saved.period > 0 ? "${saved.period}s" : null
        renewable         = true
        type              = "service"
      }
      save = { token = body.auth.client_token, accessor = body.auth.accessor }

      undo {
        post = "/v1/auth/token/revoke-accessor"
        json = { accessor = saved.accessor }
        gone = local.no_such
      }
    }

    # A token role may make children.
    step "is an orphan" {
      get        = "/v1/auth/token/lookup-self"
      credential = { token = saved.token }
      ok         = body.data.orphan
    }

    connection = { token = saved.token }

    retire {
      post = "/v1/auth/token/revoke-accessor"
      json = { accessor = saved.old_accessor }
      gone = local.no_such
    }
  }

  errors {
    message      = join("; ", body.errors)
    unauthorized = local.is_dead
  }
}
