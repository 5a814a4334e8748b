# Category: Code and delivery
#
# Sources:
# https://confluence.atlassian.com/display/BitbucketServerKB/How+to+renew+personal+access+tokens+via+REST+API%27s+in+Bitbucket+Server
# and eclipse-che/che-server's class BitbucketPersonalAccessToken for the fields of a
# token.
#
# HTTP access tokens of a user, who makes them himself: an administrator cannot, and
# neither can a token. They can do no more than the user.
#
# Admin credential: the password of a user for this alone, with the permissions that the
# tokens get.
#
# Not confirmed: expiryDate and nextPageStart in answers, whether an answer names only the
# permissions that were asked for (a key with any other is revoked at once), the statuses
# of a deletion and of the probe, and the words of an answer about a token that is gone.
#
# Rights not named in: the sources above, which have requests with a user's own password
provider "bitbucket-datacenter" {
  title = "Bitbucket Data Center HTTP access tokens"
  docs  = "https://developer.atlassian.com/server/bitbucket/rest/latest/api-group-authentication/"

  connection {
    username = { required = true, help = "User whose tokens are made." }
    password = { required = true, sensitive = true, help = "Password of username: a token cannot make tokens." }
  }
  role {
    permissions = {
      type     = list(string)
      required = true
      min      = 1
      enum     = ["REPO_READ", "REPO_WRITE", "REPO_ADMIN", "PROJECT_READ", "PROJECT_WRITE", "PROJECT_ADMIN"]
      help     = "What the tokens may do, such as REPO_READ."
    }
  }

  auth "basic" {
    username = connection.username
    password = connection.password
  }
  check {
    get   = "/rest/access-tokens/latest/users/${connection.username}"
    query = { limit = 1 }
  }
  issue {
    put = "/rest/access-tokens/latest/users/${connection.username}"
    json = {
      name        = key.name
      permissions = role.permissions
      expiryDays  = key.ttl / seconds("1d")
    }
    id         = body.id
    secret     = { token = body.token }
    expires_at = body.expiryDate
    granted    = { permissions = body.permissions }
  }
  revoke {
    delete = "/rest/access-tokens/latest/users/${connection.username}/${key.id}"
    gone   = [404]
  }
  list {
    get   = "/rest/access-tokens/latest/users/${connection.username}"
    items = body.values
    item  = { id = item.id, name = item.name, created_at = item.createdDate, last_used_at = item.lastAuthenticated }
    pagination "cursor" {
      parameter      = "start"
      next           = body.isLastPage ? null : body.nextPageStart
      size_parameter = "limit"
      size           = 100
    }
  }
  probe {
    get     = "/rest/api/latest/profile/recent/repos"
    headers = { Authorization = "Bearer ${secret.token}" }
    alive   = [200, 403]
    dead    = [401]
  }
  expiry {
    granularity      = "1d"
    granularity_from = "now"
    maximum          = "365d"
  }
  errors { message = body.errors[0].message }
}
