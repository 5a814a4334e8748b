# Category: Identity and secrets
#
# Sources: auth0/docs-v2:main/docs/oas/management/v2/management-api-oas.json;
# https://auth0.com/docs/get-started/applications/rotate-client-secret
#
# The secret of an application that exists, which all its instances share: it is
# replaced in place, so a static role keeps it. Auth0 says that a new secret may take up
# to thirty seconds until it is known everywhere. To end it without a successor is to
# replace it by one that nobody is told. For an application of its own, see auth0.
#
# Admin credential: another application with a grant for the Management API and the
# scopes update:client_keys and read:clients.
#
# Rights: auth0/go-auth0:management/clients/client/client.go for read:clients and
# update:client_keys;
# https://auth0.com/docs/api/management/v2/clients/post-rotate-secret
provider "auth0-client-secret" {
  title    = "Auth0 client secret"
  docs     = "https://auth0.com/docs/get-started/applications/rotate-client-secret"
  base_url = "https://${connection.domain}"

  connection {
    domain        = { required = true, help = "Domain of the tenant, such as acme.eu.auth0.com." }
    client_id     = { required = true, help = "Application that may replace secrets; not the one whose secret is kept." }
    client_secret = { required = true, sensitive = true, help = "Secret of that application." }
  }

  role {
    client_id = { required = true, help = "Application whose secret this is." }
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
    in_place = true
    post     = "/api/v2/clients/${role.client_id}/rotate-secret"
    id       = role.client_id
    identify = "client_secret"
    secret   = { client_id = role.client_id, client_secret = body.client_secret }
  }

  revoke {
    post = "/api/v2/clients/${key.id}/rotate-secret"
    gone = [404]
  }

  errors { message = body.message }
}
