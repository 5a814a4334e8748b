# Category: Network and gateways
#
# Sources: https://docs.aws.amazon.com/apigateway/latest/api/API_CreateApiKey.html,
# API_CreateUsagePlanKey.html, API_GetApiKeys.html, API_DeleteApiKey.html;
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html and
# api-gateway-execution-service-limits-table.html
#
# API keys of Amazon API Gateway; a key opens nothing but what the stages of its usage
# plan let it, within the plan's quota. Keys do not end by themselves. The administrator
# needs apigateway:POST on /apikeys and /usageplans/*/keys, GET on /apikeys, and DELETE
# on /apikeys/*. Its own keys belong to IAM, and are replaced there. A region bears
# 5 keys a second, and 10,000 in all.
#
# Not confirmed: how long a deleted key is honoured; seconds, by experience.
#
# Rights:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_apigateway.html
provider "aws-apigateway" {
  title    = "Amazon API Gateway"
  docs     = "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html"
  base_url = "https://apigateway.${connection.region}.amazonaws.com"

  connection {
    access_key_id     = { required = true, help = "Access key of an IAM user that may manage API keys." }
    secret_access_key = { required = true, sensitive = true, help = "Secret of access_key_id." }
    region            = { required = true, pattern = "^[a-z0-9-]+$", help = "Region of the APIs, such as eu-central-1." }
  }

  role {
    usage_plan_id = { required = true, help = "Usage plan that the keys belong to." }
  }

  auth "sigv4" {
    access_key_id     = connection.access_key_id
    secret_access_key = connection.secret_access_key
    region            = connection.region
    service           = "apigateway"
  }

  check {
    get   = "/apikeys"
    query = { limit = 1 }
  }

  issue {
    step "key" {
      post = "/apikeys"
      json = { name = key.name, description = "Leased by Vault", enabled = true }
      save = { key_id = body.id, value = body.value }
      undo {
        delete = "/apikeys/${saved.key_id}"
        gone   = [404]
      }
    }
    step "plan" {
      post = "/usageplans/${role.usage_plan_id}/keys"
      json = { keyId = saved.key_id, keyType = "API_KEY" }
    }
    id     = saved.key_id
    secret = { api_key = saved.value }
  }

  revoke {
    delete = "/apikeys/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/apikeys"
    query = { limit = 500, includeValues = false, position = page.position }
    items = try(body.item, [])
    item = {
      id         = item.id
      name       = item.name
      created_at = item.createdDate
    }
    next = body.position == null ? null : { position = body.position }
  }

  limits {
    requests_per_second = 5
    keys                = 10000
  }

  errors {
    message      = body.message
    unauthorized = status == 403 && can(regex("security token|signature", body.message))
    throttled    = status == 429
  }
}
