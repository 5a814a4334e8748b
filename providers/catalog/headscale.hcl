# Category: Network and gateways
#
# Sources: juanfont/headscale:hscontrol/db/preauth_keys.go, hscontrol/grpcv1.go, gen/openapiv2
# and hscontrol/api/v1, and what Headscale 0.26.1 answers itself.
#
# Pre-authentication keys, with which machines join the network as a user's. Keys have
# no name, so ours stands in one more tag, tag:key-NAME, which a machine gets with the
# others: write no rule for such tags. A role names at least one tag of its own, so that
# its machines are nobody's but what the policy grants those tags. A key joins one
# machine, unless a role says otherwise; one that has joined stays when its key ends. An
# ended key stays listed and is never deleted.
#
# The API keys themselves have neither names nor rights that could be narrowed, so none
# are leased: every one may do everything, and so may the admin credential, which is one.
#
# Since 0.28 a key is shown once, and expired by its number. Not confirmed: Headscale
# 0.30, whose API is new.
provider "headscale" {
  title            = "Headscale"
  docs             = "https://headscale.net/stable/ref/api/"
  lag              = "5s"
  verified_against = ["Headscale 0.26.1"]

  # The connection's base_url is the server's, such as https://headscale.example.com.

  connection {
    api_key = { required = true, sensitive = true, pattern = "^(hskey-api-|[A-Za-z0-9_-]+\\.)[A-Za-z0-9_-]+$", help = "API key, as headscale apikeys create prints it." }
  }

  role {
    user_id = { required = true, pattern = "^[0-9]{1,20}$", help = "Number of the user that the machines join as, as headscale users list prints it." }
    tags = {
      type     = list(string)
      required = true
      min      = 1
      pattern  = "^tag:[a-z0-9-]{1,60}$"
      help     = "Tags of the machines, such as [\"tag:ci\"]; the policy says what those may do."
    }
    reusable  = { type = bool, default = false, help = "Whether a key joins more than one machine." }
    ephemeral = { type = bool, default = false, help = "Whether machines leave the network once they are offline." }
  }
  validation {
    condition     = length([for one in role.tags : one if startswith(one, "tag:key-")]) == 0
    error_message = "tag:key-… is what the engine's own names begin with; choose other tags"
  }

  auth "bearer" { token = connection.api_key }

  check { get = "/api/v1/apikey" }

  key_name { characters = "a-z0-9-" }

  issue {
    post = "/api/v1/preauthkey"
    json = {
      user       = role.user_id
      reusable   = role.reusable
      ephemeral  = role.ephemeral
      expiration = rfc3339(key.expires_at)
      aclTags    = concat(role.tags, ["tag:key-${key.name}"])
    }
    id         = startswith(body.preAuthKey.key, "hskey-") ? body.preAuthKey.id : body.preAuthKey.key
    secret     = { auth_key = body.preAuthKey.key }
    save       = { number = body.preAuthKey.id }
    expires_at = body.preAuthKey.expiration
  }

  # There is no deletion: the key's end becomes now. Servers before 0.28 want user and key,
  # and pass over the number; later ones the other way round, and they succeed at nothing
  # where it is missing.
  revoke {
    post = "/api/v1/preauthkey/expire"
    json = {
      id   = saved.number
      user = key.id == saved.number ? null : role.user_id
      key  = key.id == saved.number ? null : key.id
    }
    gone = status == 500 && body.message == "AuthKey not found" || status == 404
  }

  # Not paged: the answer is all keys of the user, since 0.28 of all users, and those among
  # them that have ended.
  list {
    get   = "/api/v1/preauthkey"
    query = { user = startswith(connection.api_key, "hskey-") ? null : role.user_id }
    items = body.preAuthKeys
    skip  = unix(item.expiration) <= unix(now())
    item = {
      id         = startswith(item.key, "hskey-") ? item.id : item.key
      number     = item.id
      name       = try([for one in item.aclTags : trimprefix(one, "tag:key-") if startswith(one, "tag:key-")][0], null)
      created_at = item.createdAt
    }
  }

  rotate {
    post       = "/api/v1/apikey"
    json       = { expiration = coalesce(rfc3339(key.expires_at), timeadd(now(), "87600h")) }
    connection = { api_key = body.apiKey }
    retire {
      delete = "/api/v1/apikey/${startswith(previous.api_key, "hskey-api-") ? substr(trimprefix(previous.api_key, "hskey-api-"), 0, 12) : split(".", previous.api_key)[0]}"
      gone   = status == 500 && body.message == "record not found" || status == 404
    }
  }

  # An unknown API key is answered 500 in plain text, as a failure might be: so nobody
  # can tell it from one, and what was asked for then counts as uncertain.
  errors { message = body.message }
}
