# Category: Observability and feature flags
#
# Sources: https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/ and what Icinga
# 2.13.6 answers itself.
#
# A key is an ApiUser with a password, which may do what its permissions say and
# nothing else. Users are made at a master, whose configuration takes them over. The
# administrator needs objects/create/ApiUser, objects/query/ApiUser and
# objects/delete/ApiUser; one that is written in a configuration file cannot be
# changed by the API, so it is not replaced here.
provider "icinga2" {
  title            = "Icinga 2"
  docs             = "https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#authentication"
  lag              = "5s"
  verified_against = ["Icinga 2.13.6"]

  # The connection's base_url is a master's API, such as https://icinga:5665.

  connection "username" {
    type     = string
    required = true
    help     = "ApiUser that may create, query and delete ApiUsers."
  }
  connection "password" {
    type      = string
    required  = true
    sensitive = true
    help      = "Password of that user."
  }

  role "permissions" {
    type     = list(string)
    required = true
    min      = 1
    help     = "What the users may do, such as objects/query/Host or actions/acknowledge-problem."
  }

  auth "basic" {
    username = connection.username
    password = connection.password
  }
  auth "header" { headers = { Accept = "application/json" } }

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
    get     = "/v1/status"
    headers = { Accept = "application/json" }
    auth "basic" {
      username = secret.username
      password = secret.password
    }
    alive = [200, 403, 404]
    dead  = [401]
  }

  errors { message = try(join(" ", body.results[0].errors), body.results[0].status, body.status) }
}
