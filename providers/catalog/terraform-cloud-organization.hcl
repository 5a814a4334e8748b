# Category: Code and delivery
#
# Sources: hashicorp/go-tfe:organization_token.go;
# https://developer.hashicorp.com/terraform/cloud-docs/api-docs/organization-tokens
#
# The API token of an organization: there is one, and making it anew ends the one
# before. A static role keeps it. For keys of their own, see terraform-cloud.
#
# Admin credential: a token of a user in the owners team, or of that team. Not the
# organization's own token, which would end with the first rotation.
#
# Rights not named in: hashicorp/go-tfe and hashicorp/terraform-provider-tfe
provider "terraform-cloud-organization" {
  title    = "HCP Terraform organization token"
  docs     = "https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens#organization-api-tokens"
  base_url = "https://app.terraform.io/api/v2"

  # For Terraform Enterprise the connection's base_url is https://HOST/api/v2.

  connection {
    token = { required = true, sensitive = true, help = "Token of a user in the owners team, or of that team; not the organization's own." }
  }

  role {
    organization = { required = true, help = "Organization whose token this is." }
  }

  auth "bearer" { token = connection.token }

  check { get = "/account/details" }

  issue {
    in_place = true
    post     = "/organizations/${role.organization}/authentication-token"
    headers = {
      Accept       = "application/vnd.api+json"
      Content-Type = "application/vnd.api+json"
    }
    json = {
      data = {
        type       = "authentication-tokens"
        attributes = { expired-at = rfc3339(key.expires_at) }
      }
    }
    id         = role.organization
    secret     = { token = body.data.attributes.token }
    expires_at = body.data.attributes["expired-at"]
  }

  revoke {
    delete = "/organizations/${key.id}/authentication-token"
    gone   = [404]
  }

  errors { message = try(body.errors[0].detail, body.errors[0].title) }
}
