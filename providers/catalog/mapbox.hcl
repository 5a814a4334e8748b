# Category: Content
#
# Sources: https://docs.mapbox.com/api/accounts/tokens/ and
# mapbox/mapbox-sdk-js:services/tokens.js
#
# The tokens have no end of their own. Mapbox's temporary tokens have one, and cannot be
# revoked, so they are not made here.
#
# Admin credential: a secret token (sk.…) of the account with the scopes tokens:read and
# tokens:write, and with every scope that the tokens get: a token grants no more than it
# has.
#
# Not confirmed: what is answered to a wrong credential and to the deletion of a token
# that is gone, and the size of a page of the list.
#
# Rights: https://docs.mapbox.com/api/accounts/tokens/
provider "mapbox" {
  title    = "Mapbox"
  docs     = "https://docs.mapbox.com/api/accounts/tokens/"
  base_url = "https://api.mapbox.com"

  connection {
    username = { required = true, help = "Account whose tokens are made." }
    token    = { required = true, sensitive = true, help = "Secret token with tokens:read and tokens:write, and every scope that roles give." }
  }
  role {
    scopes       = { type = list(string), required = true, min = 1, help = "Scopes of the tokens, such as styles:read." }
    allowed_urls = { type = list(string), binds_addresses = true, help = "Pages from which the tokens may be used." }
  }

  auth "query" { query = { access_token = connection.token } }
  check {
    get   = "/tokens/v2/${connection.username}"
    query = { limit = 1 }
  }

  issue {
    post    = "/tokens/v2/${connection.username}"
    json    = { note = key.name, scopes = role.scopes, allowedUrls = role.allowed_urls }
    id      = body.id
    secret  = { token = body.token }
    granted = { scopes = body.scopes }
  }
  revoke {
    delete = "/tokens/v2/${connection.username}/${key.id}"
    gone   = [404]
  }
  list {
    get   = "/tokens/v2/${connection.username}"
    items = body
    item  = { id = item.id, name = item.note, created_at = item.created }
    pagination "link" {
      size_parameter = "limit"
      size           = 100
    }
  }
  probe {
    get = "/tokens/v2"
    auth "query" { query = { access_token = secret.token } }
    alive = body.code == "TokenValid"
    dead  = body.code != "TokenValid"
  }
  limits { requests_per_second = 2 }
}
