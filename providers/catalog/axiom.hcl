# Category: Observability and feature flags
#
# Sources: axiomhq/docs:content/docs/(api-reference)/restapi/versions/v2.json
#
# The admin token needs create, read and delete on apiTokens.
#
# Rights: axiomhq/docs:content/docs/(api-reference)/restapi/versions/v2.json
provider "axiom" {
  title    = "Axiom"
  docs     = "https://axiom.co/docs/reference/tokens"
  base_url = "https://api.axiom.co/v2"

  connection {
    token  = { required = true, sensitive = true, help = "API token or personal access token that may create and delete API tokens." }
    org_id = { help = "Organization; needed with a personal access token." }
  }

  role {
    dataset_capabilities = {
      type     = map(any)
      required = true
      help     = "What the tokens may do with each dataset, such as {\"web\":{\"ingest\":[\"create\"]}}; * is every dataset."
    }
    org_capabilities = { type = map(list(string)), help = "What the tokens may do in the organization, such as {\"dashboards\":[\"read\"]}; nothing unless written." }
  }

  auth "bearer" { token = connection.token }
  auth "header" {
    when    = connection.org_id != null
    headers = { X-Axiom-Org-Id = connection.org_id }
  }

  check { get = "/tokens" }

  issue {
    post = "/tokens"
    json = {
      name                = key.name
      expiresAt           = rfc3339(key.expires_at)
      datasetCapabilities = role.dataset_capabilities
      orgCapabilities     = role.org_capabilities
    }
    id         = body.id
    secret     = { token = body.token }
    expires_at = body.expiresAt
  }

  revoke {
    delete = "/tokens/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all tokens of the organization.
  list {
    get   = "/tokens"
    items = body
    item  = { id = item.id, name = item.name }
  }

  probe {
    get     = "/user"
    headers = { Authorization = "Bearer ${secret.token}" }
    alive   = [200, 403]
    dead    = [401]
  }

  errors { message = try(body.message, body.error) }
}
