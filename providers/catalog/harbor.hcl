# Category: Code and delivery
#
# Sources: goharbor/harbor:api/v2.0/swagger.yaml;
# https://goharbor.io/docs/main/administration/robot-accounts/
#
# System robot accounts, which may reach into projects. Harbor counts their life in
# whole days from when they were made, and shows their names behind a prefix of its own.
# A renewal sends the robot as it is, with a longer life.
#
# Admin credential: a system robot with the permissions create, read, list and delete on
# robot, and with every permission that the keys get, since a robot makes none that can
# do more. Harbor gives no robot the permission to update robots, which renewing a lease
# takes: there it is a system administrator.
#
# Rights: goharbor/harbor:src/common/rbac/const.go and src/server/v2.0/handler/robot.go
provider "harbor" {
  title = "Harbor"
  docs  = "https://goharbor.io/docs/main/administration/robot-accounts/"

  connection {
    username = { required = true, help = "System administrator, or a system robot that may create, read, list and delete robots, whose leases cannot be renewed." }
    password = { required = true, sensitive = true, help = "Password of the administrator, or secret of the robot." }
  }

  role {
    permissions = {
      type = list(object({
        kind      = string
        namespace = string
        access    = list(object({ resource = string, action = string }))
      }))
      required = true
      min      = 1
      help     = "What the robots may do, such as [{\"kind\":\"project\",\"namespace\":\"library\",\"access\":[{\"resource\":\"repository\",\"action\":\"pull\"}]}]."
    }
  }

  auth "basic" {
    username = connection.username
    password = connection.password
  }

  check {
    get   = "/robots"
    query = { page = 1, page_size = 1 }
  }

  issue {
    post = "/robots"
    json = {
      name        = key.name
      description = "Made by Vault"
      level       = "system"
      duration    = ceil(key.ttl / 86400)
      permissions = role.permissions
    }
    id         = body.id
    secret     = { secret = body.secret, username = body.name }
    expires_at = body.expires_at
  }

  revoke {
    delete = "/robots/${key.id}"
    gone   = [404]
  }

  extend {
    step "now" {
      get  = "/robots/${key.id}"
      gone = [404]
      save = { robot = body }
    }
    step "longer" {
      put  = "/robots/${key.id}"
      json = merge(saved.robot, { duration = ceil((unix(key.expires_at) - unix(saved.robot.creation_time)) / 86400) })
      gone = [404]
    }
    step "end" { get = "/robots/${key.id}" }
    expires_at = body.expires_at
  }

  list {
    get   = "/robots"
    query = { page_size = 100, sort = "id" }
    items = body
    item = {
      id         = item.id
      name       = regex_replace(item.name, "^.*[$+]", "")
      created_at = try(item.creation_time, null)
    }
    pagination "page" {}
  }

  key_name {
    max_length = 120
    characters = "a-z0-9-"
  }

  errors { message = body.errors[0].message }
}
