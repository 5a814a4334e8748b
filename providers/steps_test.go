package providers

// stepsDefinition makes a key in three requests.
const stepsDefinition = `provider "steps" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  role "plan" {
    type    = string
    default = "free"
  }
  auth "header" { headers = { X-Admin = connection.admin_key } }

  issue {
    step "account" {
      post = "/accounts"
      json = { name = key.name, plan = role.plan }
      save = { account = body.id }
      undo {
        delete = "/accounts/${saved.account}"
        gone   = [404]
      }
    }
    step "key" {
      post = "/accounts/${saved.account}/keys"
      json = { name = key.name }
      save = { key = body.id, value = body.key }
      undo {
        delete = "/accounts/${saved.account}/keys/${saved.key}"
        gone   = [404]
      }
    }
    step "grant" {
      put  = "/accounts/${saved.account}/grants/${saved.key}"
      json = {}
    }
    id     = saved.key
    secret = { api_key = saved.value }
  }

  revoke {
    step "key" {
      delete = "/accounts/${saved.account}/keys/${key.id}"
      gone   = [404]
    }
    step "account" {
      delete = "/accounts/${saved.account}"
      gone   = [404]
    }
  }
}
`
