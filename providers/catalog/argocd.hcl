# Category: Code and delivery
#
# Sources: argoproj/argo-cd:assets/swagger.json;
# https://argo-cd.readthedocs.io/en/stable/operator-manual/user-management/
#
# Tokens of a local account with the capability "apiKey", which may do what the
# project's policy lets the account do; we choose their id. The admin token needs
# accounts, update on the account, and get to list them.
#
# Not confirmed: what deleting a token that is gone is answered, so it is seen from the
# account.
#
# Rights: argoproj/argo-cd:server/account/account.go
provider "argocd" {
  title = "Argo CD"
  docs  = "https://argo-cd.readthedocs.io/en/stable/operator-manual/user-management/"
  lag   = "10s"

  connection {
    token = { required = true, sensitive = true, help = "Token of an account that may update the accounts of the roles." }
  }

  role {
    account = { required = true, help = "Local account that the tokens act for, such as deploy." }
  }

  auth "bearer" { token = connection.token }

  check {
    get = "/api/v1/session/userinfo"
    ok  = body.loggedIn
  }

  issue {
    post   = "/api/v1/account/${role.account}/token"
    json   = { name = role.account, id = key.name, expiresIn = key.ttl }
    id     = key.name
    secret = { token = body.token }
  }

  revoke {
    step "look" {
      get  = "/api/v1/account/${role.account}"
      gone = status == 404 || (status == 200 && !contains([for one in coalesce(body.tokens, []) : one.id], key.id))
    }
    step "delete" { delete = "/api/v1/account/${role.account}/token/${key.id}" }
  }

  # Not paged: the answer is all tokens of the account.
  list {
    get   = "/api/v1/account/${role.account}"
    items = coalesce(body.tokens, [])
    item = {
      id         = item.id
      name       = item.id
      created_at = item.issuedAt
    }
  }

  probe {
    get     = "/api/v1/session/userinfo"
    headers = { Authorization = "Bearer ${secret.token}" }
    alive   = status == 200 && body.loggedIn
    dead    = status == 401 || body.loggedIn == false
  }

  errors { message = try(body.message, body.error) }
}
