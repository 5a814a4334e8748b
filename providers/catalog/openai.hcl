# Category: AI
#
# Sources, unless a line names another: the provider's OpenAPI description,
# openai/openai-openapi:openapi.json.
#
# A key that belongs to a service account cannot be deleted by itself (DELETE
# …/api_keys/{id} answers 400), so every lease has a service account of its own, and
# deleting that account kills its key. Since autumn 2026 a key can be given an end of
# its own (expires_in_seconds), which a role asks for with native_expiry.
#
# Admin credential: an admin key of the organization, which only its owners make; where
# it is restricted, with Organization Administration: write (the scopes
# api.management.write and api.management.read). Admin keys cannot call models, and
# project keys make no others.
#
# Rights:
# https://community.openai.com/t/admin-api-key-doesnt-work-unless-explicit-permissions-are-given/1368874
# (the scopes that OpenAI itself names in a refusal);
# https://developers.openai.com/api/docs/guides/admin-apis
provider "openai" {
  title    = "OpenAI"
  docs     = "https://platform.openai.com/docs/api-reference/project-service-accounts"
  base_url = "https://api.openai.com/v1"

  connection {
    admin_key    = { required = true, sensitive = true, help = "Admin API key (sk-admin-…) of the organization; project keys cannot create keys." }
    admin_key_id = { help = "Id of admin_key (key_…), which tells rotation what to delete. Without it the list of admin keys is searched for one that looks like admin_key." }
  }

  role {
    project_id = {
      required = true
      pattern  = "^proj_[A-Za-z0-9_-]+$"
      help     = "Project that the keys belong to, such as proj_abc. Its limits, models and budget apply to them."
    }
    native_expiry = {
      type    = bool
      default = false
      help    = "Whether the keys end at OpenAI by themselves too, which a policy of the organization or the project may demand."
    }
  }

  auth "bearer" { token = connection.admin_key }

  check {
    get   = "/organization/projects"
    query = { limit = 1 }
  }

  issue {
    post   = "/organization/projects/${role.project_id}/service_accounts"
    json   = { name = key.name, expires_in_seconds = role.native_expiry ? key.ttl : null }
    id     = body.id
    secret = { api_key = body.api_key.value }

    expires_at = role.native_expiry ? body.api_key.expires_at : "never"
  }

  revoke {
    delete = "/organization/projects/${role.project_id}/service_accounts/${key.id}"
    ok     = body.deleted
    gone   = [404]
  }

  list {
    get   = "/organization/projects/${role.project_id}/service_accounts"
    query = { limit = 100 }
    items = body.data
    item  = { id = item.id, name = item.name, created_at = item.created_at }
    pagination "cursor" {
      parameter = "after"
      next      = body.last_id
      more      = body.has_more
    }
  }

  # https://platform.openai.com/docs/api-reference/models/list
  # A key may also take a few seconds to be known everywhere after issue.
  probe {
    get     = "/models"
    headers = { Authorization = "Bearer ${secret.api_key}" }
    alive   = [200]
    dead    = [401]
  }

  # A key does not tell its own id, but the list shows each key's beginning and
  # end (sk-admin...def). One that looks like ours, in a list that is complete,
  # is ours.
  rotate {
    step "own" {
      get   = "/organization/admin_api_keys"
      query = { limit = 100 }
      save = {
        complete = !body.has_more
        alike = [
          for key in body.data : key.id
          if can(regex("^[A-Za-z0-9_-]{3,}[^A-Za-z0-9_-]+[A-Za-z0-9_-]{3,}$", key.redacted_value)) &&
          startswith(connection.admin_key, try(regex("^[A-Za-z0-9_-]+", key.redacted_value), "?")) &&
          endswith(connection.admin_key, try(regex("[A-Za-z0-9_-]+$", key.redacted_value), "?"))
        ]
      }
    }
    step "new" {
      post = "/organization/admin_api_keys"
      json = { name = key.name, expires_in_seconds = key.ttl }
    }

    connection = { admin_key = body.value, admin_key_id = body.id }
    save = {
      old_id = connection.admin_key_id != null ? connection.admin_key_id : saved.complete && length(saved.alike) == 1 ? saved.alike[0] : null
    }

    retire {
      when   = saved.old_id != null
      delete = "/organization/admin_api_keys/${saved.old_id}"
      ok     = body.deleted
      gone   = [404]
    }

    list {
      get  = "/organization/admin_api_keys"
      item = { name = item.name, old_id = item.id }
    }
  }
}
