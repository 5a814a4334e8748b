# Category: Network and gateways
#
# Sources: https://learn.microsoft.com/en-us/rest/api/apimanagement/subscription
#
# A key is a subscription of its own, to a product, an API or all of them; we choose
# its id. It does not end by itself, whatever its expirationDate says. The
# application needs the role "API Management Service Contributor", or a custom one
# with Microsoft.ApiManagement/service/subscriptions/*; its secret is replaced in
# Microsoft Entra, not here.
# Not confirmed: how long a gateway honours the key of a deleted subscription.
#
# Rights: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/integration
provider "azure-apim" {
  title    = "Azure API Management"
  docs     = "https://learn.microsoft.com/en-us/azure/api-management/api-management-subscriptions"
  base_url = "https://management.azure.com"

  connection {
    tenant_id       = { required = true, help = "Microsoft Entra tenant of the application, a UUID." }
    client_id       = { required = true, help = "Application that may manage the service's subscriptions, a UUID." }
    client_secret   = { required = true, sensitive = true, help = "Secret of the application." }
    subscription_id = { required = true, help = "Azure subscription that the service is in, a UUID." }
    resource_group  = { required = true, help = "Resource group that the service is in." }
    service_name    = { required = true, help = "Name of the API Management service." }
  }

  role {
    scope = { required = true, pattern = "^/(products|apis)(/[^/]+)?$", help = "What the keys open: /products/starter, /apis/echo, or /apis for all APIs." }
  }

  locals {
    subscriptions = "/subscriptions/${connection.subscription_id}/resourceGroups/${connection.resource_group}/providers/Microsoft.ApiManagement/service/${connection.service_name}/subscriptions"
  }

  auth "oauth2" {
    token_url     = "https://login.microsoftonline.com/${connection.tenant_id}/oauth2/v2.0/token"
    client_id     = connection.client_id
    client_secret = connection.client_secret
    credentials   = "body"
    scopes        = ["https://management.azure.com/.default"]
  }

  requests { query = { api-version = "2024-05-01" } }

  check {
    get   = local.subscriptions
    query = { "$top" = 1 }
  }

  issue {
    step "subscription" {
      put  = "${local.subscriptions}/${key.name}"
      json = { properties = { scope = role.scope, displayName = key.name, state = "active", allowTracing = false } }
      undo {
        delete  = "${local.subscriptions}/${key.name}"
        headers = { If-Match = "*" }
        gone    = [204, 404]
      }
    }
    step "secrets" {
      post = "${local.subscriptions}/${key.name}/listSecrets"
    }
    id     = key.name
    secret = { subscription_key = body.primaryKey }
  }

  revoke {
    delete  = "${local.subscriptions}/${key.id}"
    headers = { If-Match = "*" }
    gone    = [204, 404]
  }

  list {
    get   = local.subscriptions
    query = { "$top" = 100, "$skip" = page.skip }
    items = body.value
    item = {
      id         = item.name
      name       = item.properties.displayName
      created_at = item.properties.createdDate
    }
    next = coalesce(body.nextLink, "") == "" ? null : { skip = coalesce(page.skip, 0) + length(items) }
  }

  key_name { max_length = 80 }

  errors { message = body.error.message }
}
