# Category: Data, search and queues
#
# Sources: https://upstash.com/docs/redis/commands/server/acl-gentoken, acl-setuser,
# acl-resttoken and https://upstash.com/docs/redis/features/restapi
#
# A key is an ACL user of one Redis database, with the token that its REST API and its
# TCP endpoint take. A role that says nothing else gets users that run reading commands
# on all keys. The admin credential is the database's own REST token, the default
# user's: only that may change users. It is replaced in the console, which ends it at
# once, and not here; QStash, Vector and Search have one token each and nothing to
# lease.
#
# Rights not named in: upstash/docs
provider "upstash" {
  title = "Upstash Redis"
  docs  = "https://upstash.com/docs/redis/commands/server/acl-setuser"

  # The connection's base_url is UPSTASH_REDIS_REST_URL.

  connection {
    token = { required = true, sensitive = true, help = "UPSTASH_REDIS_REST_TOKEN of the database." }
  }

  role {
    commands = {
      type    = list(string)
      default = ["+@read"]
      min     = 1
      pattern = "^[+-]@?[a-z]+$"
      help    = "Rules of what the users may run, such as [\"+@read\", \"+set\"]."
    }
    keys = { type = list(string), default = ["*"], min = 1, pattern = "^[^ ~%]+$", help = "Patterns of the keys that they reach, such as cache:*." }
  }

  auth "bearer" { token = connection.token }

  requests { post = "/" }

  check {
    json = ["ACL", "USERS"]
    ok   = length(body.result) > 0
  }

  key_name { characters = "A-Za-z0-9_-" }

  # Making a token changes nothing: it becomes one with the user.
  issue {
    step "token" {
      json = ["ACL", "GENTOKEN", key.name]
      ok   = can(tostring(body.result))
      save = { token = body.result }
      undo { json = ["ACL", "DELUSER", key.name] }
    }
    step "user" {
      json = concat(["ACL", "SETUSER", key.name, "reset", "on", ">${saved.token}"], [for one in role.keys : "~${one}"], role.commands)
      ok   = body.result == "OK"
    }
    id       = key.name
    identify = "token"
    secret   = { token = saved.token, username = key.name }
  }

  revoke {
    json = ["ACL", "DELUSER", key.id]
    ok   = body.result == 1
    gone = status == 200 && body.result == 0
  }

  # Not paged: the answer is all users.
  list {
    json  = ["ACL", "USERS"]
    items = body.result
    item  = { id = item, name = item }
  }

  probe {
    json       = ["PING"]
    credential = { token = secret.token }
    alive      = [200, 400]
    dead       = [401]
  }

  errors { message = body.error }
}
