# Category: Observability and feature flags
#
# Sources: https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/ and what Icinga
# 2.13.6 answers itself.
#
# A key is an ApiUser with a password, which may do what its permissions say and
# nothing else. Users are made at a master, whose configuration takes them over. The
# administrator needs objects/create/ApiUser, objects/query/ApiUser and
# objects/delete/ApiUser. A rotation makes another user with the same permissions and
# deletes the one before; one that is written in a configuration file is left, to be
# removed there by hand.
provider "icinga2" {
  title            = "Icinga 2"
  docs             = "https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#authentication"
  lag              = "5s"
  verified_against = ["Icinga 2.13.6"]

  # The connection's base_url is a master's API, such as https://icinga:5665.

  connection {
    username = { required = true, help = "ApiUser that may create, query and delete ApiUsers." }
    password = { required = true, sensitive = true, help = "Password of that user." }
  }

  role {
    permissions = { type = list(string), required = true, min = 1, help = "What the users may do, such as objects/query/Host or actions/acknowledge-problem." }
  }

  auth "basic" {
    username = connection.username
    password = connection.password
  }

  check {
    get   = "/v1/objects/apiusers"
    query = { attrs = "name" }
  }

  issue {
    candidate = { password = random_password(40) }
    put       = "/v1/objects/apiusers/${key.name}"
    json      = { attrs = { password = candidate.password, permissions = role.permissions } }
    ok        = body.results[0].code == 200
    id        = key.name
    secret    = { password = candidate.password, username = key.name }
  }

  revoke {
    delete = "/v1/objects/apiusers/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all users.
  list {
    get   = "/v1/objects/apiusers"
    query = { attrs = "name" }
    items = body.results
    item  = { id = item.name, name = item.name }
  }

  probe {
    get        = "/v1/status"
    credential = { username = secret.username, password = secret.password }
    alive      = [200, 403, 404]
    dead       = [401]
  }

  # A password cannot be changed, so the successor is another user. A permission that is
  # bound to a filter cannot be read back whole, and is not handed on.
  rotate {
    candidate = { password = random_password(40) }
    step "own" {
      get = "/v1/objects/apiusers/${connection.username}"
      ok  = length([for one in body.results[0].attrs.permissions : one if !can(tostring(one))]) == 0
      save = {
        permissions = body.results[0].attrs.permissions
        by_api      = body.results[0].attrs.package == "_api"
      }
    }
    step "new" {
      put  = "/v1/objects/apiusers/${key.name}"
      json = { attrs = { password = candidate.password, permissions = saved.permissions } }
      ok   = body.results[0].code == 200
    }
    connection = { username = key.name, password = candidate.password }
    retire {
      when   = saved.by_api
      delete = "/v1/objects/apiusers/${previous.username}"
      gone   = [404]
    }
    list { item = { name = item.name, by_api = true, previous = { username = item.name } } }
  }

  errors { message = try(join(" ", body.results[0].errors), body.results[0].status, body.status) }
}
