# Category: Data, search and queues
#
# Sources: https://www.rabbitmq.com/docs/management#http-api and what RabbitMQ 3.10.8
# answers itself.
#
# A key is a user with a password. Without patterns it may do nothing in its virtual
# host. The administrator needs the tag "administrator", and its password ends at
# once when it is replaced. Where the plugin rabbitmq_auth_backend_cache is on, a
# deleted user may log in until its cache_ttl is over.
provider "rabbitmq" {
  title            = "RabbitMQ"
  docs             = "https://www.rabbitmq.com/docs/access-control"
  lag              = "5s"
  verified_against = ["RabbitMQ 3.10.8"]

  # The connection's base_url is the management plugin, such as https://rabbit:15671.

  connection {
    username = { required = true, help = "User with the tag administrator." }
    password = { required = true, sensitive = true, help = "Password of that user." }
  }

  role {
    vhost     = { default = "/", help = "Virtual host that the users may use." }
    configure = { default = "^$", help = "Regular expression: exchanges and queues that the users may declare and delete. Nothing, unless written." }
    write     = { default = "^$", help = "Regular expression: exchanges that the users may publish to, and queues that they may bind. Nothing, unless written." }
    read      = { default = "^$", help = "Regular expression: queues that the users may consume from. Nothing, unless written." }
    topics = {
      type = list(object({ exchange = string, write = string, read = string }))
      help = "Routing keys that the users may use at topic exchanges, as regular expressions: [{\"exchange\":\"amq.topic\",\"write\":\"^$\",\"read\":\"^orders\"}]."
    }
    tags = {
      type    = list(string)
      default = []
      enum    = ["monitoring", "management", "policymaker", "impersonator"]
      help    = "What else the users may do: monitoring, management, policymaker or impersonator."
    }
  }

  auth "basic" {
    username = connection.username
    password = connection.password
  }

  check { get = "/api/users/${connection.username}" }

  issue {
    candidate = { password = random_password(40) }

    step "user" {
      put  = "/api/users/${key.name}"
      json = { password = candidate.password, tags = join(",", role.tags) }
      ok   = status == 201 # 204 changes a user
      undo {
        delete = "/api/users/${key.name}"
        gone   = [404]
      }
    }
    step "permissions" {
      put  = "/api/permissions/${role.vhost}/${key.name}"
      json = { configure = role.configure, write = role.write, read = role.read }
    }
    step "topics" {
      for_each = role.topics
      put      = "/api/topic-permissions/${role.vhost}/${key.name}"
      json     = each.value
    }
    id     = key.name
    secret = { password = candidate.password, username = key.name }
  }

  revoke {
    delete = "/api/users/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all users.
  list {
    get   = "/api/users"
    query = { columns = "name" }
    items = body
    item  = { id = item.name, name = item.name }
  }

  # A user without tags is known, and may not use this API.
  probe {
    get        = "/api/whoami"
    credential = { username = secret.username, password = secret.password }
    alive      = status == 200 || body.reason == "Not management user"
    dead       = status == 401 && body.reason == "Login failed"
  }

  rotate {
    candidate = { password = random_password(40) }
    step "own" {
      get  = "/api/users/${connection.username}"
      save = { tags = try(join(",", body.tags), body.tags) }
    }
    step "password" {
      put  = "/api/users/${connection.username}"
      json = { password = candidate.password, tags = saved.tags }
    }
    connection = { password = candidate.password }
  }

  errors { message = try(join(" ", body.reason), body.reason) }
}
