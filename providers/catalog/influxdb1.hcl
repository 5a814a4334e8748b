# Category: Data, search and queues
#
# Sources: https://docs.influxdata.com/influxdb/v1/administration/authentication_and_authorization/
# and what InfluxDB 1.6.7 answers itself.
#
# A key is a user with a password, who may do nothing but what its grants say; the
# server needs auth-enabled = true. Errors come under HTTP 200. The administrator
# needs ALL PRIVILEGES, which are all that there is; its old password ends at once.
provider "influxdb1" {
  title            = "InfluxDB 1"
  docs             = "https://docs.influxdata.com/influxdb/v1/administration/authentication_and_authorization/"
  lag              = "5s"
  verified_against = ["InfluxDB 1.6.7"]

  connection "username" {
    type     = string
    required = true
    help     = "Administrator: a user WITH ALL PRIVILEGES."
  }
  connection "password" {
    type      = string
    required  = true
    sensitive = true
    help      = "Password of the administrator."
  }

  role "database" {
    type     = string
    required = true
    pattern  = "^[a-zA-Z0-9_.-]+$"
    help     = "Database that the users may use; it has to exist."
  }
  role "privilege" {
    type    = string
    default = "READ"
    enum    = ["READ", "WRITE", "ALL"]
    help    = "What the users may do in the database."
  }

  auth "basic" {
    username = connection.username
    password = connection.password
  }

  check {
    post = "/query"
    form = { q = "SHOW USERS" }
    ok   = can(body.results[0].series)
  }

  issue {
    candidate = { password = random_password(40) }

    step "user" {
      post = "/query"
      form = { q = "CREATE USER ${sql_identifier(key.name)} WITH PASSWORD ${sql_string(candidate.password)}" }
      ok   = !can(body.results[0].error)
      undo {
        post = "/query"
        form = { q = "DROP USER ${sql_identifier(key.name)}" }
        ok   = !can(body.results[0].error)
        gone = body.results[0].error == "user not found"
      }
    }
    step "grant" {
      post = "/query"
      form = { q = "GRANT ${role.privilege} ON ${sql_identifier(role.database)} TO ${sql_identifier(key.name)}" }
      ok   = !can(body.results[0].error)
    }
    id     = key.name
    secret = { password = candidate.password, username = key.name }
  }

  revoke {
    post = "/query"
    form = { q = "DROP USER ${sql_identifier(key.id)}" }
    ok   = !can(body.results[0].error)
    gone = body.results[0].error == "user not found"
  }

  # Not paged: the answer is all users.
  list {
    post  = "/query"
    form  = { q = "SHOW USERS" }
    items = body.results[0].series[0].values
    item  = { id = item[0], name = item[0] }
  }

  probe {
    get   = "/query"
    query = { q = "SHOW DATABASES" }
    auth "basic" {
      username = secret.username
      password = secret.password
    }
    alive = [200]
    dead  = [401]
  }

  rotate {
    candidate  = { password = random_password(40) }
    post       = "/query"
    form       = { q = "SET PASSWORD FOR ${sql_identifier(connection.username)} = ${sql_string(candidate.password)}" }
    ok         = !can(body.results[0].error)
    connection = { password = candidate.password }
  }

  key_name { characters = "a-zA-Z0-9_-" }

  errors {
    message = try(body.results[0].error, body.error)
    refused = status == 200 && can(body.results[0].error)
  }
}
