# Category: Cloud and hosting
#
# Sources: https://vercel.com/docs/rest-api/edge-config/create-an-edge-config-token,
# get-all-tokens-of-an-edge-config and delete-one-or-more-edge-config-tokens
#
# Tokens that read one Edge Config and nothing else. The API deletes a token by its
# value, so that is its id here. They do not end by themselves. The access token acts as
# its user; one that is scoped to the team of the Edge Config is enough.
#
# Admin credential: an access token in the scope of the team that owns the Edge Config;
# Vercel has no lesser one.
#
# Not confirmed: what deleting a token again is answered, so what is gone is seen from
# the list; and whether the newer path /v1/global-config, whose list masks the values,
# will replace this one.
#
# Rights not named in: vercel/sdk and vercel/terraform-provider-vercel
provider "vercel-edge-config" {
  title    = "Vercel Edge Config"
  docs     = "https://vercel.com/docs/rest-api/edge-config/create-an-edge-config-token"
  base_url = "https://api.vercel.com"

  connection {
    token   = { required = true, sensitive = true, help = "Access token, scoped to the team of the Edge Config." }
    team_id = { help = "Team that the Edge Config belongs to, such as team_1a2b3c; left out, it is the token's own account." }
  }

  role {
    edge_config_id = { required = true, pattern = "^ecfg_[A-Za-z0-9]+$", help = "The Edge Config that the tokens read, such as ecfg_abc123." }
  }

  locals {
    config = "/v1/edge-config/${role.edge_config_id}"
  }

  auth "bearer" { token = connection.token }

  requests { query = { teamId = connection.team_id } }

  check { get = "/v1/edge-config" }

  key_name { max_length = 52 }

  issue {
    post   = "${local.config}/token"
    json   = { label = key.name }
    id     = body.token
    secret = { token = body.token, token_id = body.id }
  }

  revoke {
    list_first = true
    delete     = "${local.config}/tokens"
    json       = { tokens = [key.id] }
  }

  # Not paged: the answer is all tokens of the Edge Config.
  list {
    get   = "${local.config}/tokens"
    items = body
    item  = { id = item.token, name = item.label, created_at = item.createdAt }
  }

  errors { message = body.error.message }
}
