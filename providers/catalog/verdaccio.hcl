# Category: Code and delivery
#
# Sources: https://verdaccio.org/docs/cli-registry#creating-tokens and what Verdaccio
# 6.10.4 answers itself.
#
# Tokens of the user that the connection signs in as; they only read, unless a role
# says otherwise. Verdaccio keeps no name for a token, so the last entry of its
# whitelist of networks carries ours, after those that let it be used from everywhere:
# bound to fewer, a living token would be answered like a dead one. Tokens do not end
# by themselves. A change of the user's password ends all of them. Its userRateLimit
# throttles this too.
#
# Admin credential: the user itself, with its password; it needs no more rights in the
# registry than its tokens. The rotation is what npm profile set
# password asks for (verdaccio/verdaccio:packages/api/src/v1/profile.ts).
provider "verdaccio" {
  title            = "Verdaccio"
  docs             = "https://verdaccio.org/docs/cli-registry#creating-tokens"
  lag              = "5s"
  verified_against = ["Verdaccio 6.10.4"]

  connection {
    username = { required = true, help = "User that the tokens act for; it should be one that may do no more than they have to." }
    password = { required = true, sensitive = true, help = "Password of the user." }
  }

  role {
    access = { default = "read", enum = ["read", "publish"], help = "What the tokens are for: read, or publish too." }
  }

  auth "basic" {
    username = connection.username
    password = connection.password
  }

  check { get = "/-/npm/v1/tokens" }

  issue {
    post = "/-/npm/v1/tokens"
    json = {
      password       = connection.password
      readonly       = role.access == "read"
      cidr_whitelist = ["0.0.0.0/0", "::/0", key.name]
    }
    id     = body.key
    secret = { token = body.token }
  }

  # What is gone is seen from the list: deleting it again succeeds.
  revoke {
    list_first = true
    delete     = "/-/npm/v1/tokens/token/${key.id}"
  }

  # Not paged: the answer is all tokens of the user.
  list {
    get   = "/-/npm/v1/tokens"
    items = body.objects
    item = {
      id         = item.key
      name       = try(element(item.cidr, length(item.cidr) - 1), null)
      created_at = item.created
    }
  }

  probe {
    get     = "/-/whoami"
    headers = { Authorization = "Bearer ${secret.token}" }
    alive   = status == 200 && can(body.username) # nobody is answered 200 too
    dead    = [401, 403]
  }

  rotate {
    candidate = { password = random_password(40) }
    post      = "/-/npm/v1/user"
    json = {
      password = { old = connection.password, new = candidate.password }
    }
    connection   = { password = candidate.password }
    revokes_keys = true # each token holds the password
  }

  errors { message = body.error }
}
