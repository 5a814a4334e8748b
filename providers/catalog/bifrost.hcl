# Category: AI
#
# Sources: https://docs.getbifrost.ai/api-reference/governance/create-virtual-key,
# .../list-virtual-keys and .../delete-virtual-key;
# https://docs.getbifrost.ai/migration-guides/v1.5.0;
# maximhq/bifrost:transports/bifrost-http/handlers/governance.go
#
# Virtual keys of a Bifrost gateway. A role names the providers, and may name the
# models, that its keys open. From version 1.5 on nothing is open that is not named:
# ["*"] are all models of a provider, and as key_ids all keys that the gateway has for
# it. From version 1.6.3 on virtual keys end by themselves; those of older gateways have
# no end. A list shows their values to an administrator, which nothing here reads. The
# administrator's password is configuration and cannot be replaced by the API.
#
# Admin credential: the dashboard's administrator, who may do everything; Bifrost has no
# lesser one.
#
# Not confirmed: which statuses a deleted key's requests are answered.
#
# Rights not named in:
# https://docs.getbifrost.ai/api-reference/governance/create-virtual-key
provider "bifrost" {
  title = "Bifrost"
  docs  = "https://docs.getbifrost.ai/features/governance/virtual-keys"

  connection {
    username = { required = true, help = "Name of the gateway's administrator; its auth_config has to be enabled." }
    password = { required = true, sensitive = true, help = "Password of the administrator." }
  }

  role {
    provider_configs = {
      type     = list(object({ provider = string, allowed_models = optional(list(string)), key_ids = optional(list(string)), weight = optional(number) }))
      required = true
      min      = 1
      help     = "Providers that the keys open, such as [{\"provider\":\"openai\",\"allowed_models\":[\"gpt-4o-mini\"],\"key_ids\":[\"*\"]}]."
    }
    max_budget              = { type = number, help = "What one key may spend in a period, in US dollars." }
    budget_duration         = { default = "1M", help = "Period of max_budget: 1h, 1d, 1w, 1M and so on." }
    max_requests_per_minute = { type = number, help = "Bound on the requests of one key in a minute." }
    max_tokens_per_minute   = { type = number, help = "Bound on the tokens of one key in a minute." }
    team_id                 = { help = "Team whose budget the keys draw on too." }
  }

  auth "basic" {
    username = connection.username
    password = connection.password
  }

  # Versions before 1.5 know budget, later ones budgets; neither knows the other.
  locals { budget = role.max_budget == null ? null : { max_limit = role.max_budget, reset_duration = role.budget_duration } }

  check { get = "/api/governance/virtual-keys" }

  issue {
    post = "/api/governance/virtual-keys"
    json = {
      name             = key.name
      description      = "Leased by Vault"
      provider_configs = role.provider_configs
      team_id          = role.team_id
      budget           = local.budget
      budgets          = role.max_budget == null ? null : [local.budget]
      rate_limit = role.max_requests_per_minute == null && role.max_tokens_per_minute == null ? null : {
        request_max_limit      = role.max_requests_per_minute
        request_reset_duration = role.max_requests_per_minute == null ? null : "1m"
        token_max_limit        = role.max_tokens_per_minute
        token_reset_duration   = role.max_tokens_per_minute == null ? null : "1m"
      }
      is_active  = true
      expires_at = rfc3339(key.expires_at)
    }
    id         = body.virtual_key.id
    secret     = { api_key = body.virtual_key.value }
    expires_at = try(body.virtual_key.expires_at, null)
    granted = {
      max_budget              = try(body.virtual_key.budgets[0].max_limit, body.virtual_key.budget.max_limit)
      max_requests_per_minute = body.virtual_key.rate_limit.request_max_limit
      max_tokens_per_minute   = body.virtual_key.rate_limit.token_max_limit
    }
  }

  revoke {
    delete = "/api/governance/virtual-keys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all virtual keys.
  list {
    get   = "/api/governance/virtual-keys"
    items = body.virtual_keys
    item = {
      id         = item.id
      name       = item.name
      created_at = item.created_at
    }
  }

  errors { message = try(body.error.message, body.message) }
}
