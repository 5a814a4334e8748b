# Sources, unless a line names another: the provider's OpenAPI description,
# openai/openai-openapi:openapi.json.
#
# A key that belongs to a service account cannot be deleted by itself (DELETE
# …/api_keys/{id} answers 400), so every lease has a service account of its
# own, and deleting that account kills its key.
provider "openai" {
  title    = "OpenAI"
  docs     = "https://platform.openai.com/docs/api-reference/project-service-accounts"
  base_url = "https://api.openai.com/v1"

  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
    help      = "Admin API key (sk-admin-…) of the organization; project keys cannot create keys."
  }

  role "project_id" {
    type     = string
    required = true
    pattern  = "^proj_[A-Za-z0-9_-]+$"
    help     = "Project that the keys belong to, such as proj_abc. Its limits, models and budget apply to them."
  }

  auth "bearer" { token = connection.admin_key }

  check {
    get   = "/organization/projects"
    query = { limit = 1 }
  }

  issue {
    post   = "/organization/projects/${role.project_id}/service_accounts"
    json   = { name = key.name }
    id     = body.id
    secret = { api_key = body.api_key.value }
  }

  revoke {
    delete = "/organization/projects/${role.project_id}/service_accounts/${key.id}"
    ok     = body.deleted
    gone   = [404]
  }

  list {
    get = "/organization/projects/${role.project_id}/service_accounts"
    query = {
      limit = 100
      after = page.after
    }
    items = body.data
    item = {
      id         = item.id
      name       = item.name
      created_at = item.created_at
    }
    next = body.has_more ? { after = body.last_id } : null
  }

  # https://platform.openai.com/docs/api-reference/models/list
  # A key may also take a few seconds to be known everywhere after issue.
  probe {
    get     = "/models"
    headers = { Authorization = "Bearer ${secret.api_key}" }
    alive   = [200]
    dead    = [401]
  }

  errors { message = body.error.message }
}
