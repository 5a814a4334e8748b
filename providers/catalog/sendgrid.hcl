# Category: Mail and messages
#
# Sources, unless a line names another:
# twilio/sendgrid-oai:spec/json/tsg_api_keys_v3.json.
#
# Admin credential: a key with the scopes api_keys.create, api_keys.read,
# api_keys.update and api_keys.delete, and with every scope that the keys get, since a
# key grants no more than it has.
#
# Rights not named in: twilio/sendgrid-oai:spec/json/tsg_api_keys_v3.json, which speaks
# of scopes to manage API keys and refers to a list of them, and sendgrid/sendgrid-go
provider "sendgrid" {
  title    = "SendGrid"
  docs     = "https://www.twilio.com/docs/sendgrid/api-reference/api-keys/create-api-keys"
  base_url = "https://api.sendgrid.com" # https://api.eu.sendgrid.com for subusers in the EU

  connection {
    api_key = {
      required  = true
      sensitive = true
      help      = "API key with the scopes api_keys.create, api_keys.read and api_keys.delete, and every scope that roles give out."
    }
    on_behalf_of = { help = "Subuser, or \"account-id\" and the id of a customer account, whose keys are made; api_key is then the parent account's." }
  }

  role {
    # Without scopes SendGrid would give full access.
    scopes = { type = list(string), required = true, min = 1, help = "Scopes of the keys, such as mail.send." }
  }

  auth "bearer" { token = connection.api_key }
  auth "header" {
    when    = connection.on_behalf_of != null
    headers = { on-behalf-of = connection.on_behalf_of }
  }

  check {
    get   = "/v3/api_keys"
    query = { limit = 1 }
  }

  issue {
    post = "/v3/api_keys"
    json = {
      name   = key.name
      scopes = role.scopes
    }
    id     = body.api_key_id
    secret = { api_key = body.api_key }
    # SendGrid adds such to every key.
    granted = {
      scopes = [for scope in body.scopes : scope if !can(regex("^(2fa_|sender_verification_)", scope))]
    }
  }

  # A key goes on working for a moment after this.
  revoke {
    delete = "/v3/api_keys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all keys, of which there may be 100.
  list {
    get   = "/v3/api_keys"
    items = body.result
    item  = { id = item.api_key_id, name = item.name }
  }

  # https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions/retrieve-a-list-of-scopes-for-which-this-user-has-access
  probe {
    get     = "/v3/scopes"
    headers = { Authorization = "Bearer ${secret.api_key}" }
    alive   = [200, 403]
    dead    = [401]
  }

  # A key is written SG.ID.SECRET, so it tells its own id. The new key gets the
  # scopes of the old, without those that SendGrid adds to every key by itself.
  # The description puts one key into a list; the service answers the key alone.
  rotate {
    step "own" {
      get  = "/v3/api_keys/${split(".", connection.api_key)[1]}"
      save = { scopes = try(body.scopes, body.result[0].scopes) }
    }
    step "new" {
      post = "/v3/api_keys"
      json = {
        name   = key.name
        scopes = [for scope in saved.scopes : scope if !can(regex("^(2fa_|sender_verification_)", scope))]
      }
    }

    connection = { api_key = body.api_key }
    save       = { old_id = split(".", connection.api_key)[1] }

    retire {
      delete = "/v3/api_keys/${saved.old_id}"
      gone   = [404]
    }

    list { item = { name = item.name, old_id = item.api_key_id } }
  }

  limits { keys = 100 }

  errors { message = body.errors[0].message }
}
