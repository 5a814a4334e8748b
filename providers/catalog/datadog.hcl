# Category: Observability and feature flags
#
# Sources, unless a line names another:
# DataDog/datadog-api-client-go:.generator/schemas/v2/openapi.yaml.
#
# Admin credential: an API key, and an application key of a service account whose role
# has api_keys_read, api_keys_write and api_keys_delete for keys of the kind api, or
# service_account_write for application keys; for the rotation also org_app_keys_read;
# nothing else.
#
# Rights: https://docs.datadoghq.com/api/latest/key-management/ (what each endpoint
# requires) and DataDog/datadog-api-client-python:.generator/schemas/v1/openapi.yaml for
# api_keys_delete;
# https://docs.datadoghq.com/account_management/org_settings/service_accounts
provider "datadog" {
  title    = "Datadog"
  docs     = "https://docs.datadoghq.com/account_management/api-app-keys/"
  base_url = "https://api.${connection.site}"

  connection {
    site = {
      default = "datadoghq.com"
      enum    = ["datadoghq.com", "us3.datadoghq.com", "us5.datadoghq.com", "datadoghq.eu", "ap1.datadoghq.com", "ap2.datadoghq.com", "ddog-gov.com"]
      help    = "Datadog site of the organization, such as datadoghq.eu."
    }
    api_key         = { required = true, sensitive = true, help = "API key of the organization." }
    application_key = { required = true, sensitive = true, help = "Application key of a user who may write API keys, service accounts and their application keys." }
  }

  role {
    kind = {
      default = "application_key"
      enum    = ["api_key", "application_key"]
      help    = "What to make: API keys, which only send data, or application keys, which use the API."
    }
    service_account_id = { help = "Service account that owns the application keys, a UUID. Without it they belong to the user who owns the connection's application key." }
    scopes             = { type = list(string), help = "Scopes of the application keys, such as dashboards_read. API keys have none." }
  }
  validation {
    condition     = role.kind == "api_key" || try(length(role.scopes), 0) > 0
    error_message = "name scopes: without any an application key may do whatever its owner may"
  }

  locals {
    api_keys = "/api/v2/api_keys"
    own_keys = "/api/v2/current_user/application_keys"
    keys = (
      role.kind == "api_key" ? local.api_keys :
      role.service_account_id != null ? "/api/v2/service_accounts/${role.service_account_id}/application_keys" :
      local.own_keys
    )
    newest = { "page[size]" = 100, sort = "-created_at" }
    # Of a list of keys the one that is the connection's: it ends alike.
    own_api_key = [for key in body.data : key if endswith(connection.api_key, key.attributes.last4)]
    own_key     = [for key in body.data : key if endswith(connection.application_key, key.attributes.last4)]
  }

  auth "header" {
    headers = { DD-API-KEY = connection.api_key, DD-APPLICATION-KEY = connection.application_key }
  }

  check {
    get   = local.api_keys
    query = { "page[size]" = 1 }
  }

  issue {
    post = local.keys
    json = { data = {
      type       = role.kind == "api_key" ? "api_keys" : "application_keys"
      attributes = { name = key.name, scopes = role.kind == "api_key" ? null : role.scopes }
    } }
    id      = body.data.id
    secret  = { key = body.data.attributes.key }
    granted = { scopes = body.data.attributes.scopes }
  }

  revoke {
    delete = "${local.keys}/${key.id}"
    gone   = [404]
  }

  # An empty page is the end.
  list {
    get   = local.keys
    items = body.data
    item = {
      id           = item.id
      name         = item.attributes.name
      created_at   = item.attributes.created_at
      last_used_at = try(item.attributes.last_used_at, item.attributes.date_last_used)
    }
    pagination "page" {
      parameter      = "page[number]"
      first          = 0
      size_parameter = "page[size]"
      size           = 100
    }
  }

  # Both keys, one after the other. The lists show the last four characters of
  # each, which tell our own unless two end alike.
  rotate {
    step "own API key" {
      get   = local.api_keys
      query = local.newest
      ok    = length(local.own_api_key) == 1
      save  = { old_api_key_id = local.own_api_key[0].id }
    }
    step "own application key" {
      get   = local.own_keys
      query = local.newest
      ok    = length(local.own_key) == 1
      save  = { old_application_key_id = local.own_key[0].id, scopes = try(local.own_key[0].attributes.scopes, null) }
    }
    step "API key" {
      post = local.api_keys
      json = { data = { type = "api_keys", attributes = { name = key.name } } }
      save = { api_key = body.data.attributes.key, api_key_id = body.data.id }

      undo {
        delete = "${local.api_keys}/${saved.api_key_id}"
        gone   = [404]
      }
    }
    step "application key" {
      post = local.own_keys
      json = { data = { type = "application_keys", attributes = { name = key.name, scopes = saved.scopes } } }
    }

    connection = { api_key = saved.api_key, application_key = body.data.attributes.key }

    retire {
      step "application key" {
        when   = saved.old_application_key_id != null
        delete = "${local.own_keys}/${saved.old_application_key_id}"
        gone   = [404]
      }
      step "API key" {
        when   = saved.old_api_key_id != null
        delete = "${local.api_keys}/${saved.old_api_key_id}"
        gone   = [404]
      }
    }

    list {
      get  = local.own_keys
      item = { name = item.attributes.name, old_application_key_id = item.id }
    }
    list {
      get  = local.api_keys
      item = { name = item.attributes.name, old_api_key_id = item.id }
    }
  }

  errors { message = try(body.errors[0].detail, body.errors[0].title, body.errors[0]) }
}
