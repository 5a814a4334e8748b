# Category: Network and gateways
#
# Sources: juanfont/headscale:hscontrol/db/api_key.go, gen/openapiv2 and what Headscale
# 0.26.1 answers itself.
#
# API keys of Headscale's own API, for what administers a network: a policy pipeline, an
# exporter. There are no rights to narrow: every key may do everything, so let few roles
# use the connection, and keep lives short. Keys that machines join with are leased by
# headscale.
#
# Keys have no names. Headscale keeps the end of a key to the nanosecond, so that end is
# the name: it lies up to an hour after the one that was asked for.
#
# Rights: the admin credential is such a key itself.
#
# Not confirmed: Headscale 0.30, whose API is new; PostgreSQL in place of SQLite, which
# keeps microseconds, and so as much as is needed.
provider "headscale-apikeys" {
  title            = "Headscale API keys"
  docs             = "https://headscale.net/stable/ref/api/"
  lag              = "5s"
  verified_against = ["Headscale 0.26.1"]

  # The connection's base_url is the server's, such as https://headscale.example.com.

  connection {
    api_key = { required = true, sensitive = true, pattern = "^(hskey-api-|[A-Za-z0-9_-]+\\.)[A-Za-z0-9_-]+$", help = "API key, as headscale apikeys create prints it." }
  }

  auth "bearer" { token = connection.api_key }

  check { get = "/api/v1/apikey" }

  # Keys are PREFIX.SECRET, and since 0.28 hskey-api-PREFIX-SECRET; lists show prefixes,
  # since 0.28 as hskey-api-PREFIX-***, or PREFIX*** of older keys.
  locals {
    farthest = timeadd(now(), "87600h")
    listed   = startswith(item.prefix, "hskey-api-") ? substr(trimprefix(item.prefix, "hskey-api-"), 0, 12) : trimsuffix(item.prefix, "***")
    unknown  = status == 500 && body.message == "record not found" || status == 404
  }

  issue {
    post = "/api/v1/apikey"
    json = { expiration = unique_end(coalesce(key.expires_at, local.farthest), key.name) }

    id     = startswith(body.apiKey, "hskey-api-") ? substr(trimprefix(body.apiKey, "hskey-api-"), 0, 12) : split(".", body.apiKey)[0]
    secret = { api_key = body.apiKey }
  }

  revoke {
    delete = "/api/v1/apikey/${key.id}"
    gone   = local.unknown
  }

  # Not paged. Keys whose end is past stay listed.
  lookup {
    get   = "/api/v1/apikey"
    items = [for one in body.apiKeys : one if has_unique_end(one.expiration, key.name)]
    item  = { id = local.listed, name = key.name, created_at = item.createdAt, last_used_at = item.lastSeen }
  }
  list {
    unnamed = true
    get     = "/api/v1/apikey"
    items   = body.apiKeys
    skip    = unix(item.expiration) <= unix(now())
    item    = { id = local.listed, created_at = item.createdAt, last_used_at = item.lastSeen }
  }

  # A key that is not known is answered 500, as a failure is; the text tells them apart.
  probe {
    get     = "/api/v1/apikey"
    headers = { Authorization = "Bearer ${secret.api_key}" }
    alive   = [200]
    dead    = status == 401 || status == 500 && body == "Unauthorized"
  }

  rotate {
    post       = "/api/v1/apikey"
    json       = { expiration = coalesce(rfc3339(key.expires_at), local.farthest) }
    connection = { api_key = body.apiKey }
    retire {
      delete = "/api/v1/apikey/${startswith(previous.api_key, "hskey-api-") ? substr(trimprefix(previous.api_key, "hskey-api-"), 0, 12) : split(".", previous.api_key)[0]}"
      gone   = local.unknown
    }
  }

  # What was asked for with an unknown key counts as uncertain, since a failure may be
  # answered so.
  errors { message = body.message }
}
