# Category: Code and delivery
#
# Sources: hashicorp/go-tfe:v2/openapi/spec.json; for several tokens of a team
# https://developer.hashicorp.com/terraform/cloud-docs/api-docs/team-tokens
#
# The older request for a team's or an organization's token replaces the only one there
# is, so it is not used.
#
# Admin credential: a team or user token that may manage the team's tokens (Manage
# membership, or the owners team).
#
# Rights not named in: hashicorp/go-tfe and hashicorp/terraform-provider-tfe
provider "terraform-cloud" {
  title    = "HCP Terraform and Terraform Enterprise"
  docs     = "https://developer.hashicorp.com/terraform/cloud-docs/api-docs/team-tokens"
  base_url = "https://app.terraform.io/api/v2"

  # For Terraform Enterprise the connection's base_url is https://HOST/api/v2.

  connection {
    token = {
      required  = true
      sensitive = true
      help      = "Token that may manage team tokens: the organization's, or that of a team or user who may manage teams. For user_id it must be that user's."
    }
    organization = { required = true, help = "Organization that the teams belong to." }
  }

  role {
    team_id = { pattern = "^team-[A-Za-z0-9]+$", help = "Team that the tokens are for, such as team-6p5jTwJQXwqZBncC. Give this or user_id." }
    user_id = { pattern = "^user-[A-Za-z0-9]+$", help = "User whom the tokens are for, such as user-MA4GL63FmYRpSFxa." }
  }

  auth "bearer" { token = connection.token }

  check { get = "/account/details" }

  issue {
    post = role.user_id != null ? "/users/${role.user_id}/authentication-tokens" : "/teams/${role.team_id}/authentication-tokens"
    headers = {
      Accept       = "application/vnd.api+json"
      Content-Type = "application/vnd.api+json"
    }
    json = {
      data = {
        type = "authentication-tokens"
        attributes = {
          description = key.name
          expired-at  = rfc3339(key.expires_at)
        }
      }
    }
    id         = body.data.id
    secret     = { token = body.data.attributes.token }
    expires_at = body.data.attributes["expired-at"]
  }

  revoke {
    delete = "/authentication-tokens/${key.id}"
    gone   = [404]
  }

  list {
    get = role.user_id != null ? "/users/${role.user_id}/authentication-tokens" : "/organizations/${connection.organization}/team-tokens"
    query = {
      "page[size]" = 100
    }
    items = body.data
    item = {
      id           = item.id
      name         = coalesce(try(item.attributes.description, null), "")
      created_at   = item.attributes["created-at"]
      last_used_at = item.attributes["last-used-at"]
    }
    pagination "page" { parameter = "page[number]" }
  }

  probe {
    get     = "/account/details"
    headers = { Authorization = "Bearer ${secret.token}" }
    alive   = [200]
    dead    = [401]
  }

  errors { message = try(body.errors[0].detail, body.errors[0].title) }
}
