# Category: Data, search and queues
#
# Sources: confluentinc/ccloud-sdk-go-v2:apikeys/v2/api/openapi.yaml;
# https://docs.confluent.io/cloud/current/api.html#tag/API-Keys-(iamv2)
#
# Keys of a service account for one resource; they may do what its role bindings
# say. Keys do not end by themselves, and a new one may take minutes until its
# cluster knows it. The admin key is a Cloud API key of a service account with the
# role OrganizationAdmin, or ResourceOwner of the service accounts; it is replaced
# by another one of the same owner. A quota of keys is answered by 402.
#
# Rights: https://docs.confluent.io/cloud/current/security/authenticate/workload-identities/service-accounts/api-keys/manage-api-keys.html
provider "confluent" {
  title    = "Confluent Cloud"
  docs     = "https://docs.confluent.io/cloud/current/security/authenticate/workload-identities/service-accounts/api-keys/overview.html"
  base_url = "https://api.confluent.cloud"
  lag      = "5m"

  connection {
    api_key    = { required = true, sensitive = true, help = "Id of a Cloud API key." }
    api_secret = { required = true, sensitive = true, help = "Secret of api_key." }
  }

  role {
    owner_id       = { required = true, pattern = "^(sa|u)-[a-z0-9]+$", help = "Service account that the keys act for, such as sa-l7v772." }
    resource_id    = { required = true, help = "What the keys open: a cluster such as lkc-abc123 or lsrc-abc123, or cloud." }
    environment_id = { help = "Environment of the resource, such as env-123; Flink regions and clusters of the same id need it." }
  }

  auth "basic" {
    username = connection.api_key
    password = connection.api_secret
  }

  check {
    get   = "/iam/v2/api-keys"
    query = { page_size = 1 }
  }

  issue {
    post = "/iam/v2/api-keys"
    json = {
      spec = {
        display_name = key.name
        description  = "Leased by Vault"
        owner        = { id = role.owner_id }
        resource     = { id = role.resource_id, environment = role.environment_id }
      }
    }
    id       = body.id
    identify = "api_secret"
    secret   = { api_key = body.id, api_secret = body.spec.secret }
  }

  revoke {
    delete = "/iam/v2/api-keys/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/iam/v2/api-keys"
    query = { "spec.owner" = role.owner_id, page_size = 100, page_token = page.token }
    items = body.data
    skip  = item.metadata.deleted_at != null
    item  = { id = item.id, name = item.spec.display_name, created_at = item.metadata.created_at }
    next  = coalesce(body.metadata.next, "") == "" ? null : { token = urldecode(regex("[?&]page_token=([^&]*)", body.metadata.next)[0]) }
  }

  rotate {
    step "own" {
      get  = "/iam/v2/api-keys/${connection.api_key}"
      save = { owner_id = body.spec.owner.id, old_id = body.id }
    }
    step "new" {
      post = "/iam/v2/api-keys"
      json = {
        spec = {
          display_name = key.name
          description  = "Vault's own"
          owner        = { id = saved.owner_id }
          resource     = { id = "cloud" }
        }
      }
    }
    connection = { api_key = body.id, api_secret = body.spec.secret }
    retire {
      delete = "/iam/v2/api-keys/${saved.old_id}"
      gone   = [404]
    }
    list {
      get   = "/iam/v2/api-keys"
      query = { page_size = 100, page_token = page.token }
      items = body.data
      item  = { name = item.spec.display_name, old_id = item.id }
      next  = coalesce(body.metadata.next, "") == "" ? null : { token = urldecode(regex("[?&]page_token=([^&]*)", body.metadata.next)[0]) }
    }
  }

  key_name { max_length = 128 }

  errors { message = body.errors[0].detail }
}
