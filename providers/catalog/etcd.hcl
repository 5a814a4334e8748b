# Category: Data, search and queues
#
# Sources: etcd-io/etcd:api/etcdserverpb/rpc.proto and the JSON gateway that
# etcd makes of it (https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/), and
# what etcd 3.6.5 answers.
#
# Every request is a POST. What the server has against a request it says by 400
# and a sentence, a wrong password included. Every answer of its own has a header.
#
# Admin credential: a user with the role root: etcd lets nobody else manage users.
provider "etcd" {
  title = "etcd users"
  docs  = "https://etcd.io/docs/v3.6/op-guide/authentication/rbac/"

  verified_against = ["etcd 3.6.5"]
  lag              = "5s"

  # The connection's base_url is a client URL of the cluster, without /v3.

  connection {
    username = { default = "root", help = "User who makes the users; it needs the role root." }
    password = { required = true, sensitive = true, help = "Password of username." }
  }

  role {
    role = { required = true, help = "Role of the users, which says what keys they may read and write." }
  }

  # The token lasts for as long as it is used, and until the server forgets it.
  auth "login" {
    request {
      post = "/v3/auth/authenticate"
      json = { name = connection.username, password = connection.password }
    }
    token   = body.token
    headers = { Authorization = token }
  }

  requests { ok = body.header != null }

  # Only the role root may list users.
  check {
    post = "/v3/auth/user/list"
    json = {}
  }

  # Names of users are unique.
  issue {
    candidate = { password = random_password(40) }

    step "user" {
      post = "/v3/auth/user/add"
      json = { name = key.name, password = candidate.password }
      save = { user = key.name }

      undo {
        post = "/v3/auth/user/delete"
        json = { name = saved.user }
        gone = status == 400 && can(regex("user name not found", body.message))
      }
    }

    step "role" {
      post = "/v3/auth/user/grant"
      json = { user = key.name, role = role.role }
    }

    id     = key.name
    secret = { password = candidate.password, username = key.name }
  }

  # The tokens that the user got by the password end with it.
  revoke {
    post = "/v3/auth/user/delete"
    json = { name = key.id }
    gone = status == 400 && can(regex("user name not found", body.message))
  }

  list {
    post  = "/v3/auth/user/list"
    json  = {}
    items = body.users
    item  = { id = item, name = item }
  }

  probe {
    post  = "/v3/auth/authenticate"
    json  = { name = secret.username, password = secret.password }
    alive = [200]
    dead  = status == 400 && can(regex("authentication failed", body.message))
  }

  rotate {
    candidate  = { password = random_password(40) }
    post       = "/v3/auth/user/changepw"
    json       = { name = connection.username, password = candidate.password }
    connection = { password = candidate.password }
  }

  errors {
    message      = trimprefix(body.message, "etcdserver: ")
    unauthorized = status == 400 && can(regex("authentication failed", body.message))
  }
}
