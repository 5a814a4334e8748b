# Category: Code and delivery
#
# Sources: jfrog/vault-plugin-secrets-artifactory:artifactory.go;
# https://jfrog.com/help/r/jfrog-rest-apis/create-token
#
# Access tokens. Those that live less than the server's persistence threshold can be
# revoked only where it lets tokens be made force_revocable, which is asked for.
#
# Admin credential: an access token of an administrator (applied-permissions/admin):
# others can make tokens for themselves alone, with no more than their own groups. From
# 7.84.3 on, that of a project's administrator makes tokens with the roles of the
# project.
#
# Rights: jfrog/terraform-provider-artifactory:docs/resources/scoped_token.md;
# https://jfrog.com/help/r/jfrog-platform-administration-documentation/access-token-creation-by-project-admins
provider "artifactory" {
  title = "JFrog Artifactory"
  docs  = "https://jfrog.com/help/r/jfrog-rest-apis/create-token"

  # The connection's base_url is the platform, such as https://acme.jfrog.io.

  connection {
    access_token = { required = true, sensitive = true, help = "Access token with the scope applied-permissions/admin." }
  }

  role {
    username = { help = "User that the tokens act for; a transient user of the key's name unless written." }
    scope    = { required = true, help = "What the tokens may do, such as applied-permissions/groups:readers." }
  }

  auth "bearer" { token = connection.access_token }

  check { get = "/access/api/v1/tokens/me" }

  issue {
    post = "/access/api/v1/tokens"
    json = {
      grant_type      = "client_credentials"
      username        = coalesce(role.username, key.name)
      scope           = role.scope
      description     = key.name
      expires_in      = key.ttl
      refreshable     = false
      force_revocable = true
    }
    id         = body.token_id
    secret     = { access_token = body.access_token }
    expires_in = body.expires_in
    granted    = { scope = sort(split(" ", body.scope)) == sort(split(" ", role.scope)) ? role.scope : body.scope }
  }

  revoke {
    delete = "/access/api/v1/tokens/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all tokens that the server keeps.
  list {
    get   = "/access/api/v1/tokens"
    items = body.tokens
    item = {
      id         = item.token_id
      name       = try(item.description, null)
      created_at = item.issued_at
    }
  }

  probe {
    get     = "/access/api/v1/tokens/me"
    headers = { Authorization = "Bearer ${secret.access_token}" }
    alive   = [200, 403]
    dead    = [401]
  }

  errors { message = body.errors[0].message }
}
