# Category: Code and delivery
#
# Sources: octokit/openapi:generated/api.github.com.json and
# https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
#
# A token has neither name nor id and is in no list. One whose issue had no
# answer ends by itself: every token lives for one hour. An app's private keys
# are made on its settings page only.
#
# Admin credential: the private key of the app, whose permissions and installations
# bound what any key can have; install it where it is needed alone.
#
# Rights: octokit/openapi:generated/api.github.com.json
provider "github-app" {
  title    = "GitHub App installation tokens"
  docs     = "https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app"
  base_url = "https://api.github.com"

  # For GitHub Enterprise Server the connection's base_url is
  # https://HOST/api/v3.

  connection {
    app_id      = { required = true, help = "Client id or app id of the app, from its settings page." }
    private_key = { required = true, sensitive = true, help = "Private key of the app, in PEM." }
  }

  role {
    installation_id = { type = number, required = true, min = 1, help = "Installation that the tokens are for: the number at the end of its settings page's address." }
    repositories    = { type = list(string), help = "Names of the repositories that the tokens may reach. Without any they reach all of the installation's." }
    permissions     = { type = map(string), required = true, help = "What the tokens may do, such as {\"contents\": \"read\"}." }
  }
  validation {
    condition     = length(keys(role.permissions)) > 0
    error_message = "name permissions: without any a token may do all that the installation may"
  }

  auth "jwt" {
    algorithm = "RS256"
    key       = connection.private_key
    claims    = { iss = connection.app_id }
    lifetime  = "9m"
  }

  requests { headers = { X-GitHub-Api-Version = "2022-11-28" } }

  check { get = "/app" }

  issue {
    post       = "/app/installations/${role.installation_id}/access_tokens"
    headers    = { Accept = "application/vnd.github+json" }
    json       = { repositories = role.repositories, permissions = role.permissions }
    id         = sha256(body.token)
    secret     = { token = body.token }
    expires_at = body.expires_at
    # Reading metadata comes with every token.
    granted = {
      permissions  = { for name, level in body.permissions : name => level if name != "metadata" || can(role.permissions.metadata) }
      repositories = body.repositories == null ? null : body.repositories[*].name
    }
  }

  # Only the token itself may end it; one that has ended is answered 401.
  revoke {
    delete = "/installation/token"
    auth "bearer" { token = secret.token }
    gone = [401]
  }

  probe {
    get   = "/installation/repositories"
    query = { per_page = 1 }
    auth "bearer" { token = secret.token }
    alive = [200, 403]
    dead  = [401]
  }

  expiry { fixed = "1h" }

  errors { message = body.message }
}
