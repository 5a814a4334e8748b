# Category: Network and gateways
#
# Sources: https://learn.microsoft.com/en-us/rest/api/apimanagement/subscription/regenerate-primary-key
#
# One of the two keys of a subscription that exists, which its consumers share: it is
# replaced in place, so a static role keeps it. Two static roles, one for each key, whose
# rotations fall on different days let consumers that know both change without a gap. For
# a subscription of its own, see azure-apim.
#
# Admin credential: an application with the role "API Management Service Contributor",
# or a custom one with Microsoft.ApiManagement/service/subscriptions/read,
# regeneratePrimaryKey, regenerateSecondaryKey and listSecrets; its secret is replaced in
# Microsoft Entra, not here.
# Not confirmed: how long a gateway honours a key that was replaced.
#
# Rights: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/integration
provider "azure-apim-subscription" {
  title    = "Azure API Management subscription key"
  docs     = "https://learn.microsoft.com/en-us/azure/api-management/api-management-subscriptions"
  base_url = "https://management.azure.com"

  connection {
    tenant_id     = { required = true, help = "Microsoft Entra tenant of the application, a UUID." }
    client_id     = { required = true, help = "Application that may regenerate keys, a UUID." }
    client_secret = { required = true, sensitive = true, help = "Secret of the application." }
    service = {
      required = true
      pattern  = "^[0-9a-fA-F-]{36}/[^/]+/[^/]+$"
      help     = "Azure subscription, resource group and name of the service, as SUBSCRIPTION/GROUP/NAME."
    }
  }

  role {
    subscription = { required = true, help = "Id of the subscription whose key this is." }
    slot         = { default = "Primary", enum = ["Primary", "Secondary"], help = "Which of its two keys: Primary or Secondary." }
  }

  locals {
    service = "/subscriptions/${split("/", connection.service)[0]}/resourceGroups/${split("/", connection.service)[1]}/providers/Microsoft.ApiManagement/service/${split("/", connection.service)[2]}/subscriptions"
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
    get   = local.service
    query = { "$top" = 1 }
  }

  issue {
    in_place = true
    step "replace" { post = "${local.service}/${role.subscription}/regenerate${role.slot}Key" }
    step "read" { post = "${local.service}/${role.subscription}/listSecrets" }
    id     = role.subscription
    secret = { subscription_key = role.slot == "Primary" ? body.primaryKey : body.secondaryKey }
  }

  revoke {
    post = "${local.service}/${key.id}/regenerate${role.slot}Key"
    gone = [404]
  }

  errors { message = body.error.message }
}
