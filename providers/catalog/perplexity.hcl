# Category: AI
#
# Sources: https://docs.perplexity.ai/openapi-auth.json and
# https://docs.perplexity.ai/docs/admin/api-key-management
#
# Keys of the API group that the connection's key belongs to; make a group of its own,
# whose credit is what its keys can spend. A key cannot be narrowed further.
#
# Lost for good: the API neither lists keys nor lets them end, and deletes one by its
# value alone. A key whose making had no answer stays, unused, until somebody deletes it
# in the console, where it has its name. The admin credential is an ordinary key of the
# group, and needs no more.
#
# Not confirmed: what a second revocation is answered, so what is gone is seen by asking
# with the key itself.
#
# Rights: https://docs.perplexity.ai/docs/admin/api-key-management
provider "perplexity" {
  title    = "Perplexity"
  docs     = "https://docs.perplexity.ai/docs/admin/api-key-management"
  base_url = "https://api.perplexity.ai"

  connection {
    api_key = { required = true, sensitive = true, help = "API key of the group that keys are made in." }
  }

  locals { look = "/async/chat/completions" }

  auth "bearer" { token = connection.api_key }

  check { get = local.look }

  issue {
    post   = "/generate_auth_token"
    json   = { token_name = key.name }
    id     = sha256(body.auth_token)
    secret = { api_key = body.auth_token }
  }

  revoke {
    step "look" {
      get  = local.look
      gone = [401]
      auth "bearer" { token = secret.api_key }
    }
    step "revoke" {
      post = "/revoke_auth_token"
      json = { auth_token = secret.api_key }
    }
  }

  probe {
    get     = local.look
    headers = { Authorization = "Bearer ${secret.api_key}" }
    alive   = [200]
    dead    = [401]
  }

  rotate {
    post       = "/generate_auth_token"
    json       = { token_name = key.name }
    connection = { api_key = body.auth_token }
    retire {
      step "look" {
        get  = local.look
        gone = [401]
        auth "bearer" { token = previous.api_key }
      }
      step "revoke" {
        post = "/revoke_auth_token"
        json = { auth_token = previous.api_key }
      }
    }
  }

  errors { message = try(body.error.message, body.detail) }
}
