# Category: Identity and secrets
#
# Sources: auth0/docs-v2:main/docs/oas/management/v2/management-api-oas.json;
# https://auth0.com/docs/api/management/v2/clients/post-clients
#
# A key is a machine-to-machine application of its own with a grant for one API and its
# scopes. Applications do not end by themselves. The application that makes them needs,
# at the Management API, create:clients, read:clients, delete:clients and
# create:client_grants; its secret is replaced by the same call that ends the old one at
# once, which needs update:client_keys and its own id. A free tenant has a bound of 10
# applications.
#
# Rights: auth0/go-auth0:management/clients/client/client.go and reference.md for
# create:clients, read:clients and update:client_keys;
# https://auth0.com/docs/api/management/v2/clients/post-rotate-secret
provider "auth0" {
  title    = "Auth0"
  docs     = "https://auth0.com/docs/get-started/applications/client-credentials"
  base_url = "https://${connection.domain}"

  connection {
    domain        = { required = true, help = "Domain of the tenant, such as acme.eu.auth0.com." }
    client_id     = { required = true, help = "Application that may make and delete applications." }
    client_secret = { required = true, sensitive = true, help = "Secret of that application." }
  }

  role {
    audience        = { required = true, help = "Identifier of the API that the applications may call." }
    scopes          = { type = list(string), default = [], help = "Scopes of that API that the applications get; none, unless written." }
    tokens_per_hour = { type = number, min = 1, help = "How many access tokens one application may fetch in an hour, where the tenant has token quotas." }
  }

  auth "login" {
    request {
      post = "/oauth/token"
      json = {
        grant_type    = "client_credentials"
        client_id     = connection.client_id
        client_secret = connection.client_secret
        audience      = "${base_url}/api/v2/"
      }
    }
    token      = body.access_token
    expires_in = body.expires_in
  }

  check {
    get   = "/api/v2/clients"
    query = { fields = "client_id", per_page = 1 }
  }

  issue {
    step "application" {
      post = "/api/v2/clients"
      json = {
        name        = key.name
        description = "Leased by Vault"
        app_type    = "non_interactive"
        grant_types = ["client_credentials"]
        token_quota = role.tokens_per_hour == null ? null : { client_credentials = { enforce = true, per_hour = role.tokens_per_hour } }
      }
      save = { client_id = body.client_id, client_secret = body.client_secret }
      undo {
        delete = "/api/v2/clients/${saved.client_id}"
        gone   = [404]
      }
    }
    step "grant" {
      post = "/api/v2/client-grants"
      json = { client_id = saved.client_id, audience = role.audience, scope = role.scopes }
    }
    id       = saved.client_id
    identify = "client_secret"
    secret   = { client_id = saved.client_id, client_secret = saved.client_secret }
    granted  = { audience = body.audience, scopes = body.scope }
  }

  revoke {
    delete = "/api/v2/clients/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/api/v2/clients"
    query = { fields = "client_id,name", page = coalesce(page.number, 0), per_page = 100 }
    items = body
    item  = { id = item.client_id, name = item.name }
    next  = length(items) > 0 ? { number = coalesce(page.number, 0) + 1 } : null
  }

  rotate {
    post       = "/api/v2/clients/${connection.client_id}/rotate-secret"
    connection = { client_secret = body.client_secret }
  }

  errors { message = body.message }
}
