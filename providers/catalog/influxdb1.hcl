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

  connection {
    username = { required = true, help = "Administrator: a user WITH ALL PRIVILEGES." }
    password = { required = true, sensitive = true, help = "Password of the administrator." }
  }

  role {
    database  = { required = true, pattern = "^[a-zA-Z0-9_.-]+$", help = "Database that the users may use; it has to exist." }
    privilege = { default = "READ", enum = ["READ", "WRITE", "ALL"], help = "What the users may do in the database." }
  }

  auth "basic" {
    username = connection.username
    password = connection.password
  }

  requests {
    post = "/query"
    ok   = !can(body.results[0].error)
  }

  check {
    form = { q = "SHOW USERS" }
    ok   = can(body.results[0].series)
  }

  issue {
    candidate = { password = random_password(40) }

    step "user" {
      form = { q = "CREATE USER ${sql_identifier(key.name)} WITH PASSWORD ${sql_string(candidate.password)}" }
      undo {
        form = { q = "DROP USER ${sql_identifier(key.name)}" }
        gone = body.results[0].error == "user not found"
      }
    }
    step "grant" { form = { q = "GRANT ${role.privilege} ON ${sql_identifier(role.database)} TO ${sql_identifier(key.name)}" } }
    id     = key.name
    secret = { password = candidate.password, username = key.name }
  }

  revoke {
    form = { q = "DROP USER ${sql_identifier(key.id)}" }
    gone = body.results[0].error == "user not found"
  }

  # Not paged: the answer is all users.
  list {
    form  = { q = "SHOW USERS" }
    items = body.results[0].series[0].values
    item  = { id = item[0], name = item[0] }
  }

  probe {
    get        = "/query"
    query      = { q = "SHOW DATABASES" }
    credential = { username = secret.username, password = secret.password }
    alive      = [200]
    dead       = [401]
  }

  rotate {
    candidate  = { password = random_password(40) }
    form       = { q = "SET PASSWORD FOR ${sql_identifier(connection.username)} = ${sql_string(candidate.password)}" }
    connection = { password = candidate.password }
  }

  key_name { characters = "a-zA-Z0-9_-" }

  errors {
    message = try(body.results[0].error, body.error)
    refused = status == 200 && can(body.results[0].error)
  }
}
