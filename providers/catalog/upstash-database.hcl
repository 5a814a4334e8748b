# Category: Data, search and queues
#
# Sources: https://upstash.com/docs/devops/developer-api/redis/reset_password
#
# The password and REST tokens of a Redis database, which everybody shares: they are
# replaced together, in place, so a static role keeps them. To end them without a
# successor is to replace them by some that nobody is told. For users of their own, see
# upstash.
#
# Admin credential: a Management API key of the account, which may do everything there;
# it is replaced in the console.
#
# Rights not named in: upstash/docs:devops/developer-api, which has no keys of lesser
# rights
provider "upstash-database" {
  title    = "Upstash Redis database password"
  docs     = "https://upstash.com/docs/devops/developer-api/introduction"
  base_url = "https://api.upstash.com/v2"

  connection {
    email   = { required = true, help = "Address that the account is registered with." }
    api_key = { required = true, sensitive = true, help = "Management API key of the account." }
  }

  role {
    database_id = { required = true, help = "Database whose password this is, a UUID." }
  }

  auth "basic" {
    username = connection.email
    password = connection.api_key
  }

  check { get = "/redis/databases" }

  issue {
    in_place = true
    post     = "/redis/reset-password/${role.database_id}"
    id       = role.database_id
    identify = "password"
    secret = {
      password             = body.password
      rest_token           = body.rest_token
      read_only_rest_token = body.read_only_rest_token
      endpoint             = body.endpoint
      port                 = body.port
    }
  }

  revoke {
    post = "/redis/reset-password/${key.id}"
    gone = [404]
  }
}
