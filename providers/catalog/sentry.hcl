# Category: Observability and feature flags
#
# Sources: getsentry/sentry-api-schema:openapi-derefed.json;
# https://docs.sentry.io/api/projects/create-a-new-client-key/
#
# Client keys (DSNs): they let a program send events to one project, and nothing else.
# Sentry has no API that makes tokens for reading. Keys do not end by themselves. The
# admin token needs project:read and project:admin, which deleting a key takes, and
# making one as well; it is made in the web interface and cannot be replaced by the API.
#
# Rights: getsentry/sentry-api-schema:openapi-derefed.json (security of each operation)
provider "sentry" {
  title    = "Sentry"
  docs     = "https://docs.sentry.io/api/projects/create-a-new-client-key/"
  base_url = "https://${connection.host}"

  connection {
    auth_token   = { required = true, sensitive = true, help = "Token of an internal integration with the scopes project:read and project:admin." }
    host         = { default = "sentry.io", help = "Where the organization lives: sentry.io, us.sentry.io, de.sentry.io, or your own server's name." }
    organization = { required = true, help = "Slug of the organization." }
  }

  role {
    project    = { required = true, help = "Slug of the project that the keys send events to." }
    rate_limit = { type = object({ count = number, window = number }), help = "How many events one key may send in so many seconds: {\"count\":1000,\"window\":60}." }
  }

  auth "bearer" { token = connection.auth_token }

  check {
    get   = "/api/0/organizations/${connection.organization}/projects/"
    query = { per_page = 1 }
  }

  issue {
    post   = "/api/0/projects/${connection.organization}/${role.project}/keys/"
    json   = { name = key.name, rateLimit = role.rate_limit }
    id     = body.id
    secret = { dsn = body.dsn.public }
  }

  revoke {
    delete = "/api/0/projects/${connection.organization}/${role.project}/keys/${key.id}/"
    gone   = [404]
  }

  # The Link header always names a next page, and says whether it holds anything.
  list {
    get   = "/api/0/projects/${connection.organization}/${role.project}/keys/"
    query = { cursor = page.cursor }
    items = body
    item = {
      id         = item.id
      name       = item.name
      created_at = item.dateCreated
    }
    # Sentry tells of a next page even where there is none, and says that it has no results.
    next = can(regex("[?&]cursor=[^&>]+>; rel=\"next\"(?:; results=\"true\"|,|$)", headers["link"])) ? { cursor = regex("[?&]cursor=([^&>]+)>; rel=\"next\"", headers["link"])[0] } : null
  }

  key_name { max_length = 64 }

  errors { message = body.detail }
}
