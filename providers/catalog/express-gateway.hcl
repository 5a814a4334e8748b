# Category: Network and gateways
#
# Sources: ExpressGateway/express-gateway:lib/rest/routes/credentials.js and
# lib/services/credentials, and what Express Gateway 1.16.11 answers.
#
# A credential cannot be deleted, only deactivated. Its keyId is ours to choose,
# and takes the place of the name that credentials lack.
#
# Admin credential: whoever reaches the admin API: it has no login of its own, so bind
# it to loopback or put one before it.
provider "express-gateway" {
  title = "Express Gateway"
  docs  = "https://www.express-gateway.io/docs/admin/"

  verified_against = ["Express Gateway 1.16.11"]
  lag              = "5s"

  # The connection's base_url is the admin API, or an endpoint of the gateway's
  # that leads there.

  connection {
    admin_key = { sensitive = true, help = "Key of the form keyId:keySecret, where the gateway guards its admin API by key-auth. The admin API itself has no login." }
    scheme    = { default = "apiKey", help = "What the gateway's key-auth policy wants before the key (apiKeyHeaderScheme)." }
  }

  role {
    consumer = { required = true, help = "User name, or id of a user or an app, that the keys belong to." }
    scopes   = { type = list(string), default = [], help = "Scopes of the keys; each must have been created in the gateway." }
  }

  auth "header" {
    when    = connection.admin_key != null
    headers = { Authorization = "${connection.scheme} ${connection.admin_key}" }
  }

  check { get = "/scopes" }

  # A mistake of the caller's is a 500 with a sentence that is not JSON.
  issue {
    post = "/credentials"
    json = {
      consumerId = role.consumer
      type       = "key-auth"
      credential = { keyId = key.name, scopes = role.scopes }
    }
    response = "text"
    id       = key.name
    secret = {
      api_key    = "${jsondecode(body).keyId}:${jsondecode(body).keySecret}"
      key_id     = jsondecode(body).keyId
      key_secret = jsondecode(body).keySecret
    }
  }

  # 404 is a key whose consumer has been deleted.
  revoke {
    put  = "/credentials/key-auth/${key.id}/status"
    json = { status = false }
    gone = [404]
  }

  # Deactivated credentials stay in the list for ever, and so do the secrets of
  # all. Dates are sentences, and left out.
  list {
    get   = "/credentials/${role.consumer}"
    items = [for one in body.credentials : one if one.type == "key-auth" && one.isActive]
    item  = { id = item.keyId, name = item.keyId }
  }

  lookup {
    get   = "/credentials/key-auth/${key.name}"
    items = try(body.isActive, false) ? [body] : []
    item  = { id = item.keyId, name = item.keyId }
  }

  # The successor belongs to the same consumer and has the same scopes.
  rotate {
    step "own" {
      get  = "/credentials/key-auth/${split(":", connection.admin_key)[0]}"
      save = { old_id = body.keyId, consumer = body.consumerId, scopes = body.scopes }
    }

    step "new" {
      post = "/credentials"
      json = {
        consumerId = saved.consumer
        type       = "key-auth"
        credential = { keyId = key.name, scopes = saved.scopes }
      }
      save = { new_id = key.name }

      undo {
        put  = "/credentials/key-auth/${saved.new_id}/status"
        json = { status = false }
        gone = [404]
      }
    }

    connection = { admin_key = "${body.keyId}:${body.keySecret}" }

    retire {
      put  = "/credentials/key-auth/${saved.old_id}/status"
      json = { status = false }
      gone = [404]
    }

    lookup {
      get   = "/credentials/key-auth/${key.name}"
      items = try(body.isActive, false) ? [body] : []
      item  = { name = item.keyId, old_id = item.keyId }
    }
  }

  key_name { characters = "A-Za-z0-9._-" }

  errors {
    message = try(regex("^(?:One or more scopes don't exist|No consumer found with id: [^<]*|Invalid credential[^<]*)$", body), null)
    refused = status == 500 && can(regex("^(?:One or more scopes don't exist|Invalid credential)", body))
  }
}
